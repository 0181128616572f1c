//! `#[derive(WireMessage)]` over versions: what older bodies become, and what older versions can hold.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openraft_toolkit::codec::{WireMessageBorrowed, WriteVersionLowered};
use openraft_toolkit::{CodecError, WireMessage, WriteVersion, decode, encode};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// One application's command at each of its releases, as the binaries of those releases have it.
mod v1 {
    use super::*;

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 1, serde, layout(1 = "e87da525341194b6"))]
    pub(super) enum Command {
        Put { key: String, value: Vec<u8> },
        Delete(String),
        Nothing,
    }
}

mod v2 {
    use super::*;

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde, layout(1 = "e87da525341194b6", 2 = "9190b5452e94c280"))]
    pub(super) enum Command {
        Put {
            #[wire(since = 2)]
            lease: Option<u64>,
            key: String,
            value: Vec<u8>,
            #[wire(since = 2, lossy)]
            trace: u32,
        },
        Delete(String),
        Nothing,
        #[wire(since = 2)]
        Touch {
            key: String,
        },
    }
}

mod v3 {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    pub(super) enum Priority {
        Low,
        Normal,
    }

    impl Priority {
        pub(super) fn normal() -> Self {
            Self::Normal
        }
    }

    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 1, serde, layout(1 = "e87da525341194b6", 2 = "9190b5452e94c280", 3 = "24a19f0a26604ba2"))]
    pub(super) enum Command {
        Put {
            // Newer fields may stand anywhere.
            #[wire(since = 2)]
            lease: Option<u64>,
            key: String,
            value: Vec<u8>,
            #[wire(since = 3, default = Priority::normal)]
            priority: Priority,
            #[wire(since = 2, lossy)]
            trace: u32,
        },
        Delete(String, #[wire(since = 3)] bool),
        Nothing,
        #[wire(since = 2)]
        Touch {
            key: String,
            #[wire(since = 3)]
            at: u64,
        },
        #[wire(since = 3)]
        Clear,
    }
}

use v3::{Command, Priority};

/// A command that every version can hold.
fn put() -> Command {
    Command::Put {
        lease: None,
        key: "k".to_owned(),
        value: vec![7],
        priority: Priority::Normal,
        trace: 0,
    }
}

fn leased() -> Command {
    Command::Put {
        lease: Some(9),
        key: "k".to_owned(),
        value: vec![7],
        priority: Priority::Normal,
        trace: 0,
    }
}

#[track_caller]
fn assert_not_representable<T: Debug>(result: Result<T, CodecError>, at: u8, what: &str) {
    match result {
        Err(CodecError::NotRepresentable {
            version, what: found, ..
        }) => {
            assert_eq!((version, found), (at, what));
        }
        other => panic!("{what} at version {at}: {other:?}"),
    }
}

#[test]
fn a_body_is_the_list_of_the_fields_that_its_version_has() {
    assert_eq!(put().encode_at(1).unwrap(), [1, 0, 1, b'k', 1, 7]);
    assert_eq!(put().encode_at(2).unwrap(), [2, 0, 0, 1, b'k', 1, 7, 0]);
    assert_eq!(put().encode_at(3).unwrap(), [3, 0, 0, 1, b'k', 1, 7, 1, 0]);
    assert_eq!(put().encode().unwrap(), put().encode_at(3).unwrap());
    for version in [0, 4, 255] {
        let unsupported =
            |error| matches!(error, CodecError::VersionUnsupported { min: 1, max: 3, actual } if actual == version);
        assert!(unsupported(put().encode_at(version).unwrap_err()));
        assert!(unsupported(Command::decode(&[version, 0, 1, b'k', 1, 7]).unwrap_err()));
    }
}

#[test]
fn what_an_older_body_lacks_takes_its_default() {
    assert_eq!(Command::decode(&[1, 0, 1, b'k', 1, 7]).unwrap(), put());
    assert_eq!(Command::decode(&[2, 0, 1, 9, 1, b'k', 1, 7, 0]).unwrap(), leased());
    assert_eq!(
        Command::decode(&[2, 1, 1, b'k']).unwrap(),
        Command::Delete("k".to_owned(), false)
    );
    assert_eq!(
        Command::decode(&[2, 3, 1, b'k']).unwrap(),
        Command::Touch {
            key: "k".to_owned(),
            at: 0
        }
    );
}

