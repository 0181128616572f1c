//! Records what the clients of a replicated map call and which answers they get, and checks that this history is
//! linearizable.
//!
//! A history is linearizable if every operation seems to take effect at one moment between its call and its return, as
//! on a single copy of the map. Such a history has no stale read, no lost update, and no acknowledged write that is
//! missing later.
//!
//! A test uses this module in three steps. It makes one [`Client`] of the [`History`] for each concurrent caller. For
//! every request, it records the call and the answer that the client got. At the end it calls [`History::check`], which
//! returns [`Stats`], or the [`Violation`] that it found.
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
//! A [`Violation`] is a proof: the answers that clients got contradict each other. `Ok` means only that some order of
//! the operations explains these answers, not that the service is correct. So record operations that contend, under the
//! faults that matter to you. A verdict is only as good as the record:
//!
//! - Record each [call](Client::call) before its request is sent, and each [return](Call::returned) after its answer
//!   has arrived.
//! - Record a [failure](Call::failed) only if the operation can never take effect. In every other case without an
//!   answer, such as a timeout, drop the [`Call`]: its outcome is unknown.
//! - Write each value only once. A read then shows which write it saw, and the check finds more violations.
//!
//! # The checker
//!
//! The checker is [`todc_utils::WGLChecker`]: the search of Wing and Gong with Lowe's cache of visited states, as in
//! Porcupine and Knossos. Each key is checked by itself. This is exact, because a history is linearizable if and only
//! if its operations on each key are. The time of any such search is exponential in the worst case. [`Keys`] keeps the
//! history of each key short.
//!
//! The tests of this module compare the verdicts of `WGLChecker` with those of stateright's `LinearizabilityTester` on
//! random histories. stateright's checker is correct too, but has no cache of visited states, and takes exponential
//! time if a history is not linearizable.

// The files of this folder, from the public entry point down. Each imports only files below it.
//
// - `history`: clients record their calls and answers in a `History`. `History::check` passes the operations of each
//   key to `check`.
// - `check`: checks the operations on one key.
// - `violation`, `stats`: what a check returns.
// - `operation`: one recorded operation, and when it was called and ended.
// - `register`: the operations on a key, the answers to them, and their effect.
// - `keys`: picks the keys that a test uses; imports no file of this folder.

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
