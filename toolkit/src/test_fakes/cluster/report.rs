//! The metrics of the nodes of a cluster, as a table.

use std::fmt::Display;

use openraft::alias::StoredMembershipOf;
use openraft::{RaftMetrics, RaftTypeConfig};

/// The metrics of a node, or its last metrics if it is down: what the node believes about the cluster.
pub(super) struct Belief<C: RaftTypeConfig> {
    /// The state of the node, such as "running" or "crashed".
    pub(super) process: &'static str,
    pub(super) metrics: RaftMetrics<C>,
}

const HEADER: [&str; 12] = [
    "node",
    "process",
    "role",
    "term",
    "vote",
    "leader",
    "last log",
    "committed",
    "applied",
    "purged",
    "snapshot",
    "membership",
];

/// Returns a table with a line for each node, followed by lines about failed nodes and about replication.
pub(super) fn table<C: RaftTypeConfig>(beliefs: &[Belief<C>]) -> String {
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(beliefs.iter().map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    for Belief { metrics, .. } in beliefs {
        if let Err(fatal) = &metrics.running_state {
            lines.push(format!("node {} has failed: {fatal}", metrics.id));
        }
        if let Some(replication) = &metrics.replication {
            let matching = replication
                .iter()
                .map(|(id, log_id)| format!("{id} at {}", or_dash(log_id)));
            let matching: Vec<String> = matching.collect();
            lines.push(format!("node {} replicates to: {}", metrics.id, matching.join(", ")));
        }
    }
    lines.join("\n")
}

fn row<C: RaftTypeConfig>(belief: &Belief<C>) -> [String; 12] {
    let m = &belief.metrics;
    [
        m.id.to_string(),
        belief.process.to_owned(),
        format!("{:?}", m.state),
        m.current_term.to_string(),
        m.vote.to_string(),
        or_dash(&m.current_leader),
        or_dash(&m.last_log_index),
        or_dash(&m.cluster_committed),
        or_dash(&m.last_applied),
        or_dash(&m.purged),
        or_dash(&m.snapshot),
        membership::<C>(&m.membership_config, &m.committed_membership_config),
    ]
}

fn or_dash(value: &Option<impl Display>) -> String {
    value.as_ref().map_or("-".to_owned(), ToString::to_string)
}

/// Shows a membership such as `{1, 2, 3} and learners {4}`, and a joint one as `{1, 2} + {1, 3}`. If the node does not
/// know that the membership is committed, adds `(not known to be committed)`.
fn membership<C: RaftTypeConfig>(effective: &StoredMembershipOf<C>, committed: &StoredMembershipOf<C>) -> String {
    let membership = effective.membership();
    let sets = membership.get_joint_config().iter().map(ids);
    let mut text = sets.collect::<Vec<_>>().join(" + ");
    let learners: Vec<_> = membership.learner_ids().collect();
    if !learners.is_empty() {
        text += &format!(" and learners {}", ids(&learners));
    }
    if effective.log_id() != committed.log_id() {
        text += " (not known to be committed)";
    }
    if text.is_empty() { "-".to_owned() } else { text }
}

fn ids<Id: Display>(ids: impl IntoIterator<Item = Id>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("{{{}}}", ids.join(", "))
}
