//! Limits nest: what a message holds fits wherever the message is put. No input overflows the stack.

use std::fmt::{self, Debug};
use std::io::Cursor;
use std::sync::Arc;
use std::thread;

use openraft_toolkit::log_store::{Flat, LOG_CF, META_CF, RocksdbLogStore};
use openraft_toolkit::openraft::alias::EntryOf;
use openraft_toolkit::openraft::{AppData, BasicNode, EntryPayload};
use openraft_toolkit::test_fakes::{Cluster, MemNetwork, MemStateMachine};
use openraft_toolkit::{
    CodecError, RaftTypes, WireMessage, WriteVersion, declare_raft_types_ext, decode, encode, propose,
};
use openraft_toolkit_tests::log::open_dir;
use openraft_toolkit_tests::node::config;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::frame::shapes::{List, list};

#[derive(Clone, Debug, PartialEq, WireMessage)]
#[wire(version = 1, serde)]
pub enum Command {
    List(List),
    Empty(Vec<()>),
    Both(List, Vec<()>),
    Message(Option<Box<Command>>),
}

/// A command that is not a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Plain {
    List(List),
    Empty(Vec<()>),
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command")
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command")
    }
}

declare_raft_types_ext! {
    pub Types: Node = BasicNode, AppData = Command, AppDataResponse = ()
}

declare_raft_types_ext! {
    pub PlainTypes: Node = BasicNode, AppData = Plain, AppDataResponse = ()
}

/// Returns the bytes of `value`, whatever the limits are.
fn unlimited<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).unwrap()
}

/// Returns commands at and around every limit of a message.
fn commands() -> Vec<Command> {
    let messages = |count| {
        (0..count).fold(Command::Message(None), |inner, _| {
            Command::Message(Some(Box::new(inner)))
        })
    };
    let mut commands: Vec<Command> = (0..=130).map(|depth| Command::List(list(depth))).collect();
    commands.extend((0..=66).map(messages));
    commands.extend((4094..=4098).map(|len| Command::Empty(vec![(); len])));
    commands.extend((126..=128).map(|depth| Command::Both(list(depth), vec![(); 4096])));
    commands
}

/// Returns the commands that `decode` accepts, and asserts that `encode` and `check` accept the same ones.
fn accepted_commands() -> Vec<Command> {
    let level = WriteVersion::new(1);
    let accepted: Vec<Command> = commands()
        .into_iter()
        .filter(|command| {
            // In bincode, the serde form is the frame.
            let decoded = Command::decode(&unlimited(command));
            assert_eq!(decoded.is_ok(), command.encode().is_ok(), "{command:?}");
            assert_eq!(decoded.is_ok(), level.check(command).is_ok(), "{command:?}");
            decoded.is_ok_and(|decoded| decoded == *command)
        })
        .collect();
    // The limits are where they are documented to be.
    for (last, first_refused) in [
        (Command::List(list(127)), Command::List(list(128))),
        (Command::Empty(vec![(); 4096]), Command::Empty(vec![(); 4097])),
    ] {
        assert!(accepted.contains(&last) && !accepted.contains(&first_refused));
    }
    accepted
}

fn accepted_plain_commands() -> Vec<Plain> {
    let lists = (0..=258).map(|depth| Plain::List(list(depth)));
    let commands = lists.chain((65_535..=65_537).map(|len| Plain::Empty(vec![(); len])));
    commands
        .filter(|command| {
            let frame = [vec![1], unlimited(command)].concat();
            let decoded = decode::<Plain>(1, &frame);
            assert_eq!(decoded.is_ok(), encode(1, command).is_ok(), "{command:?}");
            decoded.is_ok()
        })
        .collect()
}

/// Writes `commands` through the logs of three nodes on RocksDB, whose messages are encoded. Then has a fourth node
/// install a snapshot with all of them, and read the rest of the log from the leader's disk.
async fn assert_replicated<C>(commands: Vec<C::D>, command_of: fn(&EntryOf<C>) -> Option<C::D>)
where
    C: RaftTypes<NodeId = u64, Node = BasicNode, R = (), SnapshotData = Cursor<Vec<u8>>>,
    C::D: Clone + PartialEq,
{
    let dir = TempDir::new().unwrap();
    let path = Arc::new(dir.path().to_owned());
    let open = move |id: u64| {
        let db = open_dir(path.join(id.to_string()));
        async move {
            let log = RocksdbLogStore::<C, _>::open(db, LOG_CF, META_CF, Flat).unwrap();
            let machine = MemStateMachine::<C, Vec<C::D>>::new(move |commands, entry| {
                commands.extend(command_of(entry));
            });
            Ok((log, machine))
        }
    };
    let network = MemNetwork::new();
    network.encode_messages();
    let cluster = Cluster::builder(open).network(network.clone()).config(config());
    let cluster = cluster.nodes([1, 2, 3]).start().await.unwrap();
    let leader = cluster.wait_for_leader().await.unwrap();
    let raft = cluster.raft(leader);

    let (last, first) = commands.split_last().unwrap();
    // All at once, so that a request holds many commands.
    let writes = first.iter().map(|command| propose(&raft, command.clone()));
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    raft.trigger().snapshot().await.unwrap();
    let purged = cluster.wait_for_metrics(leader, "it has purged", |m| m.purged.is_some());
    purged.await.unwrap();
    let written = propose(&raft, last.clone()).await.unwrap();
    cluster.add_learner(4, BasicNode::default()).await.unwrap();
    cluster.wait_for_applied(written.log_id.index).await.unwrap();

    assert_eq!(network.codec_failures(), []);
    for node in 1..=4 {
        let state = cluster.state_machine(node).state();
        assert!(state.len() == commands.len(), "node {node}");
        assert!(commands.iter().all(|command| state.contains(command)), "node {node}");
    }
    cluster.shutdown().await.unwrap();
}

