//! `WriteVersion`: the version at which messages are written.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openraft_toolkit::codec::WriteVersionLowered;
use openraft_toolkit::{CodecError, WireMessage, WriteVersion, encode};

use super::evolution::nested::Point;
use super::evolution::releases::v3::Command;
use super::evolution::releases::{assert_not_representable, leased, put};

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
fn a_level_applies_within_its_scope_alone() {
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
fn a_message_that_the_level_cannot_hold_is_written_at_the_lowest_version_that_can() {
    let level = WriteVersion::new(1);
    for (command, version) in [(put(), 1), (leased(), 2), (Command::Clear, 3)] {
        let frame = level.scope(|| encode(7, &command)).unwrap();
        assert_eq!(frame[1..], command.encode_at(version).unwrap());
    }
    // The older type has no third coordinate.
    let point = Point { x: 1, y: 2, z: 3 };
    assert_eq!(level.scope(|| encode(7, &point)).unwrap()[1..], point.encode().unwrap());
}

#[test]
fn a_check_finds_a_value_that_is_too_new_at_any_depth() {
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
    let refused = level.check(&request(put(), 3)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Point cannot be written at version 1: it is not in the plane"
    );
    let source = std::error::Error::source(&refused).unwrap();
    assert_eq!(source.to_string(), "it is not in the plane");
    assert_not_representable(level.check(&leased()), 1, "Command::Put::lease");
    level.raise(3).unwrap();
    level.check(&request(Command::Clear, 3)).unwrap();

    // The type was introduced at a later level.
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
