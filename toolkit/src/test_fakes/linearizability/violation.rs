use std::error::Error;
use std::fmt;

use crate::check::returned;
use crate::history::{End, Operation};

/// The operations on a key, which have no order that explains all answers.
///
/// Displayed, it is a timeline of them up to the first answer that cannot be explained. Operations that were
/// refused are not in it, nor those without an answer that explain nothing.
#[derive(Clone, Debug)]
pub struct Violation {
    pub(crate) key: String,
    /// In the order of their calls.
    pub(crate) operations: Vec<Operation>,
    /// The event that is the answer which cannot be explained.
    pub(crate) unexplained: usize,
}

impl Violation {
    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How many operations lead to it.
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
            let mark = if returned(operation) == Some(self.unexplained) {
                '>'
            } else {
                ' '
            };
            let called = operation.called.time.as_secs_f64();
            let (returned, answer) = match &operation.end {
                End::Returned(moment, answer) if moment.event <= self.unexplained => {
                    (format!("{:.6}", moment.time.as_secs_f64()), format!(": {answer}"))
                }
                // Its answer came later, and explains nothing.
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
