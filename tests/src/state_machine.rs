//! A map of strings in memory, whose snapshots are on disk before the log is purged.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, TryStreamExt};
use openraft_toolkit::openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft_toolkit::openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft_toolkit::openraft::{EntryPayload, OptionalSend, Snapshot, SnapshotMeta};
use openraft_toolkit::{decode, encode};
use serde::{Deserialize, Serialize};

use crate::types::TypeConfig;

const SNAPSHOT_VERSION: u8 = 1;

/// What was applied, all of which is in a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    pub last_log_id: Option<LogIdOf<TypeConfig>>,
    pub membership: StoredMembershipOf<TypeConfig>,
    pub map: BTreeMap<String, String>,
}

/// The state machine. A clone is another handle on the same state.
#[derive(Clone, Debug)]
pub struct KvStateMachine {
    applied: Arc<Mutex<Applied>>,
    snapshot_path: PathBuf,
}

impl KvStateMachine {
    /// Starts from the snapshot in `dir`, or blank; openraft replays the log behind it.
    pub fn open(dir: &Path) -> Self {
        let snapshot_path = dir.join("snapshot");
        let applied = match fs::read(&snapshot_path) {
            Ok(bytes) => decode(SNAPSHOT_VERSION, &bytes).unwrap(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Applied::default(),
            Err(error) => panic!("{}: {error}", snapshot_path.display()),
        };
        Self {
            applied: Arc::new(Mutex::new(applied)),
            snapshot_path,
        }
    }

    /// What was applied so far.
    pub fn applied(&self) -> Applied {
        self.applied.lock().unwrap().clone()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<String> {
        self.applied.lock().unwrap().map.get(key).cloned()
    }

    /// Replaces the snapshot, durably: afterwards the log behind it may be purged.
    fn write_snapshot(&self, bytes: &[u8]) -> io::Result<()> {
        let written = self.snapshot_path.with_extension("new");
        let mut file = File::create(&written)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&written, &self.snapshot_path)?;
        File::open(self.snapshot_path.parent().unwrap())?.sync_all()
    }
}

fn snapshot(applied: &Applied, bytes: Vec<u8>) -> SnapshotOf<TypeConfig, Cursor<Vec<u8>>> {
    Snapshot {
        meta: SnapshotMeta {
            last_log_id: applied.last_log_id,
            last_membership: applied.membership.clone(),
        },
        snapshot: Cursor::new(bytes),
    }
}

impl RaftSnapshotBuilder<TypeConfig> for KvStateMachine {
    type SnapshotData = Cursor<Vec<u8>>;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, Self::SnapshotData>, io::Error> {
        let applied = self.applied();
        let bytes = encode(SNAPSHOT_VERSION, &applied).map_err(io::Error::other)?;
        self.write_snapshot(&bytes)?;
        Ok(snapshot(&applied, bytes))
    }
}

impl RaftStateMachine<TypeConfig> for KvStateMachine {
    type SnapshotData = Cursor<Vec<u8>>;
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogIdOf<TypeConfig>>, StoredMembershipOf<TypeConfig>), io::Error> {
        let applied = self.applied();
        Ok((applied.last_log_id, applied.membership))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let response = {
                let mut applied = self.applied.lock().unwrap();
                applied.last_log_id = Some(entry.log_id);
                match entry.payload {
                    EntryPayload::Blank => None,
                    EntryPayload::Normal(set) => applied.map.insert(set.key, set.value),
                    EntryPayload::Membership(membership) => {
                        applied.membership = StoredMembershipOf::<TypeConfig>::new(Some(entry.log_id), membership);
                        None
                    }
                }
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

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<TypeConfig>,
        snapshot: Cursor<Vec<u8>>,
    ) -> Result<(), io::Error> {
        let bytes = snapshot.into_inner();
        let received: Applied = decode(SNAPSHOT_VERSION, &bytes).map_err(io::Error::other)?;
        assert_eq!(
            (&received.last_log_id, &received.membership),
            (&meta.last_log_id, &meta.last_membership)
        );
        self.write_snapshot(&bytes)?;
        *self.applied.lock().unwrap() = received;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<TypeConfig, Self::SnapshotData>>, io::Error> {
        let bytes = match fs::read(&self.snapshot_path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let stored: Applied = decode(SNAPSHOT_VERSION, &bytes).map_err(io::Error::other)?;
        Ok(Some(snapshot(&stored, bytes)))
    }
}
