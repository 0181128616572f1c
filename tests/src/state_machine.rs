//! A map of strings in memory, whose snapshots are durable before openraft purges the log.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::{Stream, TryStreamExt};
use openraft_toolkit::openraft::alias::{EntryOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft_toolkit::openraft::{OptionalSend, Snapshot, SnapshotMeta};
use openraft_toolkit::{RaftTypes, decode, encode};
use serde::{Deserialize, Serialize};

use crate::types::TypeConfig;

const SNAPSHOT_VERSION: u8 = 1;

pub type Map = BTreeMap<String, String>;

/// A type config of commands on the map.
pub trait KvTypes: RaftTypes<SnapshotData = Cursor<Vec<u8>>> {
    /// Applies `entry` to `map`, and returns the answer.
    fn apply(entry: EntryOf<Self>, map: &mut Map) -> Self::R;
}

/// The state after the last applied entry. A snapshot holds this whole state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Applied<C: RaftTypes = TypeConfig> {
    pub last_log_id: Option<LogIdOf<C>>,
    pub membership: StoredMembershipOf<C>,
    pub map: Map,
}

/// The state machine. A clone is another handle to the same state.
#[derive(Clone, Debug)]
pub struct KvStateMachine<C: RaftTypes = TypeConfig> {
    applied: Arc<Mutex<Applied<C>>>,
    /// The path of the snapshot, under a lock: only the holder of the lock may write the snapshot.
    snapshot_path: Arc<Mutex<PathBuf>>,
}

impl<C: RaftTypes> KvStateMachine<C> {
    /// Starts from the snapshot in `dir`, or blank if there is none. openraft then applies the log after the snapshot.
    pub fn open(dir: &Path) -> Self {
        let snapshot_path = dir.join("snapshot");
        let applied = match fs::read(&snapshot_path) {
            Ok(bytes) => decode(SNAPSHOT_VERSION, &bytes).unwrap(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Applied::default(),
            Err(error) => panic!("{}: {error}", snapshot_path.display()),
        };
        Self {
            applied: Arc::new(Mutex::new(applied)),
            snapshot_path: Arc::new(Mutex::new(snapshot_path)),
        }
    }

    /// Returns what was applied so far.
    pub fn applied(&self) -> Applied<C> {
        self.applied.lock().unwrap().clone()
    }

    /// Returns the value of `key`.
    pub fn get(&self, key: &str) -> Option<String> {
        self.applied.lock().unwrap().map.get(key).cloned()
    }

    /// Locks the snapshot: it does not change while the guard is held.
    pub fn snapshot_path(&self) -> MutexGuard<'_, PathBuf> {
        self.snapshot_path.lock().unwrap()
    }
}

/// Replaces the snapshot. Returns when the new snapshot is durable, so that openraft may then purge the log.
fn write_snapshot(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = path.with_extension("new");
    let mut file = File::create(&written)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&written, path)?;
    File::open(path.parent().unwrap())?.sync_all()
}

fn snapshot<C: RaftTypes>(applied: &Applied<C>, bytes: Vec<u8>) -> SnapshotOf<C, Cursor<Vec<u8>>> {
    Snapshot {
        meta: SnapshotMeta {
            last_log_id: applied.last_log_id.clone(),
            last_membership: applied.membership.clone(),
        },
        snapshot: Cursor::new(bytes),
    }
}

impl<C: KvTypes> RaftSnapshotBuilder<C> for KvStateMachine<C> {
    type SnapshotData = Cursor<Vec<u8>>;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<C, Self::SnapshotData>, io::Error> {
        let path = self.snapshot_path();
        let applied = self.applied();
        let bytes = encode(SNAPSHOT_VERSION, &applied).map_err(io::Error::other)?;
        write_snapshot(&path, &bytes)?;
        Ok(snapshot(&applied, bytes))
    }
}

impl<C: KvTypes> RaftStateMachine<C> for KvStateMachine<C> {
    type SnapshotData = Cursor<Vec<u8>>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogIdOf<C>>, StoredMembershipOf<C>), io::Error> {
        let applied = self.applied();
        Ok((applied.last_log_id, applied.membership))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<C>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let response = {
                let mut applied = self.applied.lock().unwrap();
                applied.last_log_id = Some(entry.log_id());
                if let Some(membership) = entry.get_membership() {
                    applied.membership = StoredMembershipOf::<C>::new(Some(entry.log_id()), membership);
                }
                C::apply(entry, &mut applied.map)
            };
            if let Some(responder) = responder {
                responder.send(response);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf<C>, snapshot: Cursor<Vec<u8>>) -> Result<(), io::Error> {
        let bytes = snapshot.into_inner();
        let received: Applied<C> = decode(SNAPSHOT_VERSION, &bytes).map_err(io::Error::other)?;
        assert_eq!(
            (&received.last_log_id, &received.membership),
            (&meta.last_log_id, &meta.last_membership)
        );
        let path = self.snapshot_path();
        write_snapshot(&path, &bytes)?;
        *self.applied.lock().unwrap() = received;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<C, Self::SnapshotData>>, io::Error> {
        let bytes = match fs::read(&*self.snapshot_path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let stored: Applied<C> = decode(SNAPSHOT_VERSION, &bytes).map_err(io::Error::other)?;
        Ok(Some(snapshot(&stored, bytes)))
    }
}
