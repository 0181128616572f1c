//! Records what the clients of a replicated map were told, and checks that the history is linearizable.
//!
//! A history is linearizable if every operation seems to take effect at one moment between its call and its
//! return, as on a single copy of the map. It then has no stale read, no lost update, and no write that a client
//! was told of and that is gone later.
//!
//! A test uses this module in three steps. It makes one [`Client`] of the [`History`] for each concurrent caller.
//! Around every request it notes the call and what the client was told. At the end it calls [`History::check`],
//! which returns [`Stats`], or the [`Violation`] that it found.
//!
//! ```
//! use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op};
//!
//! let history = History::new();
//! let (alice, bob) = (history.client(), history.client());
//!
//! let put = alice.call("k", Op::Put("1".into()));
//! put.returned(Answer::Done);
//! // The answer of this compare-and-set is lost, so nobody knows whether the operation takes effect.
//! drop(alice.call("k", Op::CompareAndSet { expected: Some("1".into()), new: "2".into() }));
//!
//! let get = bob.call("k", Op::Get);
//! get.returned(Answer::Value(Some("2".into())));
//! assert_eq!(history.check().unwrap().unknown, 1);
//!
//! // Bob has seen that the compare-and-set took effect, so a later read of the old value is stale.
//! let get = bob.call("k", Op::Get);
//! get.returned(Answer::Value(Some("1".into())));
//! println!("{}", history.check().unwrap_err());
//! ```
//!
//! # What a verdict means
//!
//! A [`Violation`] is a proof: the answers that clients were given contradict each other. `Ok` says that these
//! answers can be explained, not that the service is correct: record contended operations, under the faults that
//! you care about. A verdict is only as good as the record:
//!
//! - Note each [call](Client::call) before its request is sent, and each [return](Call::returned) after its answer
//!   has arrived.
//! - Note a [failure](Call::failed) only where the operation can never take effect. Drop the [`Call`] in every other
//!   case without an answer, such as a timeout: the outcome is unknown.
//! - Write each value only once. A read then tells which write it saw, and the check finds more.
//!
//! # The checker
//!
//! The checker is [`todc_utils::WGLChecker`]: the search of Wing and Gong with Lowe's cache of visited states, as in
//! Porcupine and Knossos. Each key is checked by itself, which is exact because linearizability is a local property.
//! The time of any such search is exponential in the worst case; [`Keys`] keeps the history of each key short.
//!
//! The tests of this module compare its verdicts with those of stateright's `LinearizabilityTester` on random
//! histories. That checker is correct as well, but it has no such cache, and takes exponential time where a history
//! is not linearizable.

// The files of this folder, from the entrance down. Each imports only files below it.
//
// - `history`: clients note calls and returns in a `History`, whose `check` hands the operations of each key on.
// - `check`: the verdict about the operations on one key.
// - `violation`, `stats`: what a check returns.
// - `operation`: one recorded operation, and when it was called and ended.
// - `register`: what a client can ask and be told, and what that means for one key.
// - `keys`: picks the keys that a test uses; stands apart.

mod check;
mod history;
mod keys;
mod operation;
mod register;
mod stats;
mod violation;

pub use history::{Call, Client, History};
pub use keys::Keys;
pub use register::{Answer, Op};
pub use stats::Stats;
pub use violation::Violation;
