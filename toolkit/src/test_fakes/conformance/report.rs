//! What a check of a log store did.

use std::fmt;

/// What [`log_store`](super::log_store()) did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStoreReport {
    /// The number of calls, including restarts and power cuts, and without the calls of openraft's suite.
    pub calls: u64,
    /// The number of restarts, without those that were made instead of a power cut. After each, the log was compared
    /// with what it must hold.
    pub restarts: u64,
    /// The number of power cuts. After each, the log was compared with what it must hold. The number is 0 if
    /// [`LogDisk::power_cut`](super::LogDisk::power_cut) returned `None`.
    pub power_cuts: u64,
}

impl fmt::Display for LogStoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            calls,
            restarts,
            power_cuts,
        } = self;
        write!(f, "{calls} calls, {restarts} restarts, {power_cuts} power cuts")
    }
}
