//! The demos, run as a user runs them.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn demo(tmp: &Path, args: &[&str]) -> Child {
    start(env!("CARGO_BIN_EXE_kv"), tmp, &[&["demo"], args].concat())
}

/// Starts a demo with a temporary folder of its own.
fn start(program: &str, tmp: &Path, args: &[&str]) -> Child {
    Command::new(program)
        .args(args)
        .env("TMPDIR", tmp)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn assert_nothing_left(tmp: &Path) {
    let left: Vec<_> = fs::read_dir(tmp).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "files left behind: {left:?}");
    assert_eq!(
        processes_that_mention(tmp),
        Vec::<String>::new(),
        "processes left behind"
    );
}

/// The command lines that name this folder, which only the demo's own nodes do.
fn processes_that_mention(tmp: &Path) -> Vec<String> {
    let tmp = tmp.to_str().unwrap();
    command_lines().into_iter().filter(|line| line.contains(tmp)).collect()
}

/// A small system has no `ps`.
fn command_lines() -> Vec<String> {
    let lossy = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match fs::read_dir("/proc") {
        Ok(processes) => processes
            .filter_map(|process| fs::read(process.ok()?.path().join("cmdline")).ok())
            .map(lossy)
            .collect(),
        Err(_) => {
            let ps = Command::new("ps").args(["-eo", "args"]).output().unwrap();
            lossy(ps.stdout).lines().map(str::to_owned).collect()
        }
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
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

    // The shell's own, which a small system has too.
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

    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !processes_that_mention(tmp.path()).is_empty() {
        assert!(std::time::Instant::now() < deadline, "nodes outlive the demo");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // No more output: the pipe is held by nobody.
    stdout.read_to_string(&mut line).unwrap();
}

#[test]
fn a_cluster_moves_to_another_release_and_reads_the_log_of_both() {
    let tmp = tempfile::tempdir().unwrap();

    // Every step has a deadline.
    let upgrade = start(env!("CARGO_BIN_EXE_schema_evolution"), tmp.path(), &["upgrade"]);
    let text = text(&upgrade.wait_with_output().unwrap());

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