fn normal<D: AppData + Clone>(payload: &EntryPayload<D, u64, BasicNode>) -> Option<D> {
    match payload {
        EntryPayload::Normal(command) => Some(command.clone()),
        EntryPayload::Blank | EntryPayload::Membership(_) => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_decode_accepts_is_stored_and_sent_and_in_a_snapshot() {
    assert_replicated::<Types>(accepted_commands(), |entry| normal(&entry.payload)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_version_that_decode_accepts_is_stored_and_sent() {
    // In the snapshot, what is not a message adds to the depth of the list that holds it.
    let commands = accepted_plain_commands();
    assert!(commands.contains(&Plain::List(list(255))) && !commands.contains(&Plain::List(list(256))));
    let in_a_snapshot = |command: &Plain| encode(1, &vec![command]).is_ok();
    let (commands, only_in_entries): (Vec<_>, Vec<_>) = commands.into_iter().partition(in_a_snapshot);
    for command in &only_in_entries {
        let entries = vec![EntryPayload::<_, u64, BasicNode>::Normal(command.clone())];
        let frame = encode(1, &entries).unwrap();
        assert_eq!(
            decode::<Vec<EntryPayload<Plain, u64, BasicNode>>>(1, &frame).unwrap(),
            entries
        );
    }
    assert!(!only_in_entries.is_empty());
    assert_replicated::<PlainTypes>(commands, |entry| normal(&entry.payload)).await;
}

#[test]
fn a_message_fits_into_other_messages_wherever_they_are() {
    #[derive(Debug, PartialEq, WireMessage)]
    #[wire(version = 1, serde)]
    enum Rpc {
        Forward(Option<Vec<Command>>),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Envelope {
        group: u64,
        rpc: Option<Rpc>,
    }

    for command in accepted_commands() {
        let rpc = Rpc::Forward(Some(vec![command.clone(), command]));
        assert_eq!(Rpc::decode(&rpc.encode().unwrap()).unwrap(), rpc);
        let envelope = Envelope {
            group: 1,
            rpc: Some(rpc),
        };
        let frame = encode(1, &envelope).unwrap();
        assert_eq!(decode::<Envelope>(1, &frame).unwrap(), envelope);
    }
}

#[test]
fn messages_of_two_types_that_hold_each_other_have_a_limit() {
    #[derive(Debug, WireMessage)]
    #[wire(version = 1, serde)]
    struct Ping(Option<Box<Pong>>);
    #[derive(Debug, WireMessage)]
    #[wire(version = 1, serde)]
    struct Pong(Option<Box<Ping>>);

    // Each version byte is followed by the 1 of a `Some`.
    for count in [300, 1_000_000] {
        let frame = [vec![1; count], vec![0]].concat();
        assert!(matches!(Ping::decode(&frame), Err(CodecError::Decode(_))), "{count}");
    }
}

/// Runs `test` in a thread with the stack that Rust and tokio give their threads.
fn in_a_thread(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 << 20);
    thread.spawn(test).unwrap().join().unwrap();
}

/// More than 2 KiB, so that 128 of them take more stack than a thread has: each is moved several times on its way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Large([[u64; 32]; 8]);

#[derive(Clone, Debug, PartialEq, WireMessage)]
#[wire(version = 1, serde)]
struct Node {
    large: Large,
    next: Option<Box<Node>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PlainNode {
    large: Large,
    next: Option<Box<PlainNode>>,
}

#[test]
fn values_of_2_kib_at_each_level_do_not_overflow_the_stack() {
    in_a_thread(|| {
        let nodes = |count| {
            (0..count).fold(None, |next, _| {
                Some(Box::new(Node {
                    large: Large::default(),
                    next,
                }))
            })
        };
        // The outermost node is not inside a `Some`.
        let deepest = *nodes(129).unwrap();
        let frame = deepest.encode().unwrap();
        assert!(Node::decode(&frame).unwrap() == deepest);
        assert!(matches!(nodes(130).unwrap().encode(), Err(CodecError::Encode(_))));
        assert!(matches!(
            Node::decode(&unlimited(&nodes(130))[1..]),
            Err(CodecError::Decode(_))
        ));

        let nodes = |count| {
            (0..count).fold(None, |next, _| {
                Some(Box::new(PlainNode {
                    large: Large::default(),
                    next,
                }))
            })
        };
        let frame = encode(1, &nodes(256)).unwrap();
        assert!(decode::<Option<Box<PlainNode>>>(1, &frame).unwrap() == nodes(256));
        assert!(matches!(encode(1, &nodes(257)), Err(CodecError::Encode(_))));
    });
}

#[test]
fn a_type_without_a_value_is_an_error_for_any_input() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Newtype(Box<Newtype>);
    #[derive(Debug, Serialize, Deserialize)]
    struct Named {
        large: Large,
        next: Box<Named>,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Pair((Box<Pair>, Box<Pair>));
    #[derive(Debug, WireMessage)]
    #[wire(version = 1, serde)]
    struct Message(Box<Message>);

    in_a_thread(|| {
        for len in [1, 100, 5_000_000] {
            let frame = vec![1; len];
            assert!(matches!(decode::<Newtype>(1, &frame), Err(CodecError::Decode(_))));
            assert!(matches!(decode::<Named>(1, &frame), Err(CodecError::Decode(_))));
            assert!(matches!(decode::<Pair>(1, &frame), Err(CodecError::Decode(_))));
            assert!(matches!(Message::decode(&frame), Err(CodecError::Decode(_))));
        }
    });
}
