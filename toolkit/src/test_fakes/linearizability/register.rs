//! What a client can ask of a key, what it can be told, and what that means for the key's value.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a client asks of one key, which has a value or none. At first it has none.
///
/// The check finds more if no value is written twice. A service without commands of its own can send this type, which
/// is why it implements serde's traits.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::test_fakes::linearizability::Op;
///
/// let lock = Op::CompareAndSet { expected: None, new: "owner 3".into() };
/// assert_eq!(lock.to_string(), "set nothing to owner 3");
/// assert_eq!(Op::Put("1".into()).to_string(), "put 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Sets the value.
    Put(String),
    /// Reads the value.
    Get,
    /// Sets the value to `new` if the present value is `expected`; `None` stands for no value.
    CompareAndSet {
        /// The value that is replaced.
        expected: Option<String>,
        /// The value that replaces it.
        new: String,
    },
    /// Removes the value, if there is one.
    Delete,
}

/// What a client was told.
///
/// # Examples
///
/// A put is answered by [`Done`](Self::Done) alone, so any other answer is a violation:
///
/// ```
/// use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op};
///
/// let history = History::new();
/// history.client().call("k", Op::Put("1".into())).returned(Answer::Swapped);
/// assert!(history.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a put or a delete: the operation took effect.
    Done,
    /// To a get: the value, or `None` if the key has no value.
    Value(Option<String>),
    /// To a compare-and-set: the value was the expected one, and has been replaced.
    Swapped,
    /// To a compare-and-set: the operation changed nothing, because this is the value.
    Found(Option<String>),
}

impl Op {
    /// Returns the value that the operation may leave behind, or `None` if it changes nothing.
    pub(super) fn written(&self) -> Option<Option<&str>> {
        match self {
            Self::Put(new) | Self::CompareAndSet { new, .. } => Some(Some(new)),
            Self::Delete => Some(None),
            Self::Get => None,
        }
    }

    /// Returns whether `answer` is the right one on a key of this `value`, and the value that the operation leaves
    /// behind. The answer is `None` if the client was told nothing: that is always right.
    pub(super) fn apply(&self, value: &Option<String>, answer: Option<&Answer>) -> (bool, Option<String>) {
        let (told, after) = match self {
            Self::Put(new) => (Answer::Done, Some(new)),
            Self::Get => (Answer::Value(value.clone()), value.as_ref()),
            Self::CompareAndSet { expected, new } if expected == value => (Answer::Swapped, Some(new)),
            Self::CompareAndSet { .. } => (Answer::Found(value.clone()), value.as_ref()),
            Self::Delete => (Answer::Done, None),
        };
        match answer {
            Some(answer) if *answer != told => (false, value.clone()),
            _ => (true, after.cloned()),
        }
    }
}

/// Shows a value, or `nothing`.
struct Shown<'a>(&'a Option<String>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => "nothing".fmt(f),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(value) => write!(f, "put {value}"),
            Self::Get => write!(f, "get"),
            Self::CompareAndSet { expected, new } => write!(f, "set {} to {new}", Shown(expected)),
            Self::Delete => write!(f, "delete"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => write!(f, "done"),
            Self::Value(value) => Shown(value).fmt(f),
            Self::Swapped => write!(f, "swapped"),
            Self::Found(value) => write!(f, "found {}", Shown(value)),
        }
    }
}