#[test]
fn an_older_body_with_a_newer_variant_is_an_error() {
    for (version, index) in [(1, 3), (1, 4), (2, 4), (3, 5)] {
        let Err(CodecError::Decode(reason)) = Command::decode(&[version, index, 0, 0]) else {
            panic!("version {version} has no variant {index}")
        };
        assert_eq!(
            reason.to_string(),
            format!("`Command` has no variant of index {index} at version {version}")
        );
    }
}

#[test]
fn what_an_older_version_cannot_hold_is_never_dropped() {
    let key = || "k".to_owned();
    let low = Command::Put {
        lease: None,
        key: key(),
        value: Vec::new(),
        priority: Priority::Low,
        trace: 0,
    };
    assert_not_representable(leased().encode_at(1), 1, "Command::Put::lease");
    assert_not_representable(low.encode_at(2), 2, "Command::Put::priority");
    assert_not_representable(Command::Delete(key(), true).encode_at(1), 1, "Command::Delete::1");
    assert_not_representable(Command::Clear.encode_at(2), 2, "Command::Clear");
    let touch = Command::Touch { key: key(), at: 5 };
    assert_not_representable(touch.encode_at(1), 1, "Command::Touch");
    assert_not_representable(touch.encode_at(2), 2, "Command::Touch::at");

    let mut out = vec![1, 2];
    touch.encode_into(2, &mut out).unwrap_err();
    assert_eq!(out, [1, 2]);
    let error = touch.encode_at(2).unwrap_err();
    assert_eq!(error.to_string(), "Command::Touch::at cannot be written at version 2");
}

#[test]
fn a_lossy_field_is_dropped_where_the_version_lacks_it() {
    let traced = Command::Put {
        lease: None,
        key: "k".to_owned(),
        value: vec![7],
        priority: Priority::Normal,
        trace: 8,
    };
    assert_eq!(Command::decode(&traced.encode_at(1).unwrap()).unwrap(), put());
    assert_eq!(Command::decode(&traced.encode_at(2).unwrap()).unwrap(), traced);
}

mod previous {
    use super::*;

    /// Written by hand.
    #[derive(Debug, PartialEq)]
    pub(super) struct Grams(pub(super) u32);

    impl WireMessage for Grams {
        const VERSION: u8 = 1;
        const MIN_VERSION: u8 = 1;

        fn encode_into(&self, version: u8, out: &mut Vec<u8>) -> Result<(), CodecError> {
            out.extend(encode(version, &self.0)?);
            Ok(())
        }

        fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
            decode(1, bytes).map(Self)
        }
    }

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 2, previous(Grams, downgrade))]
    pub(super) struct Kilos {
        pub(super) kilos: u32,
        #[wire(since = 3)]
        pub(super) grams: u32,
    }

    impl From<Grams> for Kilos {
        fn from(Grams(grams): Grams) -> Self {
            Self {
                kilos: grams / 1000,
                grams: grams % 1000,
            }
        }
    }

    impl TryFrom<&Kilos> for Grams {
        type Error = String;

        fn try_from(Kilos { kilos, grams }: &Kilos) -> Result<Self, String> {
            let whole = kilos.checked_mul(1000).and_then(|whole| whole.checked_add(*grams));
            whole.map(Self).ok_or_else(|| format!("{kilos} kg are too heavy"))
        }
    }

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 4, previous = Kilos)]
    pub(super) struct Weight {
        pub(super) unit: String,
        pub(super) amount: u32,
    }

    impl From<Kilos> for Weight {
        fn from(Kilos { kilos, .. }: Kilos) -> Self {
            Self {
                unit: "kg".to_owned(),
                amount: kilos,
            }
        }
    }
}

