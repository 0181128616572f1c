//! `previous`: versions that another type reads and writes.

use std::error::Error;
use std::fmt::Debug;

use openraft_toolkit::{CodecError, WireMessage, decode, encode};

use super::releases::assert_not_representable;

/// A message whose `WireMessage` is written by hand.
#[derive(Debug, PartialEq)]
pub struct Grams(pub u32);

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
pub struct Kilos {
    pub kilos: u32,
    #[wire(since = 3)]
    pub grams: u32,
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
pub struct Weight {
    pub unit: String,
    pub amount: u32,
}

impl From<Kilos> for Weight {
    fn from(Kilos { kilos, .. }: Kilos) -> Self {
        Self {
            unit: "kg".to_owned(),
            amount: kilos,
        }
    }
}

#[test]
fn versions_below_its_own_are_decoded_as_the_previous_types() {
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
    let kilos = Kilos { kilos: 5, grams: 700 };
    assert_eq!(kilos.encode_at(1).unwrap(), Grams(5_700).encode().unwrap());
    assert_not_representable(kilos.encode_at(2), 2, "Kilos::grams");

    let heavy = Kilos {
        kilos: u32::MAX,
        grams: 0,
    };
    let error = heavy.encode_at(1).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "4294967295 kg are too heavy");
    assert_eq!(
        error.to_string(),
        "Kilos cannot be written at version 1: 4294967295 kg are too heavy"
    );
    assert_not_representable(Err::<(), _>(error), 1, "Kilos");

    // The previous type is written by hand, and would write any version.
    for version in [0, 4] {
        assert_unsupported(kilos.encode_at(version), (1, 3), version);
    }

    // Without `downgrade`, a type writes only its own versions.
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

#[track_caller]
fn assert_unsupported(encoded: Result<Vec<u8>, CodecError>, writes: (u8, u8), version: u8) {
    match encoded {
        Err(CodecError::VersionUnsupported { min, max, actual }) => assert_eq!(((min, max), actual), (writes, version)),
        other => panic!("version {version}: {other:?}"),
    }
}

#[test]
fn an_unsupported_version_names_the_versions_that_are_written_through_downgrades() {
    #[derive(WireMessage)]
    #[wire(version = 1)]
    struct One(u8);
    // Reads versions 1 to 2, and writes version 2.
    #[derive(WireMessage)]
    #[wire(version = 2, previous = One)]
    struct Two(u8);
    // Reads versions 1 to 3, and writes versions 2 to 3.
    #[derive(WireMessage)]
    #[wire(version = 3, previous(Two, downgrade))]
    struct Three(u8);
    // Reads versions 1 to 4, and writes versions 2 to 4.
    #[derive(WireMessage)]
    #[wire(version = 4, previous(Three, downgrade))]
    struct Four(u8);

    impl From<One> for Two {
        fn from(One(n): One) -> Self {
            Self(n)
        }
    }
    impl From<Two> for Three {
        fn from(Two(n): Two) -> Self {
            Self(n)
        }
    }
    impl From<Three> for Four {
        fn from(Three(n): Three) -> Self {
            Self(n)
        }
    }
    impl From<&Three> for Two {
        fn from(Three(n): &Three) -> Self {
            Self(*n)
        }
    }
    impl From<&Four> for Three {
        fn from(Four(n): &Four) -> Self {
            Self(*n)
        }
    }

    assert_eq!((Three::MIN_VERSION, Three::OLDEST_WRITABLE), (1, 2));
    assert_eq!((Four::MIN_VERSION, Four::OLDEST_WRITABLE), (1, 2));
    for version in [0, 1, 5] {
        assert_unsupported(Three(7).encode_at(version), (2, 3), version);
        assert_unsupported(Four(7).encode_at(version), (2, 4), version);
    }
    for version in 2..=4 {
        assert_eq!(Four(7).encode_at(version).unwrap(), [version, 7]);
    }
}
