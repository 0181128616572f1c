//! Adds learners to a [`Cluster`], and changes its voters.

use std::collections::BTreeSet;

use openraft::alias::{NodeIdOf, NodeOf};
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftMetrics};

use super::error::ClusterError;
use super::network::ClusterNetwork;
use super::nodes::Cluster;
use crate::RaftTypes;
use crate::lifecycle::{MembershipError, add_learner, change_membership};

impl<C, SM, N> Cluster<C, SM, N>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    N: ClusterNetwork<C>,
{
    /// Starts a new node, makes it a learner with [`lifecycle::add_learner`](crate::lifecycle::add_learner), and waits
    /// until the node has applied the entry that made it a learner. If an error occurs after the node has started, the
    /// node keeps running.
    ///
    /// # Errors
    ///
    /// - The errors of [`add_node`](Self::add_node), if there already is a node with this id, or if the new node does
    ///   not start.
    /// - The errors of [`wait_for_leader_among`](Self::wait_for_leader_among), if the other running nodes do not see a
    ///   leader in time, or if the network has a failure.
    /// - [`ClusterError::NotRunning`] if the leader is stopped before it is asked.
    /// - [`ClusterError::Membership`] if the leader returns an error instead of adding the learner.
    /// - [`ClusterError::Deadline`] if the learner is not added in time, or does not apply the entry in time.
    pub async fn add_learner(&self, id: NodeIdOf<C>, node: NodeOf<C>) -> Result<(), ClusterError<C>> {
        let others = self.running();
        self.add_node(id.clone()).await?;
        let leader = self.wait_for_leader_among(others).await?;
        let leader = self.get(&leader).ok_or_else(|| self.not_running(leader))?;
        let what = format!("node {id} is a learner");
        let learner = add_learner(&leader, id.clone(), node, false);
        let added = self.change(&what, learner).await?.index;
        let what = format!("it has applied up to index {added}, where it was made a learner");
        let caught_up = |m: &RaftMetrics<C>| m.last_applied.as_ref().is_some_and(|applied| applied.index >= added);
        self.wait_for_metrics(id, &what, caught_up).await?;
        Ok(())
    }

    /// Makes these nodes the voters with [`lifecycle::change_membership`](crate::lifecycle::change_membership), and
    /// waits until the change is committed. Each of them must already be a voter or a learner.
    ///
    /// Voters that are left out leave the cluster, but their nodes keep running. Learners that are left out stay
    /// learners.
    ///
    /// # Errors
    ///
    /// - The errors of [`wait_for_leader`](Self::wait_for_leader), if the running nodes do not see a leader in time, or
    ///   if the network has a failure.
    /// - [`ClusterError::NotRunning`] if the leader is stopped before it is asked.
    /// - [`ClusterError::Membership`] if the leader returns an error instead of making the change.
    /// - [`ClusterError::Deadline`] if the change is not committed in time.
    pub async fn change_voters(&self, voters: impl IntoIterator<Item = NodeIdOf<C>>) -> Result<(), ClusterError<C>> {
        let voters: BTreeSet<NodeIdOf<C>> = voters.into_iter().collect();
        let leader = self.wait_for_leader().await?;
        let leader = self.get(&leader).ok_or_else(|| self.not_running(leader))?;
        let what = format!("the voters are {voters:?}");
        self.change(&what, change_membership(&leader, voters, false)).await?;
        Ok(())
    }

    /// Waits for a change of the membership, until the deadline.
    async fn change<T: OptionalSend>(
        &self,
        what: &str,
        change: impl Future<Output = Result<T, MembershipError<C>>> + OptionalSend,
    ) -> Result<T, ClusterError<C>> {
        match C::timeout(self.deadline, change).await {
            Ok(Ok(changed)) => Ok(changed),
            Ok(Err(source)) => Err(ClusterError::Membership {
                source,
                report: self.report(),
            }),
            Err(_) => Err(ClusterError::Deadline {
                what: what.to_owned(),
                deadline: self.deadline,
                report: self.report(),
            }),
        }
    }
}
