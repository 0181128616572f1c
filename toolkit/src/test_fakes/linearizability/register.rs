//! The operations on a key, the answers to them, and their effect on the key's value.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An operation on one key. A key has a value or none, and starts without one.
///
/// The check finds more violations if no value is written twice. This type implements serde's traits, so a service that
/// has no commands yet can use it as its command.
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
    /// Sets the value to `new` if the present value is `expected`; `None` means no value.
    CompareAndSet {
        /// The value that is replaced.
        expected: Option<String>,
        /// The value that replaces it.
        new: String,
    },
    /// Removes the value, if there is one.
    Delete,
}

/// The answer to an operation.
///
/// # Examples
///
/// The only right answer to a put is [`Done`](Self::Done), so any other answer is a violation:
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
    /// To a compare-and-set: the operation changed nothing, because the value was this one instead of the expected one.
    Found(Option<String>),
}

impl Op {
    /// Returns the value that the operation may write, which is `Some(None)` for a delete. Returns `None` if the
    /// operation never changes the value.
    pub(super) fn written(&self) -> Option<Option<&str>> {
        match self {
            Self::Put(new) | Self::CompareAndSet { new, .. } => Some(Some(new)),
            Self::Delete => Some(None),
            Self::Get => None,
        }
    }

    /// Applies the operation to a key with this `value`. Returns whether `answer` is right, and the value after the
    /// operation. A missing answer (`None`) is always right.
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
