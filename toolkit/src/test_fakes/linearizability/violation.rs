//! Operations whose answers no order explains, and their timeline.

use std::error::Error;
use std::fmt;

use super::operation::{End, Operation};

/// The operations on one key, if no order of them explains all answers.
///
/// `Display` shows a timeline of these operations, up to the first answer that cannot be explained. This answer is
/// marked with `>`. The timeline leaves out refused operations. It shows an operation without an answer only if the
/// operation writes a value that some answer contains or some compare-and-set expects.
///
/// # Examples
///
/// A stale read. The first two columns are seconds since the history began.
///
/// ```
/// use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op};
///
/// let history = History::new();
/// let (writer, reader) = (history.client(), history.client());
/// writer.call("k", Op::Put("1".into())).returned(Answer::Done);
/// let get = reader.call("k", Op::Get);
/// get.note("asked node 3");
/// get.returned(Answer::Value(None));
///
/// let violation = history.check().unwrap_err();
/// assert_eq!((violation.key(), violation.operations()), ("k", 2));
/// let timeline = violation.to_string();
/// // not linearizable: no order of the operations on key k explains the answer marked with >
/// //       called  returned  client  (seconds)
/// //     0.000002  0.000003       1  put 1: done
/// // >   0.000004  0.000005       2  get: nothing                            asked node 3
/// assert!(timeline.lines().any(|line| line.starts_with('>') && line.contains("get: nothing")));
/// ```
#[derive(Clone, Debug)]
pub struct Violation {
    pub(super) key: String,
    /// The operations, in the order of their calls.
    pub(super) operations: Vec<Operation>,
    /// The event at which a client got the answer that cannot be explained.
    pub(super) unexplained: usize,
}

impl Violation {
    /// Returns the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns how many operations the timeline has.
    pub fn operations(&self) -> usize {
        self.operations.len()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "not linearizable: no order of the operations on key {} explains the answer marked with >",
            self.key
        )?;
        writeln!(f, "      called  returned  client  (seconds)")?;
        for operation in &self.operations {
            let mark = if operation.returned() == Some(self.unexplained) {
                '>'
            } else {
                ' '
            };
            let called = operation.called.time.as_secs_f64();
            let (returned, answer) = match &operation.end {
                End::Returned(moment, answer) if moment.event <= self.unexplained => {
                    (format!("{:.6}", moment.time.as_secs_f64()), format!(": {answer}"))
                }
                // Leave out an answer that arrived after the unexplained one: the check did not need this answer.
                End::Returned(..) => ("later".to_owned(), String::new()),
                End::Unknown | End::Failed => ("unknown".to_owned(), String::new()),
            };
            let Operation { client, op, note, .. } = operation;
            let line = format!("{mark} {called:10.6} {returned:>9}  {client:>6}  {op}{answer}");
            match note.as_str() {
                "" => writeln!(f, "{line}")?,
                note => writeln!(f, "{line:<72} {note}")?,
            }
        }
        Ok(())
    }
}

impl Error for Violation {}
