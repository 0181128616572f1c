//! Runs `inspect` as operators and scripts do.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use openraft_toolkit::log_store::{GroupPrefixed, KeySpace, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, open_db};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, LogId};
use openraft_toolkit::rocksdb::DB;
use serde_json::{Value, json};
use tempfile::TempDir;

#[allow(dead_code)]
#[path = "../kv/command.rs"]
mod command;
#[path = "../inspect/types.rs"]
mod types;

use types::TypeConfig;

fn log_id(term: u64, index: u64) -> LogIdOf<TypeConfig> {
    LogId::new(LeaderIdOf::<TypeConfig>::new(term, 1).to_committed(), index)
}

fn entry(index: u64) -> EntryOf<TypeConfig> {
    let put = command::Command::Put {
        key: format!("k{index}"),
        value: vec![7],
        expected: None,
    };
    RaftEntry::new(log_id(2, index), EntryPayload::Normal(put))
}

/// Opens groups 1 and 2 as a node does, and writes the entries 3 to 6.
async fn node(dir: &TempDir) -> (Arc<DB>, Vec<RocksdbLogStore<TypeConfig, GroupPrefixed>>) {
    let db = open_db(dir.path(), LogDbOptions::default()).unwrap();
    let mut stores = Vec::new();
    for id in [1, 2] {
        let mut store = RocksdbLogStore::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(id)).unwrap();
        store.blocking_append((0..=6).map(entry)).await.unwrap();
        store.save_committed(Some(log_id(2, 5))).await.unwrap();
        store.purge(log_id(2, 2)).await.unwrap();
        let vote = VoteOf::<TypeConfig>::new_committed(2, 1);
        store.save_vote(&vote).await.unwrap();
        stores.push(store);
    }
    (db, stores)
}

fn inspect(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_inspect"))
        .arg(dir)
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn assert_prints(output: &Output, code: i32, lines: &[&str]) {
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines, "{output:?}");
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

fn json_lines(output: &Output) -> Vec<Value> {
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[tokio::test]
async fn the_logs_of_a_running_node_are_listed_shown_verified_and_dumped() {
    let dir = tempfile::tempdir().unwrap();
    let _node = node(&dir).await;

    assert_prints(
        &inspect(dir.path(), &["list"]),
        0,
        &[
            "GROUP  FIRST    LAST     PURGED   COMMITTED  VOTE",
            "1      T2-N1.3  T2-N1.6  T2-N1.2  T2-N1.5    <T2-N1:Q>",
            "2      T2-N1.3  T2-N1.6  T2-N1.2  T2-N1.5    <T2-N1:Q>",
            "2 groups",
        ],
    );
    assert_prints(
        &inspect(dir.path(), &["show", "2", "4..6"]),
        0,
        &[r#"T2-N1.4  put "k4" (1 bytes)"#, r#"T2-N1.5  put "k5" (1 bytes)"#],
    );
    assert_prints(
        &inspect(dir.path(), &["verify"]),
        0,
        &["2 groups, 8 entries read: all is right"],
    );

    let listed = inspect(dir.path(), &["list", "--json"]);
    assert_eq!(json_lines(&listed)[1]["group"], 2);
    assert_eq!(json_lines(&listed)[1]["last"]["index"], 6);
    let dumped = inspect(dir.path(), &["dump"]);
    assert_eq!(dumped.status.code(), Some(0));
    let dumped = json_lines(&dumped);
    assert_eq!(dumped.len(), 8);
    assert_eq!(dumped[0]["group"], 1);
    assert_eq!(dumped[0]["entry"]["log_id"]["index"], 3);
    assert_eq!(
        dumped[0]["entry"]["payload"]["Normal"],
        json!({ "v1": { "Put": { "key": "k3", "value": [7], "expected": null } } })
    );
    assert_eq!(json_lines(&inspect(dir.path(), &["dump", "2"])), dumped[4..]);
}

#[tokio::test]
async fn the_exit_code_tells_a_script_that_something_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let (db, stores) = node(&dir).await;
    drop(stores);
    let key = |index| GroupPrefixed::new(2).log_key(index).as_ref().to_vec();
    let log = || db.cf_handle(LOG_CF).unwrap();
    db.put_cf(&log(), key(4), [9, 1]).unwrap();
    db.delete_cf(&log(), key(5)).unwrap();
    drop(db);

    assert_prints(
        &inspect(dir.path(), &["verify"]),
        1,
        &[
            "group 2: Prefixed(2): the entry at index 4 cannot be decoded: frame version 9, expected 1",
            "group 2: missing: the entry at index 5",
            "2 groups, 6 entries read: PROBLEMS in 1 group",
        ],
    );
    assert_prints(
        &inspect(dir.path(), &["verify", "1"]),
        0,
        &["1 group, 4 entries read: all is right"],
    );
    let json = inspect(dir.path(), &["verify", "2", "--json"]);
    assert_eq!(json.status.code(), Some(1));
    assert_eq!(json_lines(&json)[0]["problems"].as_array().unwrap().len(), 2);
    let shown = inspect(dir.path(), &["show", "2"]);
    assert_prints(
        &shown,
        1,
        &[
            r#"T2-N1.3  put "k3" (1 bytes)"#,
            "error: Prefixed(2): the entry at index 4 cannot be decoded: frame version 9, expected 1",
            r#"T2-N1.6  put "k6" (1 bytes)"#,
        ],
    );
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_has_an_exit_code_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let _node = node(&dir).await;
    let elsewhere = dir.path().join("elsewhere");
    for (output, words) in [
        (inspect(&elsewhere, &["list"]), "cannot open"),
        (inspect(dir.path(), &["show", "3"]), "there is no group 3"),
        (inspect(dir.path(), &["show", "flat"]), "there is no group flat"),
        (inspect(dir.path(), &["show", "one"]), "the id of a group, or `flat`"),
        (inspect(dir.path(), &["show", "1", "2..x"]), "an index in place of `x`"),
        (inspect(dir.path(), &["fix"]), "unexpected argument 'fix'"),
    ] {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{output:?}");
    }
    // `inspect` creates no database at a mistyped path.
    assert!(!elsewhere.exists());
}
