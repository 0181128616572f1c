//! `test_fakes::golden`: what it freezes, and each way in which that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command as Process, Output, Stdio};
use std::{env, fs};

use openraft_toolkit::WireMessage;
use openraft_toolkit::test_fakes::golden::Frames;
use tempfile::TempDir;

/// A message in the third of its releases, which changed what it is.
mod released {
    use openraft_toolkit::WireMessage;

    /// As the first release had it.
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 1, layout(1 = "9d85ceb0a8b2a3eb"))]
    pub(super) enum CommandOfOneKey {
        Set(String, u32),
        Unset(String),
    }

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 2, previous = CommandOfOneKey, layout(2 = "35ba73e36a8c9d33", 3 = "ffc6d1f797b4d974"))]
    pub(super) enum Command {
        Put {
            key: String,
            value: Vec<u8>,
            #[wire(since = 3)]
            lease: Option<u64>,
        },
        Delete {
            keys: Vec<String>,
        },
        #[wire(since = 3)]
        Touch {
            key: String,
        },
    }

    impl From<CommandOfOneKey> for Command {
        fn from(old: CommandOfOneKey) -> Self {
            match old {
                CommandOfOneKey::Set(key, value) => Self::Put {
                    key,
                    value: value.to_be_bytes().to_vec(),
                    lease: None,
                },
                CommandOfOneKey::Unset(key) => Self::Delete { keys: vec![key] },
            }
        }
    }
}

#[test]
fn commands_of_every_release_stay_as_they_were() {
    use released::Command;

    let put = |lease| Command::Put {
        key: "k".to_owned(),
        value: vec![0, 0, 1, 44],
        lease,
    };
    let delete = |keys: &[&str]| Command::Delete {
        keys: keys.iter().map(|key| key.to_string()).collect(),
    };
    Frames::in_dir("golden/command")
        .sample("put", put(None))
        .sample("put-leased", put(Some(300)))
        .sample("delete", delete(&["k"]))
        .sample("delete-many", delete(&["k", "l"]))
        .sample("touch", Command::Touch { key: "k".to_owned() })
        .check();
}

#[derive(Debug, PartialEq, WireMessage)]
#[wire(version = 2, min_version = 1)]
enum Command {
    Put {
        key: String,
        #[wire(since = 2)]
        lease: Option<u64>,
    },
}

fn put(lease: Option<u64>) -> Command {
    let key = "k".to_owned();
    Command::Put { key, lease }
}

/// What is checked in most of these tests, whose files are `FILES`.
fn frames(dir: &Path) -> Frames<Command> {
    Frames::in_dir(dir)
        .sample("put", put(None))
        .sample("leased", put(Some(7)))
}

const FILES: [(&str, &str); 3] = [
    ("put.v1.hex", "01 00 01 6b"),
    ("put.v2.hex", "02 00 01 6b 00"),
    ("leased.v2.hex", "02 00 01 6b 01 07"),
];

fn dir(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// `FILES`, and others in addition or in their place.
fn dir_with(files: &[(&str, &str)]) -> TempDir {
    dir(&[&FILES, files].concat())
}

fn failure<T: WireMessage + PartialEq + std::fmt::Debug>(frames: Frames<T>) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| frames.check())).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

/// That the check fails, with these failures and no others.
#[track_caller]
fn assert_fails<T: WireMessage + PartialEq + std::fmt::Debug>(frames: Frames<T>, expected: &[&str]) {
    let failure = failure(frames);
    let mut parts = failure.split("\n\n");
    let count = format!("{} of the golden files of `", expected.len());
    assert!(parts.next().unwrap().starts_with(&count), "{failure}");
    for expected in expected {
        assert_eq!(parts.next().unwrap().trim_end(), *expected, "{failure}");
    }
    assert!(parts.next().unwrap().starts_with("help: data of a released version"));
}

#[test]
fn a_frame_for_each_sample_and_version_that_can_hold_it_passes() {
    frames(dir(&FILES).path()).check();
    // Comments, line breaks and capitals are the reader's.
    let text = "# a put\r\n02 00\r\n01 6B\n\n# no lease\n00";
    frames(dir_with(&[("put.v2.hex", text)]).path()).check();
}