#[test]
fn versions_below_its_own_are_decoded_as_the_previous_types() {
    use previous::{Grams, Kilos, Weight};

    assert_eq!((Kilos::MIN_VERSION, Weight::MIN_VERSION), (1, 1));
    let old = Grams(5_700).encode().unwrap();
    assert_eq!(Kilos::decode(&old).unwrap(), Kilos { kilos: 5, grams: 700 });
    let kilos = |amount| Weight {
        unit: "kg".to_owned(),
        amount,
    };
    assert_eq!(Weight::decode(&old).unwrap(), kilos(5));
    assert_eq!(Weight::decode(&[2, 6]).unwrap(), kilos(6));
    assert_eq!(Weight::decode(&[3, 6, 1]).unwrap(), kilos(6));
    assert!(matches!(Weight::decode(&[]), Err(CodecError::Empty)));
    assert!(matches!(
        Weight::decode(&[2, 6, 1]),
        Err(CodecError::TrailingBytes { extra: 1 })
    ));
    for version in [0, 5] {
        assert!(matches!(
            Weight::decode(&[version]),
            Err(CodecError::VersionUnsupported { min: 1, max: 4, .. })
        ));
    }
}

#[test]
fn a_downgrade_writes_what_the_previous_type_can_hold() {
    use previous::{Grams, Kilos, Weight};

    let kilos = Kilos { kilos: 5, grams: 700 };
    assert_eq!(kilos.encode_at(1).unwrap(), Grams(5_700).encode().unwrap());
    assert_not_representable(kilos.encode_at(2), 2, "Kilos::grams");

    let heavy = Kilos {
        kilos: u32::MAX,
        grams: 0,
    };
    let error = heavy.encode_at(1).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "4294967295 kg are too heavy");
    assert_not_representable(Err::<(), _>(error), 1, "Kilos");

    // The previous type, written by hand, would write any version.
    assert!(matches!(
        kilos.encode_at(0),
        Err(CodecError::VersionUnsupported { actual: 0, .. })
    ));

    // Without `downgrade` the type's own versions are all that it writes.
    let weight = Weight {
        unit: "kg".to_owned(),
        amount: 1,
    };
    for version in 1..=3 {
        assert!(matches!(
            weight.encode_at(version),
            Err(CodecError::VersionUnsupported { min: 4, max: 4, .. })
        ));
    }
}

#[derive(Debug, Clone, PartialEq, WireMessage)]
#[wire(version = 1, serde)]
struct OldPoint(i32, i32);

#[derive(Debug, Clone, PartialEq, WireMessage)]
#[wire(version = 2, serde, previous(OldPoint, downgrade))]
struct Point {
    x: i32,
    y: i32,
    z: i32,
}

impl From<OldPoint> for Point {
    fn from(OldPoint(x, y): OldPoint) -> Self {
        Self { x, y, z: 0 }
    }
}

impl TryFrom<&Point> for OldPoint {
    type Error = &'static str;

    fn try_from(point: &Point) -> Result<Self, &'static str> {
        (point.z == 0)
            .then_some(Self(point.x, point.y))
            .ok_or("it is not in the plane")
    }
}

/// Some type of a user, deep within which messages are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Batch {
    commands: Vec<Command>,
    point: Option<Point>,
    last: u8,
}

fn batch() -> Batch {
    Batch {
        commands: vec![put(), Command::Nothing],
        point: Some(Point { x: 1, y: 2, z: 0 }),
        last: 5,
    }
}

#[test]
fn the_serde_form_of_a_message_in_bincode_is_its_frame() {
    let mut frames = vec![1, 2];
    frames.extend(put().encode().unwrap());
    frames.extend(Command::Nothing.encode().unwrap());
    frames.push(1);
    frames.extend(Point { x: 1, y: 2, z: 0 }.encode().unwrap());
    frames.push(5);
    assert_eq!(encode(1, &batch()).unwrap(), frames);
    assert_eq!(
        bincode::serde::encode_to_vec(batch(), bincode::config::standard()).unwrap(),
        frames[1..]
    );
    assert_eq!(decode::<Batch>(1, &frames).unwrap(), batch());
}

