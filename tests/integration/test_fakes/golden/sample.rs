//! A message with golden files, and helpers for checks that fail.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use openraft_toolkit::WireMessage;
use openraft_toolkit::test_fakes::golden::Frames;
use tempfile::TempDir;

#[derive(Debug, PartialEq, WireMessage)]
#[wire(version = 2, min_version = 1)]
pub enum Command {
    Put {
        key: String,
        #[wire(since = 2)]
        lease: Option<u64>,
    },
}

pub fn put(lease: Option<u64>) -> Command {
    let key = "k".to_owned();
    Command::Put { key, lease }
}

/// Returns the samples of most of these tests. Their files are `FILES`.
pub fn frames(dir: &Path) -> Frames<Command> {
    Frames::in_dir(dir)
        .sample("put", put(None))
        .sample("leased", put(Some(7)))
}

pub const FILES: [(&str, &str); 3] = [
    ("put.v1.hex", "01 00 01 6b"),
    ("put.v2.hex", "02 00 01 6b 00"),
    ("leased.v2.hex", "02 00 01 6b 01 07"),
];

pub fn dir(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// Returns a directory with `FILES` and `files`. If both have a file of the same name, the file from `files` is used.
pub fn dir_with(files: &[(&str, &str)]) -> TempDir {
    dir(&[&FILES, files].concat())
}

pub fn failure<T: WireMessage + PartialEq + std::fmt::Debug>(frames: Frames<T>) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| frames.check())).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

/// Asserts that the check fails with these failures and no others.
#[track_caller]
pub fn assert_fails<T: WireMessage + PartialEq + std::fmt::Debug>(frames: Frames<T>, expected: &[&str]) {
    let failure = failure(frames);
    let mut parts = failure.split("\n\n");
    let count = format!("{} of the golden files of `", expected.len());
    assert!(parts.next().unwrap().starts_with(&count), "{failure}");
    for expected in expected {
        assert_eq!(parts.next().unwrap().trim_end(), *expected, "{failure}");
    }
    assert!(parts.next().unwrap().starts_with("help: data of a released version"));
}
