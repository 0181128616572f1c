//! Which version entries are written at while a cluster moves from one release to the next.

use std::fmt;
use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, TryStreamExt, poll};
use openraft_toolkit::codec::WriteVersion;
use openraft_toolkit::lifecycle::{BootstrapMode, MembershipError, add_learner_checked, bootstrap, change_membership};
use openraft_toolkit::log_store::{
    Flat, GroupPrefixed, KeySpace, LOG_CF, LogDbOptions, META_CF, RecordId, RocksdbLogStore, RocksdbLogStoreError,
    open_db,
};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{
    EntryResponder, RaftLogReader, RaftLogStorageExt, RaftSnapshotBuilder, RaftStateMachine,
};
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, LogId, OptionalSend, Raft, RaftMetrics};
use openraft_toolkit::test_fakes::MemNetwork;
use openraft_toolkit::{WireMessage, declare_raft_types_ext};
use openraft_toolkit_tests::node::{DEADLINE, config, eventually};
use rocksdb::{DB, IteratorMode};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

/// The first release: it can raise the level, as it must be able to apply that command.
mod v1 {
    use super::*;

    #[derive(Clone, Debug, PartialEq, WireMessage)]
    #[wire(version = 1, serde)]
    pub(super) enum Command {
        Put { key: String },
        Raise(u8),
    }

    declare_raft_types_ext! {
        pub(super) Types: Node = (), AppData = Command, AppDataResponse = ()
    }
}

mod v3 {
    use super::*;

    #[derive(Clone, Debug, PartialEq, WireMessage)]
    #[wire(version = 3, min_version = 1, serde)]
    pub(super) enum Command {
        Put {
            key: String,
            #[wire(since = 2)]
            lease: Option<u64>,
            #[wire(since = 2, lossy)]
            trace: u32,
        },
        Raise(u8),
        #[wire(since = 3)]
        Clear,
    }

    declare_raft_types_ext! {
        pub(super) Types: Node = (), AppData = Command, AppDataResponse = ()
    }
}

use v3::{Command, Types};

impl fmt::Display for v1::Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

type Entry = EntryOf<Types>;
type Store<K> = RocksdbLogStore<Types, K>;

fn put(key: &str) -> Command {
    Command::Put {
        key: key.to_owned(),
        lease: None,
        trace: 0,
    }
}

/// Nothing before version 2 has a place for it.
fn leased(key: &str) -> Command {
    Command::Put {
        key: key.to_owned(),
        lease: Some(60),
        trace: 0,
    }
}

fn entry(index: u64, command: Command) -> Entry {
    let leader = LeaderIdOf::<Types>::new(1, 1).to_committed();
    Entry::new(LogId::new(leader, index), EntryPayload::Normal(command))
}

fn open_dir(dir: &TempDir) -> Arc<DB> {
    open_db(dir.path(), LogDbOptions::default()).unwrap()
}

fn open<K: KeySpace>(db: &Arc<DB>, keys: K) -> Store<K> {
    Store::open(db.clone(), LOG_CF, META_CF, keys).unwrap()
}

/// The frames of a group's entries as RocksDB has them.
fn frames<K: KeySpace>(db: &DB, keys: K) -> Vec<Vec<u8>> {
    let items = db.iterator_cf(&db.cf_handle(LOG_CF).unwrap(), IteratorMode::Start);
    items
        .map(Result::unwrap)
        .filter(|(key, _)| keys.log_index(key).is_some())
        .map(|(_, frame)| frame.into())
        .collect()
}

