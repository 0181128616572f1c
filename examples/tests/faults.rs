//! Runs `kv demo --faults` as a user does.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{assert_nothing_left, command, eventually, processes_that_mention, text};

/// A seed whose schedule begins with faults of the leader: the leader is killed, paused, not heard, and not reached.
const THE_LEADER_FIRST: &str = "1245";
/// A seed whose schedule begins with paused nodes.
const PAUSES_FIRST: &str = "3";

fn faults(tmp: &Path, seed: &str, seconds: u32) -> Command {
    let args = ["demo", "--faults", "--seed", seed, "--seconds", &seconds.to_string()];
    command(env!("CARGO_BIN_EXE_kv"), tmp, &args)
}

/// Asserts that the history is linearizable, and that it has enough faults and answers for a meaningful check.
fn assert_linearizable(output: &Output) {
    let text = text(output);
    assert!(output.status.success(), "{text}");
    let row = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let count = line.and_then(|line| line.split_whitespace().next());
        let count = count.unwrap_or_else(|| panic!("no row {name:?} in {text}"));
        count.replace(',', "").parse::<usize>().unwrap()
    };
    assert_eq!(row("violations "), 0);
    assert_eq!(row("differences between nodes "), 0);
    assert!(row("faults ") > 0, "{text}");
    let (answered, refused, unknown) = (row("  answered "), row("  refused "), row("  unknown "));
    assert!(answered > 100, "{text}");
    assert_eq!(row("operations "), answered + refused + unknown);
}

#[test]
fn what_clients_are_told_under_faults_is_linearizable() {
    let tmp = tempfile::tempdir().unwrap();

    let output = faults(tmp.path(), THE_LEADER_FIRST, 12).output().unwrap();

    assert_linearizable(&output);
    assert_nothing_left(tmp.path());
}

#[test]
fn without_network_namespaces_nodes_are_killed_and_paused_all_the_same() {
    let tmp = tempfile::tempdir().unwrap();

    // This `PATH` has no program that creates a network namespace.
    let output = faults(tmp.path(), THE_LEADER_FIRST, 5)
        .env("PATH", tmp.path())
        .output()
        .unwrap();

    assert_linearizable(&output);
    let text = text(&output);
    assert!(text.contains("No network namespaces here"), "{text}");
    assert!(text.contains("  SIGKILL to "), "{text}");
    assert_nothing_left(tmp.path());
}

#[test]
fn a_demo_that_is_killed_takes_paused_nodes_along() {
    let tmp = tempfile::tempdir().unwrap();
    let mut demo = faults(tmp.path(), PAUSES_FIRST, 5).spawn().unwrap();
    eventually("a paused node", || any_paused(tmp.path()));

    demo.kill().unwrap();
    demo.wait().unwrap();

    eventually("no node", || processes_that_mention(tmp.path()).is_empty());
}

fn any_paused(tmp: &Path) -> bool {
    let tmp = tmp.to_str().unwrap();
    let is_paused = |process: &Path| {
        let file = |name| fs::read_to_string(process.join(name)).unwrap_or_default();
        file("cmdline").contains(tmp) && file("stat").contains(") T ")
    };
    let mut processes = fs::read_dir("/proc").unwrap();
    processes.any(|process| is_paused(&process.unwrap().path()))
}
