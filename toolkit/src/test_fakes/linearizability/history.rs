//! Records the calls of all clients and the answers that they got, in one order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::check::check_key;
use super::operation::{End, Moment, Operation};
use super::register::{Answer, Op};
use super::stats::Stats;
use super::violation::Violation;
use crate::support::lock::lock;

/// The calls of all clients and the answers that they got, in the order in which they happened.
///
/// A clone is another handle on the same history, so clients may run in different tasks and threads. All clients must
/// be in one process, so that their calls and answers have one order.
///
/// # Examples
///
/// Two threads use the same key of a map, and then the test checks the history:
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
/// use std::thread;
///
/// use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op};
///
/// let service: Mutex<BTreeMap<String, String>> = Mutex::default();
/// let history = History::new();
/// thread::scope(|scope| {
///     for value in ["1", "2"] {
///         let (client, service) = (history.client(), &service);
///         scope.spawn(move || {
///             let put = client.call("k", Op::Put(value.into()));
///             service.lock().unwrap().insert("k".into(), value.into());
///             put.returned(Answer::Done);
///
///             let get = client.call("k", Op::Get);
///             let found = service.lock().unwrap().get("k").cloned();
///             get.returned(Answer::Value(found));
///         });
///     }
/// });
/// let stats = history.check().unwrap_or_else(|violation| panic!("{violation}"));
/// assert_eq!(stats.returned, 4);
/// ```
#[derive(Clone, Debug)]
pub struct History {
    started: Instant,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    /// The number of clients so far.
    clients: usize,
    /// The number of calls and returns so far.
    events: usize,
    operations: Vec<Operation>,
}

impl History {
    /// Returns a blank history. Its clock starts now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            record: Arc::default(),
        }
    }

    /// Returns a new client. The clients are numbered 1, 2, and so on.
    pub fn client(&self) -> Client {
        let mut record = self.record();
        record.clients += 1;
        Client {
            number: record.clients,
            history: self.clone(),
        }
    }

    /// Returns the time since the history began, by the clock that a [`Violation`] shows.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Checks all operations that are recorded so far.
    ///
    /// An operation whose outcome is not recorded has an unknown outcome, even if its [`Call`] still exists. More
    /// operations can be recorded after the check, and the history can be checked again.
    ///
    /// # Errors
    ///
    /// The [`Violation`] of the first key, in the order of keys, whose operations have no order that explains all
    /// answers.
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

    fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    /// Returns the moment of the next event.
    fn next_moment(&self, record: &mut Record) -> Moment {
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

/// A caller that makes one call after the other. [`History::client`] returns it.
///
/// A client may go on after a call without an answer. The check ignores which client made a call: the client's number
/// is for the person who reads a [`Violation`].
///
/// # Examples
///
/// ```
/// use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op};
///
/// let history = History::new();
/// let client = history.client();
/// let call = client.call("k", Op::Delete);
/// // Send the request here, and wait for the answer.
/// call.returned(Answer::Done);
/// assert_eq!(history.check().unwrap().returned, 1);
/// ```
#[derive(Debug)]
pub struct Client {
    number: usize,
    history: History,
}

impl Client {
    /// Records that the client is about to send `op`.
    ///
    /// Call this before the request is sent. If an operation takes effect before its call is recorded, the check may
    /// report a violation although the service is right.
    pub fn call(&self, key: impl Into<String>, op: Op) -> Call {
        let key = key.into();
        let mut record = self.history.record();
        let called = self.history.next_moment(&mut record);
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

/// An operation that was called, and whose outcome is not recorded yet. [`Client::call`] returns it.
///
/// Drop the `Call` if the outcome is unknown, for example after a timeout. The check then allows that the operation
/// takes effect at any later time, once, or never.
///
/// # Examples
///
/// The three outcomes of a request:
///
/// ```
/// use openraft_toolkit::test_fakes::linearizability::{Answer, Call, History, Op};
///
/// enum Outcome {
///     Committed,
///     NotLeader,
///     TimedOut,
/// }
///
/// fn note(call: Call, outcome: Outcome) {
///     match outcome {
///         Outcome::Committed => call.returned(Answer::Done),
///         Outcome::NotLeader => call.failed(), // the node refused the request before it proposed anything
///         Outcome::TimedOut => drop(call),     // the entry may be committed later
///     }
/// }
///
/// let history = History::new();
/// let client = history.client();
/// for outcome in [Outcome::Committed, Outcome::NotLeader, Outcome::TimedOut] {
///     note(client.call("k", Op::Put("1".into())), outcome);
/// }
/// let stats = history.check().unwrap();
/// assert_eq!((stats.returned, stats.failed, stats.unknown), (1, 1, 1));
/// ```
#[derive(Debug)]
#[must_use = "an operation whose call is dropped has an unknown outcome"]
pub struct Call {
    operation: usize,
    history: History,
}

impl Call {
    /// Adds a note for the person who reads a [`Violation`], such as which node was asked. A later note replaces an
    /// earlier one.
    ///
    /// The check ignores notes.
    pub fn note(&self, note: impl Into<String>) {
        let mut record = self.history.record();
        if let Some(operation) = record.operations.get_mut(self.operation) {
            operation.note = note.into();
        }
    }

    /// Records the answer that the client got. Call this after the answer has arrived.
    pub fn returned(self, answer: Answer) {
        let mut record = self.history.record();
        let moment = self.history.next_moment(&mut record);
        self.end(&mut record, End::Returned(moment, answer));
    }

    /// Records that the operation was refused: it took no effect, and never will.
    ///
    /// For example, a node refused the request because it does not lead. The check ignores the operation. So if a
    /// client reads a value that only refused operations wrote, the check reports a [`Violation`].
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