#[test]
fn a_frame_that_reads_the_same_and_is_written_otherwise_fails() {
    // The length as a u16, which is read as well.
    let dir = dir_with(&[("put.v1.hex", "01 00 fb 01 00 6b")]);
    assert_fails(
        frames(dir.path()),
        &["put.v1.hex, sample `put` at version 1: it is written differently\n  \
           expected: 01 00 fb 01 00 6b\n  \
           found:    01 00 01 6b\n  \
           they differ from byte 2 on"],
    );
}

#[test]
fn every_failure_is_reported() {
    let dir = dir_with(&[
        ("put.v1.hex", "01 00 01 6c"),
        ("put.v2.hex", "02 07"),
        ("leased.v2.hex", "02 00 1"),
    ]);
    assert_fails(
        frames(dir.path()),
        &[
            "put.v1.hex, sample `put` at version 1: it is read differently\n  \
             frame:    01 00 01 6c\n  \
             expected: Put { key: \"k\", lease: None }\n  \
             found:    Put { key: \"l\", lease: None }",
            "put.v1.hex, sample `put` at version 1: it is written differently\n  \
             expected: 01 00 01 6c\n  \
             found:    01 00 01 6b\n  \
             they differ from byte 3 on",
            "put.v2.hex, sample `put` at version 2: it is read differently\n  \
             frame:    02 07\n  \
             expected: Put { key: \"k\", lease: None }\n  \
             found:    cannot decode the body: `Command` has no variant of index 7 at version 2",
            "put.v2.hex, sample `put` at version 2: it is written differently\n  \
             expected: 02 07\n  \
             found:    02 00 01 6b 00\n  \
             they differ from byte 1 on",
            "leased.v2.hex, sample `leased` at version 2: it holds `1`, where two hex digits are expected",
        ],
    );
}

#[test]
fn a_file_that_nothing_checks_fails() {
    let dir = dir_with(&[
        (".gitattributes", ""),
        ("gone.v1.hex", "01 00 01 6b"),
        ("put.v3.hex", "03 00 01 6b"),
        ("put.v1.txt", ""),
    ]);
    let left_over = |name| {
        format!(
            "{name}: it belongs to no sample at a version that the type reads, which are 1 to 2\n  \
             help: if no data of it exists any more, delete the file"
        )
    };
    assert_fails(
        frames(dir.path()),
        &["gone.v1.hex", "put.v1.txt", "put.v3.hex"]
            .map(left_over)
            .each_ref()
            .map(|s| s.as_str()),
    );
}

#[test]
fn a_file_of_a_version_that_cannot_hold_its_sample_fails() {
    let dir = dir_with(&[("leased.v1.hex", "01 00 01 6b")]);
    assert_fails(
        frames(dir.path()),
        &[
            "leased.v1.hex, sample `leased` at version 1: it is read differently\n  \
             frame:    01 00 01 6b\n  \
             expected: Put { key: \"k\", lease: Some(7) }\n  \
             found:    Put { key: \"k\", lease: None }",
            "leased.v1.hex, sample `leased` at version 1: it is written differently\n  \
             expected: 01 00 01 6b\n  \
             found:    Command::Put::lease cannot be written at version 1\n  \
             help: if only older releases wrote this frame, give its value by `read_only`",
        ],
    );
}

#[test]
fn samples_are_told_apart_by_names_that_files_can_have() {
    let empty = TempDir::new().unwrap();
    assert_fails(Frames::<Command>::in_dir(empty.path()), &["there are no samples"]);

    let dir = dir_with(&[]);
    let failure = failure(
        frames(dir.path())
            .sample("PUT", put(None))
            .sample("../put", put(None))
            .sample("", put(None)),
    );
    assert!(failure.contains("\"PUT\": two samples have this name"), "{failure}");
    let names_files = "a sample's name is of ASCII letters, digits, `-` and `_`, since it names files";
    assert!(failure.contains(&format!("\"../put\": {names_files}")), "{failure}");
    assert!(failure.contains(&format!("\"\": {names_files}")), "{failure}");
}

/// Versions before the last are read and not written.
mod converted {
    use openraft_toolkit::WireMessage;

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 1)]
    pub(super) struct Seconds(pub(super) u32);

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, previous = Seconds)]
    pub(super) struct Millis(pub(super) u64);

    impl From<Seconds> for Millis {
        fn from(old: Seconds) -> Self {
            Self(u64::from(old.0) * 1000)
        }
    }
}

