//! `/metrics`, in Prometheus' text format.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use openraft_toolkit::openraft::async_runtime::WatchReceiver;

use super::App;
use crate::types::LogId;

pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let keys = app.state_machine.len().await as u64;
    let metrics = app.raft.metrics().borrow_watched().clone();
    let index = |log_id: Option<LogId>| log_id.map(|log_id| log_id.index);

    let gauges = [
        ("kv_keys", "Keys in this node's state machine", Some(keys)),
        ("kv_raft_term", "Current term", Some(metrics.current_term)),
        (
            "kv_raft_is_leader",
            "1 on the leader",
            Some(u64::from(metrics.state.is_leader())),
        ),
        (
            "kv_raft_leader_id",
            "Id of the leader, if one is known",
            metrics.current_leader,
        ),
        (
            "kv_raft_last_log_index",
            "Last entry in the log",
            metrics.last_log_index,
        ),
        (
            "kv_raft_committed_index",
            "Last entry known to be committed",
            index(metrics.local_committed),
        ),
        (
            "kv_raft_applied_index",
            "Last entry in the state machine",
            index(metrics.last_applied),
        ),
        (
            "kv_raft_snapshot_index",
            "Last entry in the snapshot",
            index(metrics.snapshot),
        ),
        (
            "kv_raft_purged_index",
            "Last entry purged from the log",
            index(metrics.purged),
        ),
    ];
    let mut text = String::new();
    for (name, help, value) in gauges {
        if let Some(value) = value {
            // Writing to a `String` never fails.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
    }
    if let Some(replication) = metrics.replication {
        let name = "kv_raft_replicated_index";
        let _ = writeln!(
            text,
            "# HELP {name} Last entry known to be on a node\n# TYPE {name} gauge"
        );
        for (id, matched) in replication {
            if let Some(index) = index(matched) {
                let _ = writeln!(text, "{name}{{node=\"{id}\"}} {index}");
            }
        }
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