#[test]
fn the_serde_form_reads_every_version_wherever_it_lies() {
    let old = vec![
        v1::Command::Put {
            key: "k".to_owned(),
            value: vec![7],
        },
        v1::Command::Nothing,
    ];
    let old = encode(1, &(old, Some(OldPoint(1, 2)), 5u8)).unwrap();
    assert_eq!(decode::<Batch>(1, &old).unwrap(), batch());

    let newer = [1, 1, 9, 0];
    let Err(CodecError::Decode(reason)) = decode::<Batch>(1, &newer) else {
        panic!("version 9 is not known")
    };
    assert_eq!(
        reason.to_string(),
        "`Command`: frame version 9 is not supported, only 1 to 3"
    );
}

#[track_caller]
fn assert_round_trips<T, F, E>(values: &[T], to: impl Fn(&T) -> Result<F, E>, from: impl Fn(&F) -> Result<T, E>)
where
    T: PartialEq + Debug,
    E: Debug,
{
    for value in values {
        assert_eq!(from(&to(value).unwrap()).unwrap(), *value);
    }
}

#[test]
fn the_serde_form_goes_through_any_format() {
    let level = WriteVersion::new(1);
    let at_level = |commands: &[Command]| -> Vec<Batch> {
        let with = |command: &Command| Batch {
            commands: vec![command.clone()],
            ..batch()
        };
        commands.iter().map(with).collect()
    };
    let batches = at_level(&[
        put(),
        leased(),
        Command::Delete("k".to_owned(), true),
        Command::Nothing,
        Command::Clear,
    ]);
    let text = |batch: &Batch| serde_json::to_string(batch);
    assert_round_trips(&batches, text, |text| serde_json::from_str(text));
    assert_round_trips(&batches, |b| level.scope(|| text(b)), |text| serde_json::from_str(text));
    assert_round_trips(
        &batches,
        |b| serde_json::to_value(b),
        |value| serde_json::from_value(value.clone()),
    );
    assert_round_trips(&batches, rmp_to_vec, |bytes| rmp_from_slice(bytes));
    assert_round_trips(
        &batches,
        |b| level.scope(|| rmp_to_vec(b)),
        |bytes| rmp_from_slice(bytes),
    );
    let named = |batch: &Batch| rmp_serde::to_vec_named(batch).map_err(|e| e.to_string());
    assert_round_trips(&batches, named, |bytes| rmp_from_slice(bytes));
}

#[test]
fn the_serde_form_goes_through_what_serde_buffers() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Rpc {
        Append { commands: Vec<Command>, point: Point },
    }

    let rpcs = [Rpc::Append {
        commands: vec![leased(), Command::Nothing],
        point: Point { x: 1, y: 2, z: 3 },
    }];
    assert_round_trips(&rpcs, serde_json::to_string, |text| serde_json::from_str(text));
    assert_round_trips(&rpcs, rmp_to_vec, |bytes| rmp_from_slice(bytes));
}

fn rmp_to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    rmp_serde::to_vec(value).map_err(|error| error.to_string())
}

fn rmp_from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
}

