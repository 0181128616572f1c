//! Formats an error and its sources as one line.

use std::error::Error;

/// Returns the messages of an error and of all its sources, separated by colons. Skips a source that the message before
/// it ends with, because some errors name their source themselves.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !chain.ends_with(&message) {
            chain = format!("{chain}: {message}");
        }
        source = error.source();
    }
    chain
}