/// The version of each command in a group's log. A frame is the version of the log's own frames, the
/// log id, here of three bytes, the kind of the payload and, in a normal entry, the command's frame.
fn versions<K: KeySpace>(db: &DB, keys: K) -> Vec<u8> {
    let frames = frames(db, keys).into_iter();
    frames
        .filter_map(|frame| match frame[..] {
            [1, _, _, _, 1, version, ..] => Some(version),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn each_store_writes_at_the_level_of_its_own_cell_and_without_one_at_the_newest() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let keys = [1, 2, 3].map(GroupPrefixed::new);
    let (one, two) = (WriteVersion::new(1), WriteVersion::new(2));
    let mut stores = [
        open(&db, keys[0]).with_write_version(one.clone()),
        open(&db, keys[1]).with_write_version(two.clone()),
        open(&db, keys[2]),
    ];

    for store in &mut stores {
        store.blocking_append([entry(0, put("a"))]).await.unwrap();
    }
    let frame = |body: &[u8]| [&[1, 1, 1, 0, 1], body].concat();
    assert_eq!(frames(&db, keys[0]), [frame(&[1, 0, 1, b'a'])]);
    assert_eq!(frames(&db, keys[1]), [frame(&[2, 0, 1, b'a', 0, 0])]);
    assert_eq!(frames(&db, keys[2]), [frame(&[3, 0, 1, b'a', 0, 0])]);

    // Raised in between, for one of them.
    one.raise(3).unwrap();
    for store in &mut stores {
        store.blocking_append([entry(1, put("b"))]).await.unwrap();
    }
    // A clone writes at the level of what it was made of.
    for store in &stores {
        store.clone().blocking_append([entry(2, put("c"))]).await.unwrap();
    }
    assert_eq!(versions(&db, keys[0]), [1, 3, 3]);
    assert_eq!(versions(&db, keys[1]), [2, 2, 2]);
    assert_eq!(versions(&db, keys[2]), [3, 3, 3]);

    // What was written at any level is read alike, from memory and from the disk.
    let expected = [entry(0, put("a")), entry(1, put("b")), entry(2, put("c"))];
    for mut store in stores {
        assert_eq!(store.try_get_log_entries(..).await.unwrap(), expected);
    }
    for keys in keys {
        assert_eq!(open(&db, keys).try_get_log_entries(..).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn what_the_level_has_no_place_for_is_written_at_the_lowest_version_that_has() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, Flat).with_write_version(WriteVersion::new(1));
    let log = [entry(0, put("a")), entry(1, leased("b")), entry(2, Command::Clear)];

    store.blocking_append(log.clone()).await.unwrap();

    assert_eq!(versions(&db, Flat), [1, 2, 3]);
    assert_eq!(store.try_get_log_entries(..).await.unwrap(), log);
    drop(store);
    assert_eq!(open(&db, Flat).try_get_log_entries(..).await.unwrap(), log);
}

#[tokio::test]
async fn an_older_release_refuses_a_log_of_a_newer_one_and_leaves_it_as_it_is() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let log = [entry(0, put("a")), entry(1, Command::Clear)];
    open(&db, Flat)
        .with_write_version(WriteVersion::new(1))
        .blocking_append(log.clone())
        .await
        .unwrap();
    let before = frames(&db, Flat);

    let error = RocksdbLogStore::<v1::Types, _>::open(db.clone(), LOG_CF, META_CF, Flat).unwrap_err();
    let RocksdbLogStoreError::Corrupt { record, source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*record, RecordId::Entry(1));
    let cause = std::error::Error::source(source).unwrap().to_string();
    assert_eq!(cause, "`Command`: frame version 3 is not supported, only 1 to 1");

    assert_eq!(frames(&db, Flat), before);
    assert_eq!(open(&db, Flat).try_get_log_entries(..).await.unwrap(), log);
}

/// What a node has applied, in memory only: it is rebuilt from the log at each start.
#[derive(Clone, Debug, Default, PartialEq)]
struct Applied {
    last: Option<LogIdOf<Types>>,
    membership: StoredMembershipOf<Types>,
    commands: Vec<Command>,
}

/// A state machine that raises its node's level, and stands still while its gate is closed.
#[derive(Clone)]
struct Machine {
    applied: Arc<Mutex<Applied>>,
    level: WriteVersion,
    gate: watch::Receiver<bool>,
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Cursor<Vec<u8>>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogIdOf<Types>>, StoredMembershipOf<Types>)> {
        let applied = self.applied.lock().unwrap();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            drop(self.gate.wait_for(|open| *open).await);
            {
                let mut applied = self.applied.lock().unwrap();
                applied.last = Some(entry.log_id);
                match entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Membership(m) => {
                        applied.membership = StoredMembershipOf::<Types>::new(applied.last, m);
                    }
                    EntryPayload::Normal(command) => {
                        if let Command::Raise(level) = command {
                            self.level.raise(level).map_err(io::Error::other)?;
                        }
                        applied.commands.push(command);
                    }
                }
            }
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, _: &SnapshotMetaOf<Types>, _: Cursor<Vec<u8>>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Types, Cursor<Vec<u8>>>>> {
        Ok(None)
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = Cursor<Vec<u8>>;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, Cursor<Vec<u8>>>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A node of the new release, whose level starts at 1.
struct Node {
    raft: Raft<Types, Machine>,
    machine: Machine,
    gate: watch::Sender<bool>,
    db: Arc<DB>,
}

impl Node {
    async fn start(id: u64, dir: &TempDir, network: &Arc<MemNetwork<Types>>) -> Self {
        let db = open_dir(dir);
        let level = WriteVersion::new(1);
        let log = open(&db, Flat).with_write_version(level.clone());
        let (gate, receiver) = watch::channel(true);
        let machine = Machine {
            applied: Arc::default(),
            level,
            gate: receiver,
        };
        let config = Arc::new(config().validate().unwrap());
        let raft = Raft::new(id, config, network.factory_for(id), log, machine.clone())
            .await
            .unwrap();
        Self {
            raft,
            machine,
            gate,
            db,
        }
    }

    async fn write(&self, command: Command) {
        self.raft.client_write(command).await.unwrap();
    }

    async fn wait(&self, what: &str, condition: impl Fn(&RaftMetrics<Types>) -> bool + Send) {
        let wait = self.raft.wait(Some(DEADLINE));
        wait.metrics(condition, what).await.unwrap();
    }

    fn level(&self) -> u8 {
        self.machine.level.get()
    }

    fn applied(&self) -> Applied {
        self.machine.applied.lock().unwrap().clone()
    }

    fn versions(&self) -> Vec<u8> {
        versions(&self.db, Flat)
    }
}

/// A leader, which alone has a vote, and a learner that follows it.
async fn leader_and_learner(dirs: &[TempDir; 2]) -> (Node, Node) {
    let network = MemNetwork::new();
    let learner = Node::start(2, &dirs[1], &network).await;
    bootstrap(&learner.raft, BootstrapMode::Join).await.unwrap();
    network.register(2, learner.raft.clone());

    let leader = Node::start(1, &dirs[0], &network).await;
    let initial_members = [(1, ())].into();
    bootstrap(&leader.raft, BootstrapMode::Fresh { initial_members })
        .await
        .unwrap();
    network.register(1, leader.raft.clone());
    let leads = |m: &RaftMetrics<Types>| {
        let committed = m.cluster_committed.map(|log_id| log_id.committed_leader_id().term);
        committed == Some(m.current_term) && m.state.is_leader()
    };
    leader.wait("leads, and has committed in its term", leads).await;
    leader.raft.add_learner(2, (), true).await.unwrap();
    (leader, learner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_stores_and_applies_newer_entries_before_it_has_applied_the_raise() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, follower) = leader_and_learner(&dirs).await;
    leader.write(put("a")).await;
    eventually("both have applied it", || leader.applied() == follower.applied()).await;

    // The follower's state machine falls behind, and the leader's raises the level.
    follower.gate.send_replace(false);
    leader.write(Command::Raise(3)).await;
    assert_eq!(leader.level(), 3);
    for command in [put("b"), leased("c"), Command::Clear] {
        leader.write(command).await;
    }
    eventually("the follower has stored all of it", || follower.versions().len() == 5).await;

    // It is at its old level, where that will do.
    assert_eq!(follower.level(), 1);
    assert_eq!(leader.versions(), [1, 1, 3, 3, 3]);
    assert_eq!(follower.versions(), [1, 1, 1, 2, 3]);

    // Once it has applied the command as well, it writes the new format, and has lost nothing.
    follower.gate.send_replace(true);
    eventually("both have applied it", || leader.applied() == follower.applied()).await;
    assert_eq!(follower.level(), 3);
    leader.write(put("d")).await;
    eventually("both have applied it", || leader.applied() == follower.applied()).await;
    eventually("and stored it at the new level", || {
        follower.versions() == [1, 1, 1, 2, 3, 3]
    })
    .await;

    // A state machine in memory finds the level again in the log, which is of three versions.
    let commands = leader.applied().commands;
    leader.raft.shutdown().await.unwrap();
    follower.raft.shutdown().await.unwrap();
    for (id, dir, node) in [(1, &dirs[0], leader), (2, &dirs[1], follower)] {
        let released = Arc::downgrade(&node.db);
        drop(node);
        eventually("the database is closed", || released.strong_count() == 0).await;
        let node = Node::start(id, dir, &MemNetwork::new()).await;
        eventually("the log is applied again", || node.applied().commands == commands).await;
        assert_eq!(node.level(), 3);
        node.raft.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lossy_field_may_differ_from_node_to_node() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, follower) = leader_and_learner(&dirs).await;
    follower.gate.send_replace(false);
    leader.write(Command::Raise(3)).await;

    let traced = Command::Put {
        key: "a".to_owned(),
        lease: None,
        trace: 7,
    };
    leader.write(traced.clone()).await;
    eventually("the follower has stored it", || follower.versions().len() == 2).await;
    follower.gate.send_replace(true);
    eventually("both have applied it", || {
        leader.applied().last == follower.applied().last
    })
    .await;

    assert_eq!(leader.applied().commands, [Command::Raise(3), traced]);
    assert_eq!(follower.applied().commands, [Command::Raise(3), put("a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_is_removed_again_if_the_level_was_raised_before_it_in_the_log() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, _learner) = leader_and_learner(&dirs).await;
    let level = leader.machine.level.clone();

    // The raise is committed, but not applied, when the node is looked at.
    leader.gate.send_replace(false);
    let raising = leader.raft.client_write(Command::Raise(3));
    let adding = add_learner_checked(&leader.raft, 3, (), true, &level, 1);
    let (mut raising, mut adding) = (Box::pin(raising), Box::pin(adding));
    assert!(poll!(raising.as_mut()).is_pending());
    assert!(poll!(adding.as_mut()).is_pending());
    tokio::select! {
        added = &mut adding => panic!("{added:?} before it is applied"),
        () = leader.wait("has added it", |m| has_member(m, 3)) => {}
    }

    // Nobody waits for the node, which does not even run.
    leader.gate.send_replace(true);
    let error = timeout(DEADLINE, adding).await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            MembershipError::TooOld {
                node_id: 3,
                newest: 1,
                level: 3,
                not_removed: None
            }
        ),
        "{error:?}"
    );
    raising.await.unwrap();
    leader.wait("has removed it", |m| !has_member(m, 3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_is_too_old_and_cannot_be_removed_again_is_reported() {
    let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let (leader, learner) = leader_and_learner(&dirs).await;
    let level = leader.machine.level.clone();

    leader.gate.send_replace(false);
    let mut adding = Box::pin(add_learner_checked(&leader.raft, 3, (), true, &level, 1));
    tokio::select! {
        added = &mut adding => panic!("{added:?} before it is applied"),
        () = leader.wait("has added it", |m| has_member(m, 3)) => {}
    }
    // In the way is a change that cannot be committed, as one of the voters has stopped.
    learner.raft.shutdown().await.unwrap();
    let mut change = Box::pin(change_membership(&leader.raft, [1, 2].into(), true));
    assert!(poll!(change.as_mut()).is_pending());
    leader
        .wait("is in the joint membership", |m| {
            m.membership_config.membership().get_joint_config().len() > 1
        })
        .await;
    level.raise(3).unwrap();
    leader.gate.send_replace(true);

    let error = timeout(DEADLINE, adding).await.unwrap().unwrap_err();
    let help = "help: start it with a newer release, or remove it: it is a learner by now";
    assert!(error.to_string().ends_with(help), "{error}");
    let MembershipError::TooOld {
        not_removed: Some(not_removed),
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(
        matches!(*not_removed, MembershipError::InProgress { .. }),
        "{not_removed:?}"
    );
    leader.wait("still has it", |m| has_member(m, 3)).await;
}

/// As of the newest membership that is committed.
fn has_member(metrics: &RaftMetrics<Types>, id: u64) -> bool {
    metrics.committed_membership_config.membership().get_node(&id).is_some()
}
