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
            let (client, op) = (operation.client, &operation.op);
            match &operation.end {
                End::Returned(moment, answer) if moment.event <= self.unexplained => {
                    let returned = moment.time.as_secs_f64();
                    writeln!(f, "{mark} {called:10.6} {returned:9.6}  {client:>6}  {op}: {answer}")?;
                }
                // Its answer came later, and explains nothing.
                End::Returned(..) => writeln!(f, "{mark} {called:10.6}     later  {client:>6}  {op}")?,
                End::Unknown | End::Failed => writeln!(f, "{mark} {called:10.6}   unknown  {client:>6}  {op}")?,
            }
        }
        Ok(())
    }
}

impl Error for Violation {}