#[test]
fn people_read_the_version_and_the_names() {
    let json = |command: &Command| serde_json::to_string(command).unwrap();
    assert_eq!(
        json(&put()),
        r#"{"v3":{"Put":{"lease":null,"key":"k","value":[7],"priority":"Normal","trace":0}}}"#
    );
    assert_eq!(
        json(&Command::Delete("k".to_owned(), true)),
        r#"{"v3":{"Delete":["k",true]}}"#
    );
    assert_eq!(json(&Command::Nothing), r#"{"v3":"Nothing"}"#);
    let level = WriteVersion::new(1);
    assert_eq!(
        level.scope(|| json(&put())),
        r#"{"v1":{"Put":{"key":"k","value":[7]}}}"#
    );
    assert_eq!(
        serde_json::to_string(&Point { x: 1, y: 2, z: 3 }).unwrap(),
        r#"{"v2":{"x":1,"y":2,"z":3}}"#
    );

    // Names may come in any order, and what an older version lacks takes its default.
    let read = |text: &str| serde_json::from_str::<Command>(text).map_err(|error| error.to_string());
    assert_eq!(read(r#"{"v1":{"Put":{"value":[7],"key":"k"}}}"#).unwrap(), put());
    assert_eq!(
        serde_json::from_str::<Point>(r#"{"v1":[1,2]}"#).unwrap(),
        Point { x: 1, y: 2, z: 0 }
    );
    for (text, reason) in [
        (
            r#"{"v9":"Nothing"}"#,
            "`Command`: frame version 9 is not supported, only 1 to 3",
        ),
        (r#"{"v1":"Clear"}"#, "unknown name `Clear`"),
        (r#"{"v1":{"Put":{"key":"k"}}}"#, "missing field `value`"),
        (
            r#"{"v1":{"Put":{"key":"k","value":[],"lease":1}}}"#,
            "field `lease` is newer than the version",
        ),
        (r#"{"v1":{"Put":{"key":"k","key":"k"}}}"#, "duplicate field `key`"),
        (r#"{"v1":{"Put":{"name":"k"}}}"#, "unknown name `name`"),
        (r#"{"v1":{"Delete":[]}}"#, "invalid length 0"),
        (r#"{"1":"Nothing"}"#, "a version such as `v1`"),
        (r#"{"v+1":"Nothing"}"#, "a version such as `v1`"),
        (r#"{"v01":"Nothing"}"#, "a version such as `v1`"),
        (r#"{"v1":"Nothing","v2":"Nothing"}"#, "invalid length 2"),
        (r#"{}"#, "invalid length 0"),
        (r#""Nothing""#, "`Command` with its version"),
    ] {
        let found = read(text).unwrap_err();
        assert!(found.contains(reason), "{text}: {found}");
    }
}

#[test]
fn a_cell_is_raised_and_never_lowered() {
    let level = WriteVersion::new(1);
    let other = level.clone();
    level.raise(3).unwrap();
    level.raise(3).unwrap();
    let lowered = other.raise(2).unwrap_err();
    assert!(matches!(
        lowered,
        WriteVersionLowered {
            current: 3,
            asked: 2,
            ..
        }
    ));
    assert_eq!(lowered.to_string(), "the write version is 3 and cannot be lowered to 2");
    assert_eq!(other.get(), 3);
}

#[test]
fn a_message_is_written_at_the_lower_of_the_level_and_its_own_version() {
    for (level, versions) in [(1, [1, 1]), (2, [2, 2]), (3, [3, 2]), (200, [3, 2])] {
        let level = WriteVersion::new(level);
        let point = Point { x: 1, y: 2, z: 0 };
        assert_eq!(level.encode(&put()).unwrap(), put().encode_at(versions[0]).unwrap());
        let pair = [
            put().encode_at(versions[0]).unwrap(),
            point.encode_at(versions[1]).unwrap(),
        ]
        .concat();
        assert_eq!(level.scope(|| encode(7, &(put(), point))).unwrap()[1..], pair);
    }
}

#[test]
fn two_nodes_at_different_levels_write_in_one_process_at_once() {
    let frames = |level: u8| {
        let level = WriteVersion::new(level);
        move || -> bool {
            let expected = put().encode_at(level.get()).unwrap();
            (0..1000).all(|_| level.scope(|| encode(7, &put())).unwrap()[1..] == expected)
        }
    };
    let nodes = [1, 2, 3].map(|level| std::thread::spawn(frames(level)));
    assert!(nodes.map(|node| node.join().unwrap()).iter().all(|same| *same));
}

#[test]
fn a_level_holds_within_its_scope_alone() {
    let (one, two) = (WriteVersion::new(1), WriteVersion::new(2));
    let version = || encode(7, &put()).unwrap()[1];
    assert_eq!(version(), 3);
    let versions = one.scope(|| {
        let inner = two.scope(version);
        [inner, version()]
    });
    assert_eq!(versions, [2, 1]);

    let panicked = catch_unwind(AssertUnwindSafe(|| one.scope(|| panic!("within a scope"))));
    panicked.unwrap_err();
    assert_eq!(version(), 3);
}

#[test]
fn what_the_cluster_agreed_on_is_written_at_the_lowest_version_that_holds_it() {
    let level = WriteVersion::new(1);
    for (command, version) in [(put(), 1), (leased(), 2), (Command::Clear, 3)] {
        let frame = level.scope(|| encode(7, &command)).unwrap();
        assert_eq!(frame[1..], command.encode_at(version).unwrap());
    }
    // In space, which the older type does not know.
    let point = Point { x: 1, y: 2, z: 3 };
    assert_eq!(level.scope(|| encode(7, &point)).unwrap()[1..], point.encode().unwrap());
}

#[test]
fn a_check_finds_what_is_too_new_wherever_it_is() {
    #[derive(Debug, WireMessage)]
    #[wire(version = 1)]
    struct Request {
        commands: Vec<Command>,
        point: Option<Box<Point>>,
    }

    let level = WriteVersion::new(1);
    let request = |command, z| Request {
        commands: vec![put(), command],
        point: Some(Box::new(Point { x: 1, y: 2, z })),
    };
    level.check(&request(put(), 0)).unwrap();
    assert_not_representable(level.check(&request(leased(), 0)), 1, "Command::Put::lease");
    assert_not_representable(level.check(&request(Command::Clear, 0)), 1, "Command::Clear");
    assert_not_representable(level.check(&request(put(), 3)), 1, "Point");
    assert_not_representable(level.check(&leased()), 1, "Command::Put::lease");
    level.raise(3).unwrap();
    level.check(&request(Command::Clear, 3)).unwrap();

    // A type that came with a later level than this one.
    let level = WriteVersion::new(1);
    #[derive(Debug, WireMessage)]
    #[wire(version = 2, serde)]
    struct New(u8);
    assert!(matches!(
        level.check(&New(1)),
        Err(CodecError::VersionUnsupported {
            min: 2,
            max: 2,
            actual: 1
        })
    ));
    #[derive(WireMessage)]
    #[wire(version = 1)]
    struct Holder(New);
    let Err(CodecError::Encode(reason)) = level.check(&Holder(New(1))) else {
        panic!("`New` is too new")
    };
    assert_eq!(
        reason.to_string(),
        "`New`: frame version 1 is not supported, only 2 to 2"
    );
}

#[test]
fn a_message_borrows_from_its_frame_what_it_can() {
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1)]
    struct Put<'a, T> {
        key: Cow<'a, str>,
        value: Cow<'a, [u8]>,
        #[wire(since = 2)]
        note: Cow<'a, str>,
        list: Vec<Cow<'a, str>>,
        extra: T,
    }

    let put = Put {
        key: "k".into(),
        value: vec![1, 2].into(),
        note: "".into(),
        list: vec!["a".into()],
        extra: 7u8,
    };
    let frame = put.encode().unwrap();
    let borrowed = Put::<u8>::decode_borrowed(&frame).unwrap();
    assert_eq!(borrowed, put);
    assert!(matches!(borrowed.key, Cow::Borrowed("k")));
    assert!(matches!(borrowed.value, Cow::Borrowed([1, 2])));
    assert!(matches!(borrowed.list[0], Cow::Owned(_)));

    // What is decoded otherwise outlives the frame.
    let owned = Put::<u8>::decode(&frame.clone()).unwrap();
    assert_eq!(owned, put);
    assert!(matches!(owned.key, Cow::Owned(_)));

    let old = put.encode_at(1).unwrap();
    assert_eq!(Put::<u8>::decode_borrowed(&old).unwrap(), put);
    assert!(matches!(
        Put::<u8>::decode_borrowed(&[3]),
        Err(CodecError::VersionUnsupported {
            min: 1,
            max: 2,
            actual: 3
        })
    ));
    assert!(matches!(
        Put::<u8>::decode_borrowed(&[frame, vec![0]].concat()),
        Err(CodecError::TrailingBytes { extra: 1 })
    ));
}

#[test]
fn bytes_are_the_same_whether_they_are_written_at_once_or_one_by_one() {
    #[derive(Debug, Clone, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    enum AtOnce<'a> {
        Named {
            vec: Vec<u8>,
            #[wire(since = 2)]
            boxed: Box<[u8]>,
        },
        Tuple(Cow<'a, [u8]>, std::vec::Vec<u8>),
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum OneByOne {
        Named { vec: Vec<u8>, boxed: Vec<u8> },
        Tuple(Vec<u8>, Vec<u8>),
    }

    for len in [0, 1, 250, 251, 70_000] {
        let bytes: Vec<u8> = (0..len).map(|n: u32| n.to_le_bytes()[0]).collect();
        let pairs = [
            (
                AtOnce::Named {
                    vec: bytes.clone(),
                    boxed: bytes.clone().into(),
                },
                OneByOne::Named {
                    vec: bytes.clone(),
                    boxed: bytes.clone(),
                },
            ),
            (
                AtOnce::Tuple(bytes.clone().into(), bytes.clone()),
                OneByOne::Tuple(bytes.clone(), bytes.clone()),
            ),
        ];
        for (at_once, one_by_one) in pairs {
            let frame = encode(2, &one_by_one).unwrap();
            assert_eq!(at_once.encode().unwrap(), frame);
            assert_eq!(AtOnce::decode(&frame).unwrap(), at_once);
            let text = serde_json::to_string(&at_once).unwrap();
            assert_eq!(
                text,
                format!(r#"{{"v2":{}}}"#, serde_json::to_string(&one_by_one).unwrap())
            );
            assert_eq!(serde_json::from_str::<AtOnce>(&text).unwrap(), at_once);
            let packed = rmp_to_vec(&at_once).unwrap();
            assert_eq!(rmp_from_slice::<AtOnce>(&packed).unwrap(), at_once);
        }
    }
    let old = AtOnce::Named {
        vec: vec![1],
        boxed: Box::default(),
    };
    assert_eq!(AtOnce::decode(&old.encode_at(1).unwrap()).unwrap(), old);
    // A length that the bytes do not have is an error before any memory is taken.
    assert!(matches!(
        AtOnce::decode(&[2, 0, 253, 255, 255, 255, 255, 255, 255, 255, 255]),
        Err(CodecError::Decode(_))
    ));
}

#[test]
fn a_newer_field_of_a_parameter_needs_what_its_type_needs() {
    /// It has no default, an `Option` of it has.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    struct Id(u8);

    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1, serde)]
    struct Page<K, V: Default> {
        items: BTreeMap<u8, K>,
        #[wire(since = 2)]
        next: Option<K>,
        #[wire(since = 2, lossy)]
        hint: V,
    }

    let page = Page {
        items: BTreeMap::from([(1, Id(2))]),
        next: None,
        hint: (),
    };
    assert_eq!(page.encode_at(1).unwrap(), [1, 1, 1, 2]);
    assert_eq!(Page::<Id, ()>::decode(&[1, 1, 1, 2]).unwrap(), page);
    let page = Page {
        next: Some(Id(1)),
        ..page
    };
    assert_not_representable(page.encode_at(1), 1, "Page::next");
    assert_eq!(decode::<Page<Id, ()>>(7, &encode(7, &page).unwrap()).unwrap(), page);
}

#[test]
fn hostile_nesting_of_messages_is_an_error() {
    #[derive(Debug, WireMessage)]
    #[wire(version = 1, serde)]
    enum Tree {
        Leaf,
        #[allow(dead_code)]
        Node(Box<Tree>),
    }

    let nested = |depth| [[1, 1].repeat(depth), vec![1, 0]].concat();
    assert!(matches!(Tree::decode(&nested(100)), Ok(Tree::Node(_))));
    assert!(matches!(Tree::decode(&nested(100_000)), Err(CodecError::Decode(_))));
    assert!(matches!(Tree::Leaf.encode().as_deref(), Ok([1, 0])));
}

#[test]
fn however_many_variants_there_are_a_nested_message_fits_the_stack_of_a_thread() {
    macro_rules! tree {
        ($($variant:ident)*) => {
            #[derive(Debug, WireMessage)]
            #[wire(version = 2, min_version = 1, serde)]
            #[allow(dead_code)]
            enum Tree {
                Leaf,
                Node(Box<Tree>),
                $($variant { key: String, value: Vec<u8>, #[wire(since = 2)] lease: Option<[u64; 8]> },)*
            }
        };
    }
    tree!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z Aa Bb Cc Dd Ee Ff Gg Hh Ii Jj Kk Ll Mm Nn Oo Pp Qq Rr Ss Tt Uu Vv Ww Xx Yy Zz);

    // As deep as the limit, on a stack such as tokio's threads have.
    let nested = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let frame = [[2, 1].repeat(127), vec![2, 0]].concat();
        assert_eq!(Tree::decode(&frame).unwrap().encode().unwrap(), frame);
    });
    nested.unwrap().join().unwrap();
}

fn priorities() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Low), Just(Priority::Normal)]
}

fn commands() -> impl Strategy<Value = Command> {
    let put = (
        prop_oneof![Just(None), any::<Option<u64>>()],
        any::<String>(),
        any::<Vec<u8>>(),
        priorities(),
        prop_oneof![Just(0), any::<u32>()],
    );
    prop_oneof![
        put.prop_map(|(lease, key, value, priority, trace)| Command::Put {
            lease,
            key,
            value,
            priority,
            trace
        }),
        any::<(String, bool)>().prop_map(|(key, sync)| Command::Delete(key, sync)),
        Just(Command::Nothing),
        (any::<String>(), 0..2u64).prop_map(|(key, at)| Command::Touch { key, at }),
        Just(Command::Clear),
    ]
}

/// The rules, said once more: what becomes of a command at a version, if that can hold it.
fn model(command: &Command, version: u8) -> Option<Command> {
    let mut at = command.clone();
    let holds = match &mut at {
        Command::Put {
            lease, priority, trace, ..
        } => {
            if version < 2 {
                *trace = 0;
            }
            (version >= 2 || lease.is_none()) && (version >= 3 || *priority == Priority::Normal)
        }
        Command::Delete(_, sync) => version >= 3 || !*sync,
        Command::Nothing => true,
        Command::Touch { at, .. } => version >= 3 || (version == 2 && *at == 0),
        Command::Clear => version >= 3,
    };
    holds.then_some(at)
}

proptest! {
    #[test]
    fn what_a_version_can_hold_is_read_back_and_nothing_else_is_written(command in commands(), version in 1..=3u8) {
        match (command.encode_at(version), model(&command, version)) {
            (Ok(frame), Some(expected)) => {
                prop_assert_eq!(frame[0], version);
                prop_assert_eq!(Command::decode(&frame).unwrap(), expected);
            }
            (Err(CodecError::NotRepresentable { version: at, .. }), None) => prop_assert_eq!(at, version),
            (result, expected) => prop_assert!(false, "{:?}, expected {:?}", result, expected),
        }
    }

    #[test]
    fn every_release_reads_what_another_writes_at_a_version_of_both(command in commands()) {
        for version in 1..=2 {
            let Ok(frame) = command.encode_at(version) else { continue };
            let second = v2::Command::decode(&frame).unwrap();
            prop_assert_eq!(&second.encode_at(version).unwrap(), &frame);
            if version == 1 {
                let first = v1::Command::decode(&frame).unwrap();
                prop_assert_eq!(&first.encode().unwrap(), &frame);
            }
        }
    }

    #[test]
    fn a_cells_level_is_the_lowest_version_that_any_message_is_written_at(
        commands in prop::collection::vec(commands(), 0..4),
        level in 0..=4u8,
    ) {
        let cell = WriteVersion::new(level);
        let expected: Vec<Command> = commands
            .iter()
            .map(|command| (level.max(1)..3).find_map(|version| model(command, version)).unwrap_or_else(|| command.clone()))
            .collect();
        let frame = cell.scope(|| encode(1, &commands)).unwrap();
        prop_assert_eq!(decode::<Vec<Command>>(1, &frame).unwrap(), expected.clone());
        let text = cell.scope(|| serde_json::to_string(&commands)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Command>>(&text).unwrap(), expected);
        for command in &commands {
            let fits = level > 0 && model(command, level.min(3)).is_some();
            prop_assert_eq!(cell.check(command).is_ok(), fits);
        }
    }

    #[test]
    fn any_bytes_at_any_version_are_a_message_or_an_error(version in 0..=5u8, mut frame: Vec<u8>) {
        frame.insert(0, version);
        if let Ok(command) = Command::decode(&frame) {
            prop_assert_eq!(Command::decode(&command.encode_at(version).unwrap()).unwrap(), command);
        }
        let _ = decode::<Batch>(version, &frame);
        let _ = previous::Weight::decode(&frame);
        let _ = rmp_serde::from_slice::<Batch>(&frame);
    }
}
