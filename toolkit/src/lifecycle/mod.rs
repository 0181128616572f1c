//! Starting, growing and watching a node.
//!
//! # Bringing a node up
//!
//! 1. Open the storage, on the same path as ever: it is what makes the node the same node again.
//! 2. `Raft::new` with the storage, the state machine and the network.
//! 3. [`bootstrap`] with the [`BootstrapMode`] that says what the storage must look like.
//! 4. Only then make the node's RPC handlers reachable, and serve clients.
//!
//! Step 3 stands before step 4 because openraft answers a vote request whether or not the node is a
//! member of anything: a node that is blank and reachable grants its vote, and has then got state.
//! [`BootstrapMode::Reopen`] could no longer tell that its disk was lost. Clients come after both,
//! and after `Raft::wait_for_recovery` where they read from the local state machine.
//!
//! # Forming a cluster, and growing it
//!
//! One node starts with [`BootstrapMode::Fresh`] and names the first voters, often itself alone.
//! All others start with [`BootstrapMode::Join`], which waits for a leader to contact them. The
//! leader brings them in: [`add_learner`] copies the log to a node that has no vote yet, and
//! [`change_membership`] then makes it a voter. A node that is restarted uses `Join` again, or
//! [`BootstrapMode::Reopen`] where blank storage would be an accident. A cluster whose releases change
//! the format of their commands uses [`add_learner_checked`], which refuses a node that is too old to
//! read them.
//!
//! | storage | `Fresh` | `Reopen` | `Join` |
//! |---|---|---|---|
//! | blank | [`Initialized`](Bootstrapped::Initialized) | [`NoExistingState`](BootstrapError::NoExistingState) | [`Joining`](Bootstrapped::Joining) |
//! | has state | [`UnexpectedExistingState`](BootstrapError::UnexpectedExistingState) | [`Resumed`](Bootstrapped::Resumed) | [`Resumed`](Bootstrapped::Resumed) |
//!
//! # A node that lost its disk
//!
//! It forgot its votes and the entries that it acknowledged. Were it to come back under its old id,
//! it could vote a second time in a term, and acknowledged entries could be lost. Remove it from
//! the voters with [`change_membership`] and let a node with a **new id** join in its place.
//!
//! # Following the leadership
//!
//! [`leadership_events`] is a stream of what this node is: leader, follower of whom, candidate,
//! learner, or shut down.

mod bootstrap;
mod fence;
mod handover;
mod leadership;
mod membership;
mod promotion;
mod redirect;
mod writable;

pub use bootstrap::{BootstrapError, BootstrapMode, Bootstrapped, bootstrap, bootstrap_checked};
pub use fence::while_leader;
pub use handover::{Handover, graceful_shutdown, hand_over};
pub use leadership::{LeadershipState, leadership_events, leadership_events_from_metrics};
pub use membership::{MembershipError, add_learner, add_learner_checked, change_membership};
pub use promotion::{promote_learner, replace_voter};
pub use writable::{WritableError, wait_writable};
