//! Each way in which a check fails.

use openraft_toolkit::WireMessage;
use openraft_toolkit::test_fakes::golden::Frames;
use tempfile::TempDir;

use super::sample::{Command, FILES, assert_fails, dir, dir_with, failure, frames, put};

#[test]
fn a_frame_for_each_sample_and_version_that_can_hold_it_passes() {
    frames(dir(&FILES).path()).check();
    // Comments, line breaks and capital digits do not matter.
    let text = "# a put\r\n02 00\r\n01 6B\n\n# no lease\n00";
    frames(dir_with(&[("put.v2.hex", text)]).path()).check();
}

#[test]
fn a_frame_that_reads_the_same_and_is_written_otherwise_fails() {
    // The length is written as a u16. Decoding accepts this too.
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
fn each_sample_has_a_name_of_its_own_that_a_file_can_have() {
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
    let names_files = "a sample's name consists of ASCII letters, digits, `-` and `_`, because it names files";
    assert!(failure.contains(&format!("\"../put\": {names_files}")), "{failure}");
    assert!(failure.contains(&format!("\"\": {names_files}")), "{failure}");
}

/// A message whose first version can be read, but no longer written.
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
fn a_frame_that_only_older_releases_wrote_is_read_only() {
    let read_only = |dir: &TempDir| frames(dir.path()).read_only("long", put(None));
    // The length is written as a u16. No current release writes it like this.
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
        &["sample `long`: the sample is read only, and has no file"],
    );
}

#[test]
fn the_value_of_a_lossy_field_at_an_older_version_is_given_by_the_test() {
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
fn messages_within_a_message_are_written_at_the_version_of_the_file() {
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 1, serde)]
    struct Inner(u8, #[wire(since = 3)] u8);

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1)]
    struct Outer(Inner);

    let dir = dir(&[
        ("outer.v1.hex", "01 01 05"),
        ("outer.v2.hex", "02 02 05"),
        // A message that the version cannot hold is written at the lowest version that can.
        ("newer.v1.hex", "01 03 05 06"),
        ("newer.v2.hex", "02 03 05 06"),
    ]);
    Frames::in_dir(dir.path())
        .sample("outer", Outer(Inner(5, 0)))
        .sample("newer", Outer(Inner(5, 6)))
        .check();
}
