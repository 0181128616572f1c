//! Starts, watches and stops the nodes of a cluster, and changes its members.
//!
//! Most functions take a `Raft` that you have built on a storage and a network of your choice. Each error message says
//! what to do. No function opens storage or connections, or keeps state between calls.
//!
//! # Bringing a node up
//!
//! 1. Open the storage, on the same path at every start: the storage has the votes and the log that belong to the
//!    node's id.
//! 2. Call `Raft::new` with the storage, the state machine and the network.
//! 3. Call [`bootstrap`](bootstrap()) with the [`BootstrapMode`] that states what the storage must contain.
//! 4. Only then make the node's RPC handlers reachable, and serve clients.
//!
//! Step 3 must come before step 4, because openraft answers a vote request even if the node belongs to no cluster. If a
//! blank node is reachable, it may grant its vote and then has state. [`BootstrapMode::Reopen`] could then no longer
//! detect that the node lost its disk.
//!
//! If clients read from the local state machine, call `Raft::wait_for_recovery` in step 4, after the RPC handlers are
//! reachable and before the node serves clients. The call needs the handlers: unless this node is elected, it learns
//! only from a leader's messages what is committed. The call returns once this node has applied that.
//!
//! # Forming a cluster, and growing it
//!
//! One node starts with [`BootstrapMode::Fresh`] and names the first voters, often only itself. All others start with
//! [`BootstrapMode::Join`], which waits for a leader to contact them. A node that restarts uses `Join` again, or
//! [`BootstrapMode::Reopen`], which refuses blank storage.
//!
//! In a deployment that gives the same arguments to all nodes, such as a StatefulSet, all nodes start with
//! [`BootstrapMode::Static`]: the node with the smallest id forms the cluster. If that node calls
//! [`bootstrap_checked`], it first asks the other nodes whether there is a cluster already.
//!
//! Call these functions on the leader to add nodes and to change the voters:
//!
//! - [`add_learner`] adds a node that receives the log and has no vote.
//! - [`add_learner_checked`] does the same, but refuses a node whose release is too old to read what the cluster
//!   writes.
//! - [`promote_learner`] makes a learner a voter once it has caught up.
//! - [`replace_voter`] makes a learner a voter in place of another voter, such as one that lost its disk.
//! - [`change_membership`] sets which members are the voters.
//!
//! What [`bootstrap`](bootstrap()) returns depends on the mode and on the storage:
//!
//! | storage | `Fresh` | `Static` | `Reopen` | `Join` |
//! |---|---|---|---|---|
//! | blank | [`Initialized`](Bootstrapped::Initialized) | `Initialized` on the node with the smallest id, [`Joining`](Bootstrapped::Joining) on others | [`NoExistingState`](BootstrapError::NoExistingState) | `Joining` |
//! | has state | [`UnexpectedExistingState`](BootstrapError::UnexpectedExistingState) | [`Resumed`](Bootstrapped::Resumed) | `Resumed` | `Resumed` |
//!
//! # A node that lost its disk
//!
//! A node that lost its disk has forgotten its votes and the entries that it acknowledged. If the node came back under
//! its old id, it could vote twice in one term, and the cluster could lose acknowledged entries. Instead, start a node
//! with a **new id**, and make it a voter in place of the lost node with [`replace_voter`].
//!
//! # Writing
//!
//! A leader refuses writes until a majority has acknowledged its leadership: right after its election, and while it has
//! lost contact with the majority. [`wait_writable`] waits until this node leads and accepts writes, or returns an
//! error that names the leader if another node leads.
//!
//! Write the commands of clients with [`propose`](propose()), or with [`propose_at`] on a node that has a
//! [`WriteVersion`](crate::WriteVersion). Both check the command before it is in a log. `Raft::client_write` does not:
//! a command that cannot be stored stops the node.
//!
//! # A rolling restart
//!
//! Restart one node after the other:
//!
//! 1. Call [`hand_over`], which makes another node the leader if this node leads. Serve clients until the call returns,
//!    because the node redirects them.
//! 2. Stop accepting clients, and let connected clients finish.
//! 3. Call `Raft::shutdown`, and end the process. If you skip step 2, [`graceful_shutdown`] hands over and shuts down
//!    in one call.
//! 4. Start the node again, and call `Raft::wait_for_recovery`, which waits until the cluster has a leader, and until
//!    the node's state machine has recovered. Only then stop the next node, because a majority of the voters must be up
//!    at any moment.
//!
//! # Following the leadership
//!
//! [`leadership_events`] returns a stream of the roles that a node has: leader, follower, candidate, learner, or shut
//! down. [`while_leader`] runs a task while the node leads.

#[doc = include_str!("../../docs/clusters.md")]
pub mod clusters {}

// The files of this folder, in the order of a node's life. A file imports only `error`, `redirect` and files below it
// in this list. The metrics of a `Raft` lag behind its state. So `promotion` and `membership` read who is a member from
// the state itself. How far a learner lags, which voter takes over, and the role of a node come from the metrics.
//
// - `bootstrap`: starts a node on its storage.
// - `promotion`: makes a learner a voter once it has caught up.
// - `membership`: adds learners, and changes the voters.
// - `writable`: waits until a node accepts writes.
// - `propose`: checks a command, and writes it.
// - `while_leader`: runs a task while a node leads.
// - `leadership`: the role of a node, as a stream.
// - `handover`: hands leadership over before a node stops.
// - `error`: the errors of `bootstrap`, `promotion`, `membership`, `writable` and `propose`.
// - `redirect`: the leader that an error names, and the advice to ask that leader.

mod bootstrap;
mod error;
mod handover;
mod leadership;
mod membership;
mod promotion;
mod propose;
mod redirect;
mod while_leader;
mod writable;

pub use bootstrap::{BootstrapMode, Bootstrapped, bootstrap, bootstrap_checked};
pub use error::{BootstrapError, MembershipError, ProposeError, WritableError};
pub use handover::{Handover, graceful_shutdown, hand_over};
pub use leadership::{LeadershipState, leadership_events, leadership_events_from_metrics};
pub use membership::{add_learner, add_learner_checked, change_membership};
pub use promotion::{promote_learner, replace_voter};
#[cfg(all(test, feature = "rocksdb-log-store"))]
pub(crate) use propose::MAX_COMMAND;
pub use propose::{propose, propose_at};
pub use while_leader::while_leader;
pub use writable::wait_writable;
