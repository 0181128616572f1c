//! One recorded operation on one key, and when it was called and ended.

use std::time::Duration;

use super::register::{Answer, Op};

/// A call, and how it ended.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) client: usize,
    pub(super) key: String,
    pub(super) op: Op,
    pub(super) note: String,
    pub(super) called: Moment,
    pub(super) end: End,
}

/// How an operation ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The client got no answer: the operation may take effect at any time after its call, or never.
    Unknown,
    /// The client got this answer at this moment.
    Returned(Moment, Answer),
    /// The operation took no effect, and never will.
    Failed,
}

/// A place in the order of all calls and returns, with the time since the start of the history.
///
/// The check uses the order alone; the time is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) event: usize,
    pub(super) time: Duration,
}

impl Operation {
    /// Returns the event at which the client got its answer, or `None` if it got no answer.
    pub(super) fn returned(&self) -> Option<usize> {
        match &self.end {
            End::Returned(moment, _) => Some(moment.event),
            End::Unknown | End::Failed => None,
        }
    }
}
