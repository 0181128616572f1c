//! Messages that are nested deep in a user's own type.

use std::fmt::Debug;

use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

use super::releases::put;
use super::releases::v3::Command;

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
