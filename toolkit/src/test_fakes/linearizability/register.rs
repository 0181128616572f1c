use std::fmt;

use serde::{Deserialize, Serialize};

/// What a client asks of one key.
///
/// The checker tells more where no value is written twice. A service that has no commands of its own may send this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Sets the value.
    Put(String),
    /// Reads the value.
    Get,
    /// Sets the value to `new` if it is `expected`; `None` means that there is none.
    CompareAndSet {
        /// The value that is replaced.
        expected: Option<String>,
        /// What replaces it.
        new: String,
    },
    /// Removes the value, if there is one.
    Delete,
}

/// What the client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of a put or a delete: it took effect.
    Done,
    /// Of a get: the value, or `None` where there is none.
    Value(Option<String>),
    /// Of a compare-and-set: the value was the expected one, and has been replaced.
    Swapped,
    /// Of a compare-and-set: it changed nothing, as this is the value.
    Found(Option<String>),
}

impl Op {
    /// The value that it may leave behind; `None` where it changes nothing.
    pub(crate) fn written(&self) -> Option<Option<&str>> {
        match self {
            Self::Put(new) | Self::CompareAndSet { new, .. } => Some(Some(new)),
            Self::Delete => Some(None),
            Self::Get => None,
        }
    }

    /// Whether this operation can be answered so, and the value that it leaves behind. The answer is `None`
    /// where nobody heard it.
    pub(crate) fn apply(&self, value: &Option<String>, answer: Option<&Answer>) -> (bool, Option<String>) {
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

/// A value as people write it.
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
