//! Runs `multi_group` as a user does.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;

/// Short timers, so that elections and falling asleep take little time.
const TIMING: [&str; 4] = ["--heartbeat-ms", "150", "--idle-ms", "500"];

/// Runs the program with its own temporary folder, which must be empty at the end. Returns the output of the program.
fn multi_group(args: &[&str]) -> String {
    let tmp = tempfile::tempdir().unwrap();
    // Every step of the program has a deadline.
    let output = Command::new(env!("CARGO_BIN_EXE_multi_group"))
        .args(args)
        .args(TIMING)
        .env("TMPDIR", tmp.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    let left: Vec<_> = fs::read_dir(tmp.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(left.is_empty(), "files left behind: {left:?}");
    text
}

#[test]
fn groups_survive_a_kill_move_and_are_removed_without_losing_a_write() {
    let text = multi_group(&["demo", "--groups", "30", "--seconds", "1"]);

    let mut lines = text.lines();
    let mut then = |part: &str| {
        let found = lines.any(|line| line.contains(part));
        assert!(found, "{part:?} is missing, or comes too early, in {text}");
    };
    then("node 1 leads 10, node 2 leads 10, node 3 leads 10");
    then("all groups sleep");
    then("30 clients write to all groups");
    then("Node 3 is killed with SIGKILL");
    then("10 groups were led by it");
    then("20 groups were not");
    then("restarted, it opened the database");
    then("all its replicas had all writes");
    then("after:  node 1 leads 10, node 2 leads 10, node 3 leads 10");
    then("3 groups move from node 3 to node 4");
    then("their logs are gone from node 3");
    then("3 groups are removed");
    then("All nodes are killed with SIGKILL at once");
    then("groups            27");
    then("replicas          81  each where it belongs, and nowhere else");
    then("acknowledged, and counted once by every replica");
}

#[test]
fn more_groups_take_no_more_threads_file_handles_or_idle_messages() {
    let text = multi_group(&["costs", "--groups", "5,50", "--seconds", "1"]);

    let row = |name: &str| -> [f64; 2] {
        let line = text.lines().find(|line| line.contains(name));
        let line = line.unwrap_or_else(|| panic!("no row {name:?} in {text}"));
        let mut values = line
            .split_whitespace()
            .rev()
            .map(|value| value.replace(',', "").parse().unwrap());
        let (many, few) = (values.next().unwrap(), values.next().unwrap());
        [few, many]
    };
    for name in ["threads", "file handles", "idle messages/s"] {
        let [few, many] = row(name);
        // With ten times as many groups, the figure is about the same. A thread of RocksDB or a connection may come or
        // go.
        assert!(many < few + 10.0, "{name}: {few} for 5 groups, {many} for 50 in {text}");
    }
    let [few, many] = row("writes an fsync");
    assert!(many > few, "groups do not share fsyncs: {text}");
}