#[test]
fn a_version_that_is_not_written_any_more_must_still_be_read() {
    use converted::Millis;

    let frames = |dir: &TempDir| {
        Frames::in_dir(dir.path())
            .sample("two-seconds", Millis(2000))
            .sample("a-millisecond", Millis(1))
    };
    let newest = [("two-seconds.v2.hex", "02 fb d0 07"), ("a-millisecond.v2.hex", "02 01")];
    frames(&dir(&newest)).check();
    frames(&dir(&[&newest[..], &[("two-seconds.v1.hex", "01 02")]].concat())).check();

    let read_differently = |frame: &str, found: &str| {
        format!(
            "two-seconds.v1.hex, sample `two-seconds` at version 1: it is read differently\n  \
             frame:    {frame}\n  expected: Millis(2000)\n  found:    {found}"
        )
    };
    let wrong = dir(&[&newest[..], &[("two-seconds.v1.hex", "01 03")]].concat());
    assert_fails(frames(&wrong), &[&read_differently("01 03", "Millis(3000)")]);
    let newer = dir(&[&newest[..], &[("two-seconds.v1.hex", "02 fb d0 07")]].concat());
    assert_fails(
        frames(&newer),
        &[&read_differently("02 fb d0 07", "a frame of version 2")],
    );
}

#[test]
fn what_only_older_releases_wrote_is_read_only() {
    let read_only = |dir: &TempDir| frames(dir.path()).read_only("long", put(None));
    // The length as a u16: nothing writes it.
    read_only(&dir_with(&[("long.v1.hex", "01 00 fb 01 00 6b")])).check();

    let wrong = dir_with(&[("long.v1.hex", "01 00 fb 01 00 6c")]);
    assert_fails(
        read_only(&wrong),
        &["long.v1.hex, sample `long` at version 1: it is read differently\n  \
           frame:    01 00 fb 01 00 6c\n  \
           expected: Put { key: \"k\", lease: None }\n  \
           found:    Put { key: \"l\", lease: None }"],
    );
    assert_fails(
        read_only(&dir_with(&[])),
        &["sample `long`: it is read only, and there is no file of it"],
    );
}

#[test]
fn what_a_lossy_field_becomes_is_said() {
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1)]
    struct Ping(#[wire(since = 2, lossy)] u8);

    let dir = dir(&[("traced.v1.hex", "01"), ("traced.v2.hex", "02 07")]);
    let frames = || Frames::in_dir(dir.path());
    frames()
        .lossy_sample("traced", Ping(7), |version| Ping(if version < 2 { 0 } else { 7 }))
        .check();
    assert_fails(
        frames().sample("traced", Ping(7)),
        &[
            "traced.v1.hex, sample `traced` at version 1: it is read differently\n  \
           frame:    01\n  expected: Ping(7)\n  found:    Ping(0)",
        ],
    );
}

#[test]
fn messages_within_a_message_are_of_its_files_version() {
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 1, serde)]
    struct Inner(u8, #[wire(since = 3)] u8);

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1)]
    struct Outer(Inner);

    let dir = dir(&[
        ("outer.v1.hex", "01 01 05"),
        ("outer.v2.hex", "02 02 05"),
        // What a version cannot hold is of the lowest that can.
        ("newer.v1.hex", "01 03 05 06"),
        ("newer.v2.hex", "02 03 05 06"),
    ]);
    Frames::in_dir(dir.path())
        .sample("outer", Outer(Inner(5, 0)))
        .sample("newer", Outer(Inner(5, 6)))
        .check();
}

/// What `process` runs.
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
    let mut process = Process::new(env::current_exe().unwrap());
    process
        .args(["--exact", "golden_files::check_in_the_given_directory", "--ignored"])
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
fn what_is_missing_fails_until_it_is_added() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path().join("golden/command");
    let (passed, output) = check_in_a_process(&dir, None);
    assert!(!passed, "{output}");
    assert!(output.contains("integration/golden_files.rs:"), "{output}");
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
fn processes_add_at_the_same_time() {
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
fn a_misspelt_environment_says_so() {
    let dir = dir(&FILES);
    let (passed, output) = check_in_a_process(dir.path(), Some("update"));
    assert!(!passed, "{output}");
    assert!(output.contains("GOLDEN is \"update\""), "{output}");
}
