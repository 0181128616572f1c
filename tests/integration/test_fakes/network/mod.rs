//! The network in memory.
//!
//! | file | what it proves |
//! |---|---|
//! | `rpc` | every RPC is delivered, or fails in a way that openraft knows |
//! | `partition` | which nodes reach each other |
//! | `link` | what the faults of a link do to the messages on it |
//! | `snapshot` | a snapshot that is cut on its way does no harm |
//! | `wire` | messages that are encoded, and types that do not survive it |

mod helpers;
mod link;
mod partition;
mod rpc;
mod snapshot;
mod wire;
