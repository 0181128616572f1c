//! The rules of versions, for any command and for any bytes.

use openraft_toolkit::{CodecError, WireMessage, WriteVersion, decode, encode};
use proptest::prelude::*;

use super::nested::Batch;
use super::previous::Weight;
use super::releases::v3::{Command, Priority};
use super::releases::{v1, v2};

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

/// Returns what a command becomes at a version, or `None` if the version cannot hold the command. This function states
/// the rules a second time, without the derive.
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
        let _ = Weight::decode(&frame);
        let _ = rmp_serde::from_slice::<Batch>(&frame);
    }
}
