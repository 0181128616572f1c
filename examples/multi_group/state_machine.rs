//! A group's state machine: one counter in memory, rebuilt at start from its snapshot and the log.
//!
//! Applying an entry writes nothing to the disk, because the log has the entry. An idle group thus costs no I/O. A busy
//! group shares the log's fsyncs with all other groups, and needs a separate fsync only for its next snapshot.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, StreamExt};
use openraft_toolkit::openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft_toolkit::openraft::{EntryPayload, OptionalSend};
use openraft_toolkit::{CodecError, WireMessage};
use serde::{Deserialize, Serialize};

use crate::snapshots::GroupSnapshot;
use crate::types::{Entry, Increment, LogId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// The state after all entries up to `last_applied`. The frame of this type is the snapshot.
#[derive(Clone, Default, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
struct State {
    last_applied: Option<LogId>,
    membership: StoredMembership,
    count: u64,
}

impl State {
    fn apply(&mut self, entry: Entry) -> u64 {
        self.last_applied = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Normal(Increment { from }) if from == self.count => self.count += 1,
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(self.last_applied, membership);
            }
            EntryPayload::Normal(_) | EntryPayload::Blank => {}
        }
        self.count
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.last_applied,
            last_membership: self.membership.clone(),
        }
    }
}

/// A handle to the state; clones share the same state.
#[derive(Clone)]
pub struct StateMachine {
    state: Arc<Mutex<State>>,
    stored: GroupSnapshot,
}

impl StateMachine {
    /// Opens the state machine as it was at the stored snapshot. If there is no snapshot, stores a blank one, which
    /// marks the group as hosted by this node.
    pub async fn open(stored: GroupSnapshot) -> io::Result<Self> {
        let state = match stored.load().await? {
            Some(snapshot) => State::decode(&snapshot).map_err(invalid_data)?,
            None => {
                let blank = State::default();
                stored.save(None, blank.encode().map_err(invalid_data)?).await?;
                blank
            }
        };
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            stored,
        })
    }

    pub fn count(&self) -> u64 {
        self.with_state(|state| state.count)
    }

    fn with_state<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        // Ignore that the lock is poisoned: no code panics halfway through a change of the state.
        access(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok(self.with_state(|state| (state.last_applied, state.membership.clone())))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let count = self.with_state(|state| state.apply(entry));
            if let Some(responder) = responder {
                responder.send(count);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder {
            state: self.with_state(|state| state.clone()),
            stored: self.stored.clone(),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Vec<u8>) -> io::Result<()> {
        let installed = State::decode(&snapshot).map_err(invalid_data)?;
        self.stored.save(meta.last_log_id, snapshot).await?;
        self.with_state(|state| *state = installed);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let Some(snapshot) = self.stored.load().await? else {
            return Ok(None);
        };
        let meta = State::decode(&snapshot).map_err(invalid_data)?.meta();
        // A blank snapshot only marks the group as hosted. Do not return it to openraft as a snapshot.
        Ok(meta.last_log_id.is_some().then_some(Snapshot { meta, snapshot }))
    }
}

/// The state as it was when openraft asked for a snapshot.
pub struct SnapshotBuilder {
    state: State,
    stored: GroupSnapshot,
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let meta = self.state.meta();
        let snapshot = self.state.encode().map_err(invalid_data)?;
        self.stored.save(meta.last_log_id, snapshot.clone()).await?;
        Ok(Snapshot { meta, snapshot })
    }
}

fn invalid_data(error: CodecError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
