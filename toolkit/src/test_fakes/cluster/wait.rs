//! Waits until a condition holds for the metrics of the nodes of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::alias::NodeIdOf;
use openraft::storage::RaftStateMachine;
use openraft::type_config::TypeConfigExt;
use openraft::vote::{RaftLeaderId, RaftVote};
use openraft::{OptionalSend, RaftMetrics};

use super::error::ClusterError;
use super::network::ClusterNetwork;
use super::nodes::Cluster;
use crate::RaftTypes;

/// How long a wait pauses before it checks its condition again.
pub(super) const INTERVAL: Duration = Duration::from_millis(5);

/// The metrics of each node that runs.
type Beliefs<C> = BTreeMap<NodeIdOf<C>, RaftMetrics<C>>;

/// # Waiting
///
/// Each wait ends when its condition holds. It fails in one of two ways:
///
/// - With [`ClusterError::Deadline`] and a [report](Self::report), when the
///   [deadline](super::ClusterBuilder::deadline) has passed.
/// - With [`ClusterError::Network`], as soon as the network has a [failure](ClusterNetwork::failure).
impl<C, SM, N> Cluster<C, SM, N>
where
    C: RaftTypes,
    SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    N: ClusterNetwork<C>,
{
    /// Waits until all running nodes report the same leader in the same term, and the leader has committed an entry of
    /// that term. The leader must be one of these nodes. Returns its id.
    ///
    /// If a running node cannot know the leader, because the node is isolated or was removed, use
    /// [`wait_for_leader_among`](Self::wait_for_leader_among).
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    pub async fn wait_for_leader(&self) -> Result<NodeIdOf<C>, ClusterError<C>> {
        self.wait_for("all running nodes see one of them lead", leader).await
    }

    /// Waits like [`wait_for_leader`](Self::wait_for_leader), but only for the nodes `ids`. While one of them does
    /// not run, the condition does not hold.
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    pub async fn wait_for_leader_among(
        &self,
        ids: impl IntoIterator<Item = NodeIdOf<C>>,
    ) -> Result<NodeIdOf<C>, ClusterError<C>> {
        let ids: BTreeSet<NodeIdOf<C>> = ids.into_iter().collect();
        let what = format!("the nodes {ids:?} see one of them lead");
        self.wait_for(&what, |beliefs| leader(&only(beliefs, &ids)?)).await
    }

    /// Waits until all running nodes have applied the entry at `index`.
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    pub async fn wait_for_applied(&self, index: u64) -> Result<(), ClusterError<C>> {
        let what = format!("all running nodes have applied up to index {index}");
        self.wait_until(&what, |beliefs| {
            let mut applied = beliefs.values().map(|m| m.last_applied.as_ref());
            applied.all(|applied| applied.is_some_and(|applied| applied.index >= index))
        })
        .await
    }

    /// Waits until all running nodes report the same leader, and have applied the whole log of the leader. The leader
    /// must be one of these nodes. Returns its id.
    ///
    /// While the test keeps writing, the condition may never hold.
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    pub async fn wait_for_agreement(&self) -> Result<NodeIdOf<C>, ClusterError<C>> {
        self.wait_for("all running nodes have applied what the leader has", agreement)
            .await
    }

    /// Waits like [`wait_for_agreement`](Self::wait_for_agreement), but only for the nodes `ids`. While one of them
    /// does not run, the condition does not hold.
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    pub async fn wait_for_agreement_among(
        &self,
        ids: impl IntoIterator<Item = NodeIdOf<C>>,
    ) -> Result<NodeIdOf<C>, ClusterError<C>> {
        let ids: BTreeSet<NodeIdOf<C>> = ids.into_iter().collect();
        let what = format!("the nodes {ids:?} have applied what the leader of them has");
        self.wait_for(&what, |beliefs| agreement(&only(beliefs, &ids)?)).await
    }

    /// Waits until, on each running node, the latest known membership is committed and has exactly these voters. It may
    /// have any learners.
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    pub async fn wait_for_voters(&self, voters: impl IntoIterator<Item = NodeIdOf<C>>) -> Result<(), ClusterError<C>> {
        let voters: BTreeSet<NodeIdOf<C>> = voters.into_iter().collect();
        let what = format!("all running nodes know that the voters are {voters:?}");
        self.wait_until(&what, |beliefs| {
            beliefs.values().all(|m| {
                let committed = m.committed_membership_config.membership();
                let effective = m.membership_config.log_id();
                m.committed_membership_config.log_id() == effective
                    && matches!(&committed.get_joint_config()[..], [only] if *only == voters)
            })
        })
        .await
    }

    /// Waits until `condition` holds for the metrics of node `id`, and returns these metrics. While the node does not
    /// run, the condition does not hold. `what` names the condition in the error.
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    ///
    /// # Examples
    ///
    /// ```
    /// use openraft_toolkit::RaftTypes;
    /// use openraft_toolkit::openraft::storage::RaftStateMachine;
    /// use openraft_toolkit::test_fakes::{Cluster, ClusterError};
    ///
    /// async fn snapshot<C: RaftTypes, SM>(cluster: &Cluster<C, SM>, id: C::NodeId) -> Result<(), ClusterError<C>>
    /// where
    ///     SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    /// {
    ///     cluster.raft(id.clone()).trigger().snapshot().await.unwrap();
    ///     cluster.wait_for_metrics(id, "it has a snapshot", |m| m.snapshot.is_some()).await?;
    ///     Ok(())
    /// }
    /// ```
    pub async fn wait_for_metrics(
        &self,
        id: NodeIdOf<C>,
        what: &str,
        mut condition: impl FnMut(&RaftMetrics<C>) -> bool + OptionalSend,
    ) -> Result<RaftMetrics<C>, ClusterError<C>> {
        let what = format!("node {id}: {what}");
        self.wait_for(&what, |beliefs| beliefs.get(&id).filter(|m| condition(m)).cloned())
            .await
    }

    /// Waits until `condition` holds for the metrics of the running nodes. `what` names the condition in the error.
    ///
    /// # Errors
    ///
    /// See [waiting](#waiting).
    ///
    /// # Examples
    ///
    /// ```
    /// use openraft_toolkit::RaftTypes;
    /// use openraft_toolkit::openraft::storage::RaftStateMachine;
    /// use openraft_toolkit::test_fakes::{Cluster, ClusterError};
    ///
    /// async fn everyone_waits_for_votes<C: RaftTypes, SM>(cluster: &Cluster<C, SM>) -> Result<(), ClusterError<C>>
    /// where
    ///     SM: RaftStateMachine<C, SnapshotData = C::SnapshotData> + Clone,
    /// {
    ///     let none_leads = cluster.wait_until("no node leads", |nodes| nodes.values().all(|m| !m.state.is_leader()));
    ///     none_leads.await
    /// }
    /// ```
    pub async fn wait_until(
        &self,
        what: &str,
        mut condition: impl FnMut(&BTreeMap<NodeIdOf<C>, RaftMetrics<C>>) -> bool + OptionalSend,
    ) -> Result<(), ClusterError<C>> {
        self.wait_for(what, |beliefs| condition(beliefs).then_some(())).await
    }

    async fn wait_for<T>(
        &self,
        what: &str,
        mut condition: impl FnMut(&Beliefs<C>) -> Option<T> + OptionalSend,
    ) -> Result<T, ClusterError<C>> {
        let deadline = C::now() + self.deadline;
        loop {
            self.check_network()?;
            if let Some(found) = condition(&self.beliefs()) {
                return Ok(found);
            }
            if C::now() >= deadline {
                return Err(ClusterError::Deadline {
                    what: what.to_owned(),
                    deadline: self.deadline,
                    report: self.report(),
                });
            }
            C::sleep(INTERVAL).await;
        }
    }
}

