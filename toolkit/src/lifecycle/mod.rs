//! Starts, grows, watches and stops the nodes of a cluster.
//!
//! Each function takes a `Raft` that you have built, on a storage and a network of your choice. Each error says what to
//! do. Nothing here opens storage, sends messages of its own, or keeps state between calls.
//!
//! # Bringing a node up
//!
//! 1. Open the storage, on the same path each time: the storage makes the node the same node again.
//! 2. Call `Raft::new` with the storage, the state machine and the network.
//! 3. Call [`bootstrap`](bootstrap()) with the [`BootstrapMode`] that says what the storage must look like.
//! 4. Only then make the node's RPC handlers reachable, and serve clients.
//!
//! Step 3 must come before step 4, because openraft answers a vote request even if the node belongs to no cluster. A
//! blank node that is reachable grants its vote and then has state, so [`BootstrapMode::Reopen`] could no longer tell
//! that its disk was lost. Clients that read from the local state machine must also wait for
//! `Raft::wait_for_recovery`.
//!
//! # Forming a cluster, and growing it
//!
//! One node starts with [`BootstrapMode::Fresh`] and names the first voters, often only itself. All others start with
//! [`BootstrapMode::Join`], which waits for a leader to contact them. A node that restarts uses `Join` again, or
//! [`BootstrapMode::Reopen`] if blank storage would be an accident.
//!
//! In a deployment that gives the same arguments to all nodes, such as a StatefulSet, all nodes start with
//! [`BootstrapMode::Static`]: the node with the smallest id forms the cluster. [`bootstrap_checked`] first asks the
//! others whether there is a cluster already.
//!
//! The leader brings further nodes in:
//!
//! - [`add_learner`] copies the log to a node that has no vote yet.
//! - [`add_learner_checked`] also refuses a node whose release is too old to read what the cluster writes.
//! - [`promote_learner`] makes a learner a voter once it has caught up.
//! - [`replace_voter`] makes it a voter in the place of a dead one.
//! - [`change_membership`] makes any set of members the voters.
//!
//! | storage | `Fresh` | `Static` | `Reopen` | `Join` |
//! |---|---|---|---|---|
//! | blank | [`Initialized`](Bootstrapped::Initialized) | `Initialized` on the node of the smallest id, [`Joining`](Bootstrapped::Joining) on others | [`NoExistingState`](BootstrapError::NoExistingState) | `Joining` |
//! | has state | [`UnexpectedExistingState`](BootstrapError::UnexpectedExistingState) | [`Resumed`](Bootstrapped::Resumed) | `Resumed` | `Resumed` |
//!
//! # A node that lost its disk
//!
//! A node that lost its disk has forgotten its votes and the entries that it acknowledged. If it came back under its old
//! id, it could vote twice in one term, and acknowledged entries could be lost. Start a node with a **new id**, and put
//! it in the place of the lost one with [`replace_voter`].
//!
//! # Writing
//!
//! A leader that was just elected, or that has lost the majority, refuses writes for a moment. [`wait_writable`] waits
//! until the leader takes writes, or names the node that does.
//!
//! # A rolling restart
//!
//! Restart one node after the other:
//!
//! 1. Call [`hand_over`], which makes another node the leader if this one leads. Keep serving clients meanwhile, because
//!    the node redirects them.
//! 2. Stop accepting clients, and let connected clients finish.
//! 3. Call `Raft::shutdown`, and end the process. [`graceful_shutdown`] does steps 1 and 3 in one call.
//! 4. Start the node as usual, and wait until it has caught up, for example with `Raft::wait_for_recovery`. Only then
//!    stop the next node, because a majority of the voters must be up at any moment.
//!
//! # Following the leadership
//!
//! [`leadership_events`] returns a stream of the roles of a node: leader, follower, candidate, learner, or shut down.
//! [`while_leader`] runs a task while the node leads.

#[doc = include_str!("../../docs/clusters.md")]
pub mod clusters {}

// The files of this folder, in the order of a node's life. A file imports only `error`, `redirect` and files below it in
// this list. What a decision depends on is read from the `Raft` itself, because its metrics lag behind.
//
// - `bootstrap`: starts a node on its storage.
// - `promotion`: makes a learner a voter once it has caught up.
// - `membership`: adds learners, and changes who votes.
// - `writable`: waits until a node takes writes.
// - `while_leader`: runs a task while a node leads.
// - `leadership`: the role of a node, as a stream.
// - `handover`: hands leadership over before a node stops.
// - `error`: why a node does not start, change members or take writes.
// - `redirect`: the node that an error sends the caller to.

mod bootstrap;
mod error;
mod handover;
mod leadership;
mod membership;
mod promotion;
mod redirect;
mod while_leader;
mod writable;

pub use bootstrap::{BootstrapMode, Bootstrapped, bootstrap, bootstrap_checked};
pub use error::{BootstrapError, MembershipError, WritableError};
pub use handover::{Handover, graceful_shutdown, hand_over};
pub use leadership::{LeadershipState, leadership_events, leadership_events_from_metrics};
pub use membership::{add_learner, add_learner_checked, change_membership};
pub use promotion::{promote_learner, replace_voter};
pub use while_leader::while_leader;
pub use writable::wait_writable;
