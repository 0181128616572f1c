//! Runs the demos as a user does.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};

use common::{assert_nothing_left, command, eventually, processes_that_mention, text};

fn demo(tmp: &Path, args: &[&str]) -> Child {
    let mut demo = command(env!("CARGO_BIN_EXE_kv"), tmp, &[&["demo"], args].concat());
    demo.spawn().unwrap()
}

#[test]
fn the_demo_loses_no_acknowledged_write() {
    let tmp = tempfile::tempdir().unwrap();

    let output = demo(tmp.path(), &["--writes", "4000"]).wait_with_output().unwrap();

    let text = text(&output);
    assert!(output.status.success(), "{text}");
    let row = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no row {name:?} in {text}"))[name.len()..]
            .trim()
            .to_owned()
    };
    assert_eq!(row("writes acknowledged"), "4,000");
    assert_eq!(row("lost"), "0  in 16,000 reads of 4 nodes");
    assert!(row("failover").ends_with("without a write"));
    assert!(text.contains("the leader, with SIGKILL"), "{text}");
    assert_nothing_left(tmp.path());
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let tmp = tempfile::tempdir().unwrap();
    let mut demo = demo(tmp.path(), &["--writes", "1000000"]);
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("with SIGKILL") || line.contains("writes acknowledged")));
    assert!(!processes_that_mention(tmp.path()).is_empty());

    // Use the `kill` that is built into the shell: a minimal system has no other.
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", demo.id())])
        .status()
        .unwrap();

    assert!(sent.success());
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    assert_nothing_left(tmp.path());
}

#[test]
fn a_demo_that_is_killed_takes_its_nodes_along() {
    let tmp = tempfile::tempdir().unwrap();
    let mut demo = demo(tmp.path(), &["--writes", "1000000"]);
    let mut stdout = BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("formed a cluster") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the demo ended early");
    }

    demo.kill().unwrap();
    demo.wait().unwrap();

    eventually("the nodes to end", || processes_that_mention(tmp.path()).is_empty());
    // Reading to the end succeeds only when no node has the pipe open any more.
    stdout.read_to_string(&mut line).unwrap();
}

#[test]
fn a_cluster_moves_to_another_release_and_reads_the_log_of_both() {
    let tmp = tempfile::tempdir().unwrap();

    // Every step of the program has a deadline.
    let mut upgrade = command(env!("CARGO_BIN_EXE_schema_evolution"), tmp.path(), &["upgrade"]);
    let text = text(&upgrade.output().unwrap());

    let mut lines = text.lines();
    let mut then = |part: &str| {
        let found = lines.any(|line| line.contains(part));
        assert!(found, "{part:?} is missing, or comes too early, in {text}");
    };
    then("log of node 3: commands 10 at version 1");
    then("node 1 is restarted with release 3");
    then("log of node 3: commands ");
    then("node 1 is restarted with release 1");
    then("the level is not raised yet: node 3 reads up to level 1");
    then("log of node 3: commands ");
    then("lease=60: Command::Put::lease cannot be written at version 1");
    then("priority=high: Command::Put::priority cannot be written at version 1");
    then("if_absent=true: Command::PutIfAbsent cannot be written at version 1");
    then("The switch");
    then(" at version 3");
    then("not added: node 4 reads versions up to 1, and the cluster writes at level 3");
    then("does not start as node 3: error: the cluster writes at level 3");
    then("nor does it read the log of node 3: error: ");
    then("finds level 3 again");
    then("values read    252  63 on each of 4 nodes");
    then("and all logs agree");
    assert_nothing_left(tmp.path());
}
