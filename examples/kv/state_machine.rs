//! The state machine: a map in memory, rebuilt at start from the last snapshot and the log.
//!
//! openraft purges the log up to a snapshot, so a snapshot must be durable before it is reported:
//! [`SnapshotFile`] sees to that. Applying an entry, on the other hand, writes nothing: the log has it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use openraft_toolkit::openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft_toolkit::openraft::{EntryPayload, OptionalSend};
use openraft_toolkit::{CodecError, WireMessage};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::snapshot_file::SnapshotFile;
use crate::types::{Command, Entry, LogId, Outcome, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// Everything that entries up to `last_applied` have made. Its frame is the snapshot.
#[derive(Clone, Default, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
pub struct State {
    last_applied: Option<LogId>,
    membership: StoredMembership,
    data: BTreeMap<String, Vec<u8>>,
}

impl State {
    fn apply(&mut self, entry: Entry) -> Outcome {
        self.last_applied = Some(entry.log_id);
        let previous = match entry.payload {
            EntryPayload::Blank => None,
            EntryPayload::Normal(Command::Put { key, value }) => self.data.insert(key, value),
            EntryPayload::Normal(Command::Delete { key }) => self.data.remove(&key),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(self.last_applied, membership);
                None
            }
        };
        Outcome {
            existed: previous.is_some(),
        }
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.last_applied,
            last_membership: self.membership.clone(),
        }
    }
}

/// A handle to the state; clones share it.
#[derive(Clone)]
pub struct StateMachine {
    state: Arc<RwLock<State>>,
    file: Arc<SnapshotFile>,
}

impl StateMachine {
    /// A state machine that keeps its snapshot in the file `snapshot`.
    ///
    /// It starts empty: openraft installs the current snapshot and applies the log from there.
    pub fn new(snapshot: PathBuf) -> Self {
        Self {
            state: Arc::default(),
            file: Arc::new(SnapshotFile::new(snapshot)),
        }
    }

    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.state.read().await.data.get(key).cloned()
    }

    pub async fn len(&self) -> usize {
        self.state.read().await.data.len()
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let state = self.state.read().await;
        Ok((state.last_applied, state.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let outcome = self.state.write().await.apply(entry);
            if let Some(responder) = responder {
                responder.send(outcome);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder {
            state: self.state.read().await.clone(),
            file: Arc::clone(&self.file),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Vec<u8>) -> io::Result<()> {
        let state = State::decode(&snapshot).map_err(invalid_data)?;
        self.file.save(meta.last_log_id, snapshot).await?;
        *self.state.write().await = state;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let Some(snapshot) = self.file.load().await? else {
            return Ok(None);
        };
        let meta = State::decode(&snapshot).map_err(invalid_data)?.meta();
        Ok(Some(Snapshot { meta, snapshot }))
    }
}

/// The state as it was when openraft asked for a snapshot.
pub struct SnapshotBuilder {
    state: State,
    file: Arc<SnapshotFile>,
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let meta = self.state.meta();
        let snapshot = self.state.encode().map_err(invalid_data)?;
        self.file.save(meta.last_log_id, snapshot.clone()).await?;
        Ok(Snapshot { meta, snapshot })
    }
}

fn invalid_data(error: CodecError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
