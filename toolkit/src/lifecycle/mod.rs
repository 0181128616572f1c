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
//! All others start with [`BootstrapMode::Join`], which waits for a leader to contact them. Where all
//! nodes are to have the same arguments, as in a StatefulSet, they start with
//! [`BootstrapMode::Static`], in which that of the smallest id forms the cluster;
//! [`bootstrap_checked`] asks the others first whether there is one.
//!
//! The leader brings further nodes in: [`add_learner`] copies the log to a node that has no vote yet,
//! and [`promote_learner`] makes it a voter once it has caught up, or [`replace_voter`] in the place of
//! a dead one. [`change_membership`] makes any set of members the voters. A node that is restarted uses
//! `Join` again, or [`BootstrapMode::Reopen`] where blank storage would be an accident. A cluster whose
//! releases change the format of their commands uses [`add_learner_checked`], which refuses a node
//! that is too old to read them.
//!
//! | storage | `Fresh` | `Static` | `Reopen` | `Join` |
//! |---|---|---|---|---|
//! | blank | [`Initialized`](Bootstrapped::Initialized) | `Initialized` on the node of the smallest id, [`Joining`](Bootstrapped::Joining) on others | [`NoExistingState`](BootstrapError::NoExistingState) | `Joining` |
//! | has state | [`UnexpectedExistingState`](BootstrapError::UnexpectedExistingState) | [`Resumed`](Bootstrapped::Resumed) | `Resumed` | `Resumed` |
//!
//! # A node that lost its disk
//!
//! It forgot its votes and the entries that it acknowledged. Were it to come back under its old id,
//! it could vote a second time in a term, and acknowledged entries could be lost. Let a node with a **new
//! id** join, and put it in the place of the lost one with [`replace_voter`].
//!
//! # Writing
//!
//! A leader that was just elected, or lost touch with the majority, refuses writes for a moment.
//! [`wait_writable`] waits until it takes them, or names the node that does.
//!
//! # A rolling restart
//!
//! For one node after the other:
//!
//! 1. [`hand_over`]: if it leads, another node does when this returns. Go on serving clients meanwhile:
//!    the node redirects them.
//! 2. Stop accepting clients, and let those that are connected finish.
//! 3. `Raft::shutdown`, and end the process. [`graceful_shutdown`] is steps 1 and 3 in one call.
//! 4. Start it as ever, and wait until it has caught up, such as with `Raft::wait_for_recovery`, before the
//!    next one goes: a majority of the voters must be up at any moment.
//!
//! # Following the leadership
//!
//! [`leadership_events`] is a stream of what this node is: leader, follower of whom, candidate,
//! learner, or shut down. [`while_leader`] runs a task as long as this node leads.

#[doc = include_str!("../../docs/clusters.md")]
pub mod clusters {}

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
