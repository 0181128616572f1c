//! Formats an error and its sources as one line.

use std::error::Error;

/// Returns the messages of an error and of all its sources, separated by colons.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        chain = format!("{chain}: {error}");
        source = error.source();
    }
    chain
}
