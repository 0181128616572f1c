//! The state machine: a map in memory, rebuilt at start from the last snapshot and the log.
//!
//! openraft purges the log up to a snapshot. A snapshot must therefore be durable before the state machine returns it
//! to openraft: [`SnapshotFile`] makes sure of that. Applying an entry writes nothing to the disk, because the log has
//! the entry.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use openraft_toolkit::openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft_toolkit::openraft::{EntryPayload, OptionalSend};
use openraft_toolkit::{CodecError, WireMessage, WriteVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::command::{Command, Outcome};
use crate::data::{Data, Value};
use crate::level::Level;
use crate::snapshot_file::SnapshotFile;
use crate::types::{Entry, LogId, NodeId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// The state after all entries up to `last_applied`. The frame of this type is the snapshot.
#[derive(Clone, Default, Serialize, Deserialize, WireMessage)]
#[wire(version = 1)]
pub struct State {
    last_applied: Option<LogId>,
    membership: StoredMembership,
    /// The level to which the cluster was raised; 0 if it was never raised.
    level: u8,
    data: Data,
}

impl State {
    fn apply(&mut self, entry: Entry) -> Outcome {
        self.last_applied = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Blank => Outcome::Done { existed: false },
            EntryPayload::Normal(command) => {
                if let Command::Raise { level, asked } = &command {
                    self.raise(*level, asked);
                }
                self.data.apply(command)
            }
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(self.last_applied, membership);
                Outcome::Done { existed: false }
            }
        }
    }

    fn raise(&mut self, level: u8, asked: &BTreeSet<NodeId>) {
        let members = self.membership.membership().nodes().map(|(id, _)| id);
        if members.eq(asked) {
            self.level = self.level.max(level);
        }
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
    state: Arc<RwLock<State>>,
    file: Arc<SnapshotFile>,
    level: Arc<Level>,
}

impl StateMachine {
    /// Creates a state machine that keeps its snapshot in the file `snapshot`, and writes it at `level`.
    ///
    /// The state machine starts empty. openraft then installs the current snapshot and applies the log from there.
    pub fn new(snapshot: PathBuf, level: Level) -> Self {
        Self {
            state: Arc::default(),
            file: Arc::new(SnapshotFile::new(snapshot)),
            level: Arc::new(level),
        }
    }

    /// Returns the level at which this node writes.
    pub fn level(&self) -> &WriteVersion {
        self.level.cell()
    }

    pub async fn get(&self, key: &str) -> Option<Value> {
        self.state.read().await.data.get(key)
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
            let (outcome, level) = {
                let mut state = self.state.write().await;
                (state.apply(entry), state.level)
            };
            self.level.raise(level).await?;
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
            level: self.level().clone(),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Vec<u8>) -> io::Result<()> {
        let state = State::decode(&snapshot).map_err(invalid_data)?;
        self.level.raise(state.level).await?;
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
    level: WriteVersion,
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let meta = self.state.meta();
        let snapshot = self.level.encode(&self.state).map_err(invalid_data)?;
        self.file.save(meta.last_log_id, snapshot.clone()).await?;
        Ok(Snapshot { meta, snapshot })
    }
}

fn invalid_data(error: CodecError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use openraft_toolkit::openraft::alias::LeaderIdOf;
    use openraft_toolkit::openraft::entry::RaftEntry;
    use openraft_toolkit::openraft::vote::RaftLeaderId;
    use openraft_toolkit::openraft::{BasicNode, Membership};

    use super::*;

    fn entry(index: u64, payload: EntryPayload<Command, NodeId, BasicNode>) -> Entry {
        let leader = LeaderIdOf::<TypeConfig>::new(1, 1).to_committed();
        Entry::new(LogId::new(leader, index), payload)
    }

    fn raise(level: u8, asked: &[NodeId]) -> EntryPayload<Command, NodeId, BasicNode> {
        let asked = asked.iter().copied().collect();
        EntryPayload::Normal(Command::Raise { level, asked })
    }

    #[test]
    fn the_level_is_raised_only_if_all_members_were_asked() {
        let mut state = State::default();
        let learner_too = Membership::new_with_defaults(vec![[1, 2].into()], [3]);
        state.apply(entry(1, EntryPayload::Membership(learner_too)));

        for asked in [&[1, 2][..], &[1, 2, 4], &[1, 2, 3, 4]] {
            state.apply(entry(2, raise(3, asked)));
            assert_eq!(state.level, 0);
        }
        state.apply(entry(3, raise(3, &[1, 2, 3])));
        assert_eq!(state.level, 3);

        // A lower level has no effect.
        state.apply(entry(4, raise(2, &[1, 2, 3])));
        assert_eq!(state.level, 3);
    }
}
