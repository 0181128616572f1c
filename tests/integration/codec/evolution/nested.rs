//! Messages that are nested deep in a user's own type.

use std::fmt::Debug;

use openraft_toolkit::{CodecError, WireMessage, WriteVersion};
use serde::{Deserialize, Serialize};

use super::releases::v3::Command;
use super::releases::{assert_not_representable, leased, put};

#[derive(Debug, Clone, PartialEq, WireMessage)]
#[wire(version = 1, serde)]
pub struct OldPoint(pub i32, pub i32);

#[derive(Debug, Clone, PartialEq, WireMessage)]
#[wire(version = 2, serde, previous(OldPoint, downgrade))]
pub struct Point {
    pub x: i32,
    pub y: i32,
    pub z: i32,
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

/// A user's type with messages inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub commands: Vec<Command>,
    pub point: Option<Point>,
    pub last: u8,
}

pub fn batch() -> Batch {
    Batch {
        commands: vec![put(), Command::Nothing],
        point: Some(Point { x: 1, y: 2, z: 0 }),
        last: 5,
    }
}

/// A message that has not changed since release 1, unlike the messages inside it.
#[derive(Debug, Clone, PartialEq, WireMessage)]
#[wire(version = 1)]
struct Request {
    command: Command,
    point: Point,
}

#[test]
fn encode_at_writes_the_messages_inside_for_the_same_reader() {
    let point = Point { x: 1, y: 2, z: 0 };
    let request = Request {
        command: put(),
        point: point.clone(),
    };
    let frame = |command: u8, of_point: u8| {
        let command = put().encode_at(command).unwrap();
        [vec![1], command, point.encode_at(of_point).unwrap()].concat()
    };
    assert_eq!(request.encode_at(1).unwrap(), frame(1, 1));
    // `encode` is for a reader of the same release.
    assert_eq!(request.encode().unwrap(), frame(3, 2));
    assert_eq!(Request::decode(&frame(1, 1)).unwrap(), request);
    // In a scope, the level of the scope applies.
    let level = WriteVersion::new(2);
    assert_eq!(level.scope(|| request.encode_at(1)).unwrap(), frame(2, 2));
    assert_eq!(level.scope(|| request.encode()).unwrap(), frame(2, 2));

    // What the reader could not read is refused.
    let newer = Request {
        command: leased(),
        ..request.clone()
    };
    assert_not_representable(newer.encode_at(1), 1, "Command::Put::lease");
    let mut out = vec![9];
    assert_not_representable(newer.encode_into(1, &mut out), 1, "Command::Put::lease");
    assert_eq!(out, [9]);
    let error = Request {
        point: Point { x: 1, y: 2, z: 3 },
        ..request
    }
    .encode_at(1)
    .unwrap_err();
    let CodecError::NotRepresentable {
        source: Some(source), ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(source.to_string(), "it is not in the plane");
}
