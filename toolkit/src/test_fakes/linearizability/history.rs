use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::check::{Stats, check_key};
use crate::violation::Violation;
use crate::{Answer, Op};

/// What all clients called, and what they were told, in the order in which it happened.
///
/// A clone is another handle on the same history. The crate's front page shows its use.
#[derive(Clone, Debug)]
pub struct History {
    started: Instant,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    clients: usize,
    /// How many calls and returns there were.
    events: usize,
    operations: Vec<Operation>,
}

/// A call, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) client: usize,
    pub(crate) key: String,
    pub(crate) op: Op,
    pub(crate) note: String,
    pub(crate) called: Moment,
    pub(crate) end: End,
}

#[derive(Clone, Debug)]
pub(crate) enum End {
    /// Nobody heard: it may take effect at any time from its call on, or never.
    Unknown,
    Returned(Moment, Answer),
    /// It took no effect, and never will.
    Failed,
}

/// A place in the order of all calls and returns, and the time since the start, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) event: usize,
    pub(crate) time: Duration,
}

impl History {
    /// A history in which nothing has happened.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            record: Arc::default(),
        }
    }

    /// One more client, which has a number of its own.
    pub fn client(&self) -> Client {
        let mut record = self.record();
        record.clients += 1;
        Client {
            number: record.clients,
            history: self.clone(),
        }
    }

    /// How long ago it began: the time by which a [`Violation`] tells when something happened.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Checks what has been recorded so far. Calls that are not over yet count as unknown.
    ///
    /// # Errors
    ///
    /// The first [`Violation`], where the operations on a key have no order that explains all answers.
    pub fn check(&self) -> Result<Stats, Violation> {
        let operations = self.record().operations.clone();
        let mut stats = Stats::default();
        let mut keys: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for operation in operations {
            stats.count(&operation);
            keys.entry(operation.key.clone()).or_default().push(operation);
        }
        stats.keys = keys.len();
        for (key, operations) in keys {
            check_key(key, operations)?;
        }
        Ok(stats)
    }

    /// A client that panicked with the lock held must not hide its message behind another one.
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self, record: &mut Record) -> Moment {
        record.events += 1;
        Moment {
            event: record.events,
            time: self.started.elapsed(),
        }
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

/// Someone who calls one operation after the other.
#[derive(Debug)]
pub struct Client {
    number: usize,
    history: History,
}

impl Client {
    /// Notes that `op` is about to be sent. It must not be sent before.
    pub fn call(&self, key: impl Into<String>, op: Op) -> Call {
        let key = key.into();
        let mut record = self.history.record();
        let called = self.history.moment(&mut record);
        record.operations.push(Operation {
            client: self.number,
            key,
            op,
            note: String::new(),
            called,
            end: End::Unknown,
        });
        Call {
            operation: record.operations.len() - 1,
            history: self.history.clone(),
        }
    }
}

/// An operation that was called.
///
/// Dropping it leaves its outcome unknown, as after a timeout or where the answer was lost: it may take effect
/// at any time, or never. The client may go on meanwhile.
#[derive(Debug)]
#[must_use = "an operation whose call is dropped has an unknown outcome"]
pub struct Call {
    operation: usize,
    history: History,
}

impl Call {
    /// Adds what helps a person who reads a [`Violation`], such as which node was asked. The check does not look
    /// at it.
    pub fn note(&self, note: impl Into<String>) {
        let mut record = self.history.record();
        if let Some(operation) = record.operations.get_mut(self.operation) {
            operation.note = note.into();
        }
    }

    /// Notes what the client was told.
    pub fn returned(self, answer: Answer) {
        let mut record = self.history.record();
        let moment = self.history.moment(&mut record);
        self.end(&mut record, End::Returned(moment, answer));
    }

    /// Notes that the operation was refused: it took no effect and never will, such as one that was sent to a node
    /// which does not lead, and said so. It is left out of the check.
    pub fn failed(self) {
        let mut record = self.history.record();
        self.end(&mut record, End::Failed);
    }

    fn end(&self, record: &mut Record, end: End) {
        if let Some(operation) = record.operations.get_mut(self.operation) {
            operation.end = end;
        }
    }
}
