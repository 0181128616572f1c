//! Starts a demo for a test, and checks that the demo leaves no process and no file.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Returns the command that starts a demo with `tmp` as its temporary folder.
pub fn command(program: &str, tmp: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("TMPDIR", tmp)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits until `condition` holds, with a deadline.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(50));
    }
}

pub fn assert_nothing_left(tmp: &Path) {
    let left: Vec<_> = fs::read_dir(tmp).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "files left behind: {left:?}");
    assert_eq!(
        processes_that_mention(tmp),
        Vec::<String>::new(),
        "processes left behind"
    );
}

/// Returns the command lines that contain the folder `tmp`. Only the demo's own nodes have such a command line.
pub fn processes_that_mention(tmp: &Path) -> Vec<String> {
    let tmp = tmp.to_str().unwrap();
    command_lines().into_iter().filter(|line| line.contains(tmp)).collect()
}

/// Returns the command lines of all processes. Tries `/proc` first, because a minimal system has no `ps`.
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

pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
