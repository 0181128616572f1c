//! The serde form of a message, which a user's own types contain.

use std::fmt::Debug;

use openraft_toolkit::{CodecError, WireMessage, WriteVersion, decode, encode};
use serde::{Deserialize, Serialize};

use super::msgpack::{rmp_from_slice, rmp_to_vec};
use super::nested::{Batch, OldPoint, Point, batch};
use super::releases::v3::Command;
use super::releases::{leased, put, v1};

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
fn the_serde_form_reads_every_version_at_any_depth() {
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
fn the_serde_form_goes_through_the_buffer_of_a_tagged_enum() {
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

#[test]
fn a_format_for_people_has_the_version_and_the_names() {
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

    // Names may come in any order, and fields that an older version lacks take their defaults.
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
