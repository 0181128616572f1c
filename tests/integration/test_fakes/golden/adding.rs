//! `GOLDEN=add` adds files, and never rewrites a file.

use std::path::Path;
use std::process::{Command as Process, Output, Stdio};
use std::{env, fs};

use tempfile::TempDir;

use super::sample::{FILES, dir, frames, put};

/// Not a test: the check that `process` runs.
#[test]
#[ignore = "needs the directory that other tests give it"]
fn check_in_the_given_directory() {
    if let Some(dir) = env::var_os("GOLDEN_TEST_DIR") {
        let more = env::var("GOLDEN_TEST_MORE").map_or(0, |more| more.parse().unwrap());
        let samples = (0..more).map(|n| (format!("more-{n}"), put(Some(n + 1))));
        samples
            .fold(frames(Path::new(&dir)), |frames, (name, value)| {
                frames.sample(&name, value)
            })
            .check();
    }
}

fn process(dir: &Path, golden: Option<&str>) -> Process {
    let (_this_crate, module) = module_path!().split_once("::").unwrap();
    let this_test = format!("{module}::check_in_the_given_directory");
    let mut process = Process::new(env::current_exe().unwrap());
    process
        .args(["--exact", &this_test, "--ignored"])
        .env("GOLDEN_TEST_DIR", dir)
        .env_remove("GOLDEN");
    process.envs(golden.map(|golden| ("GOLDEN", golden)));
    process
}

fn check_in_a_process(dir: &Path, golden: Option<&str>) -> (bool, String) {
    let Output { status, stdout, .. } = process(dir, golden).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap())
}

fn files_in(dir: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_missing_file_fails_until_it_is_added() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path().join("golden/command");
    let (passed, output) = check_in_a_process(&dir, None);
    assert!(!passed, "{output}");
    assert!(output.contains("integration/test_fakes/golden/adding.rs:"), "{output}");
    for (file, frame) in FILES {
        let sample = file.split('.').next().unwrap();
        let version = if file.contains("v1") { 1 } else { 2 };
        let expected = format!(
            "{file}, sample `{sample}` at version {version}: it is missing\n  expected: {frame}\n  \
             help: run the test with GOLDEN=add in its environment to add it\n"
        );
        assert!(output.contains(&expected), "{output}");
    }
    assert!(!dir.exists());

    let (passed, output) = check_in_a_process(&dir, Some("add"));
    assert!(passed, "{output}");
    let unleased = "Put { key: \"k\", lease: None }";
    let expected = [
        (
            "leased.v2.hex",
            "# Put { key: \"k\", lease: Some(7) } at version 2\n02 00 01 6b 01 07\n".to_owned(),
        ),
        ("put.v1.hex", format!("# {unleased} at version 1\n01 00 01 6b\n")),
        ("put.v2.hex", format!("# {unleased} at version 2\n02 00 01 6b 00\n")),
    ];
    assert_eq!(files_in(&dir), expected.map(|(name, text)| (name.to_owned(), text)));

    let (passed, output) = check_in_a_process(&dir, None);
    assert!(passed, "{output}");
}

#[test]
fn adding_never_rewrites_a_file() {
    let dir = dir(&[("put.v1.hex", "01 00 01 6c")]);
    let (passed, output) = check_in_a_process(dir.path(), Some("add"));
    assert!(!passed, "{output}");
    assert!(
        output.contains("put.v1.hex, sample `put` at version 1: it is written differently"),
        "{output}"
    );
    let files = files_in(dir.path());
    assert_eq!(files.len(), 3);
    assert_eq!(files[1], ("put.v1.hex".to_owned(), "01 00 01 6c".to_owned()));
}

#[test]
fn processes_may_add_files_at_the_same_time() {
    let dir = TempDir::new().unwrap();
    let start = || {
        let mut process = process(dir.path(), Some("add"));
        process.env("GOLDEN_TEST_MORE", "300").stdout(Stdio::null());
        process.spawn().unwrap()
    };
    let processes: Vec<_> = (0..8).map(|_| start()).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(files_in(dir.path()).len(), FILES.len() + 300);
}

#[test]
fn a_misspelt_value_of_golden_is_an_error() {
    let dir = dir(&FILES);
    let (passed, output) = check_in_a_process(dir.path(), Some("update"));
    assert!(!passed, "{output}");
    assert!(output.contains("GOLDEN is \"update\""), "{output}");
}
