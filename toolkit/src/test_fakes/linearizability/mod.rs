//! Records what the clients of a replicated map were told, and checks that it is linearizable: that
//! every operation took effect at one moment between its call and its return.
//!
//! ```
//! use openraft_toolkit_linearizability::{Answer, History, Op};
//!
//! let history = History::new();
//! let (alice, bob) = (history.client(), history.client());
//!
//! let put = alice.call("k", Op::Put("1".into()));
//! put.returned(Answer::Done);
//! // Nobody knows whether this one took effect, or when it will: its answer was lost.
//! drop(alice.call("k", Op::CompareAndSet { expected: Some("1".into()), new: "2".into() }));
//!
//! let get = bob.call("k", Op::Get);
//! get.returned(Answer::Value(Some("2".into())));
//! assert_eq!(history.check().unwrap().unknown, 1);
//!
//! // That it took effect is known by then: nobody may read the earlier value any more.
//! let get = bob.call("k", Op::Get);
//! get.returned(Answer::Value(Some("1".into())));
//! println!("{}", history.check().unwrap_err());
//! ```
//!
//! # The checker
//!
//! It is [`todc_utils::WGLChecker`]: the search of Wing and Gong with the memory of Lowe, as in Porcupine and
//! Knossos. Linearizability is local, so that each key is checked by itself. The tests compare its verdicts with
//! those of stateright's `LinearizabilityTester`, which is right as well, but has no memory of what it
//! tried and takes exponential time where a history is not linearizable.
//!
//! [`Keys`] keeps the history of each key short, since in the worst case any search takes exponential time.

mod check;
mod history;
mod keys;
mod register;
mod violation;

pub use check::Stats;
pub use history::{Call, Client, History};
pub use keys::Keys;
pub use register::{Answer, Op};
pub use violation::Violation;
