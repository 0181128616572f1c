//! What older bodies become, and what older versions can hold.

use openraft_toolkit::{CodecError, WireMessage};
use serde::{Deserialize, Serialize};

use super::releases::v3::{Command, Priority};
use super::releases::{assert_not_representable, leased, put};

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
fn fields_that_an_older_body_lacks_take_their_defaults() {
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
fn a_value_that_an_older_version_cannot_hold_is_an_error_and_never_dropped() {
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

#[test]
fn a_field_is_left_out_only_if_its_bytes_are_those_of_the_default() {
    /// Equal to any other note, as a `PartialEq` that is written by hand may say.
    #[derive(Clone, Debug, Default, Serialize, Deserialize)]
    struct Note(String);

    impl PartialEq for Note {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, WireMessage)]
    #[wire(version = 2, min_version = 1)]
    struct Sample {
        id: u8,
        #[wire(since = 2)]
        value: f64,
        #[wire(since = 2)]
        values: Vec<f32>,
        #[wire(since = 2)]
        note: Note,
    }

    let sample = Sample {
        id: 7,
        ..Sample::default()
    };
    assert_eq!(sample.encode_at(1).unwrap(), [1, 7]);
    let negative = Sample {
        value: -0.0,
        ..sample.clone()
    };
    assert_not_representable(negative.encode_at(1), 1, "Sample::value");
    let noted = Sample {
        note: Note("lost".to_owned()),
        ..sample.clone()
    };
    assert_not_representable(noted.encode_at(1), 1, "Sample::note");
    let full = Sample {
        values: vec![0.0],
        ..sample
    };
    assert_not_representable(full.encode_at(1), 1, "Sample::values");
}