/// Returns the metrics of the nodes `ids`, or `None` if one of them does not run.
fn only<Id: Ord + Clone, Metrics: Clone>(
    beliefs: &BTreeMap<Id, Metrics>,
    ids: &BTreeSet<Id>,
) -> Option<BTreeMap<Id, Metrics>> {
    let of = |id: &Id| Some((id.clone(), beliefs.get(id)?.clone()));
    ids.iter().map(of).collect()
}

/// Returns the leader, if all nodes in `beliefs` report the same leader in the same term, the leader is one of these
/// nodes, and it has committed an entry of that term.
fn leader<C: RaftTypes>(beliefs: &Beliefs<C>) -> Option<NodeIdOf<C>> {
    let (_, one) = beliefs.first_key_value()?;
    let id = one.current_leader.as_ref()?;
    let leads = beliefs.get(id)?;
    let agreed = beliefs.values().all(|m| {
        m.running_state.is_ok() && m.current_leader.as_ref() == Some(id) && m.current_term == leads.current_term
    });
    let committed = leads.cluster_committed.as_ref()?.committed_leader_id();
    let in_its_term = leads.state.is_leader() && *committed == leads.vote.leader_id().to_committed();
    (agreed && in_its_term).then(|| id.clone())
}

/// Returns the leader, if [`leader`] returns one and all nodes in `beliefs` have applied the whole log of that leader.
fn agreement<C: RaftTypes>(beliefs: &Beliefs<C>) -> Option<NodeIdOf<C>> {
    let id = leader::<C>(beliefs)?;
    let leads = beliefs.get(&id)?;
    let applied = leads.last_applied.as_ref()?;
    let all = beliefs.values().all(|m| m.last_applied.as_ref() == Some(applied));
    (all && leads.last_log_index == Some(applied.index)).then_some(id)
}
