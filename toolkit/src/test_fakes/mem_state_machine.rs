//! A state machine in memory, whose calls fail, take time or wait when a test wants it.

use std::fmt;
use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, TryStreamExt};
use openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{OptionalSend, RaftTypeConfig, Snapshot, SnapshotMeta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::call_faults::CallFaults;
use crate::codec::{decode, encode};
use crate::support::lock::lock;

/// The version of the frame that holds a snapshot.
const VERSION: u8 = 1;

/// A state machine in memory, for tests of a network, a log store, or starting and stopping nodes.
///
/// `S` is the state, which starts as its default. A closure applies each entry to the state and returns the response,
/// even for a blank entry or a membership. A snapshot is the state with its last log id and membership, as one
/// [`codec`](crate::codec) frame in a `Cursor<Vec<u8>>`. This type of snapshot data is the default of
/// [`declare_raft_types_ext!`](crate::declare_raft_types_ext).
///
/// A clone is another handle on the same state. So a node that starts again on a clone finds the state after the last
/// entry that it applied. A node that starts again on what [`crash`](Self::crash) returns finds only the current
/// snapshot.
///
/// [`faults`](Self::faults) makes calls fail, take time, or wait until the test releases them; see
/// [`StateMachineCall`].
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
///
/// use openraft_toolkit::openraft::EntryPayload;
/// use openraft_toolkit::test_fakes::{MemStateMachine, StateMachineCall};
///
/// openraft_toolkit::declare_raft_types_ext! {
///     /// A command is `key=value`, its response the value that the key had.
///     pub Types: Node = (), AppData = String, AppDataResponse = Option<String>
/// }
///
/// let machine = MemStateMachine::<Types, BTreeMap<String, String>>::new(|map, entry| match &entry.payload {
///     EntryPayload::Normal(command) => {
///         let (key, value) = command.split_once('=')?;
///         map.insert(key.to_string(), value.to_string())
///     }
///     _ => None,
/// });
///
/// // `Raft::new` takes a clone. The test reads the state, and makes calls fail.
/// assert_eq!(machine.state().get("key"), None);
/// machine.faults().fail_nth(StateMachineCall::BuildSnapshot, 1);
/// ```
pub struct MemStateMachine<C: RaftTypeConfig, S> {
    machine: Arc<Machine<C, S>>,
}

struct Machine<C: RaftTypeConfig, S> {
    held: Mutex<Held<C, S>>,
    apply: Arc<Apply<C, S>>,
    faults: CallFaults<StateMachineCall>,
}

/// The closure that applies an entry and returns the response, if there is one.
type Apply<C, S> = dyn Fn(&mut S, &<C as RaftTypeConfig>::Entry) -> Option<<C as RaftTypeConfig>::R> + Send + Sync;

/// What the state machine has applied, and its current snapshot.
struct Held<C: RaftTypeConfig, S> {
    applied: Applied<C, S>,
    snapshot: Option<StoredSnapshot<C>>,
}

#[derive(Clone)]
struct StoredSnapshot<C: RaftTypeConfig> {
    meta: SnapshotMetaOf<C>,
    frame: Vec<u8>,
}

/// The state of a [`MemStateMachine`], and the entry up to which it has applied the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: DeserializeOwned"))]
pub struct Applied<C: RaftTypeConfig, S> {
    /// The log id of the last entry that was applied, itself or in a snapshot. `None` if there was no such entry.
    pub last_log_id: Option<LogIdOf<C>>,
    /// The last membership that was applied, itself or in a snapshot.
    pub membership: StoredMembershipOf<C>,
    /// The state.
    pub state: S,
}

/// A call on a [`MemStateMachine`] that a test can make fail, delay or hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StateMachineCall {
    /// The application of one entry. If it fails, the entries before it in the same call of `apply` stay applied.
    Apply,
    /// `build_snapshot`, before anything is stored.
    BuildSnapshot,
    /// `install_snapshot`, before anything is stored.
    InstallSnapshot,
    /// The second half of `install_snapshot`: the snapshot is stored, but the state is still the old one. A node that
    /// starts again on a clone after a failure here finds the new snapshot and the old state.
    FinishInstall,
    /// `get_current_snapshot`.
    GetCurrentSnapshot,
}

impl fmt::Display for StateMachineCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apply => "the application of an entry",
            Self::BuildSnapshot => "building a snapshot",
            Self::InstallSnapshot => "installing a snapshot",
            Self::FinishInstall => "the second half of installing a snapshot",
            Self::GetCurrentSnapshot => "reading the current snapshot",
        })
    }
}

impl<C: RaftTypeConfig, S: Default> MemStateMachine<C, S> {
    /// Returns a blank state machine, without faults.
    pub fn new(apply: impl Fn(&mut S, &C::Entry) -> C::R + Send + Sync + 'static) -> Self {
        Self::on(Arc::new(move |state, entry| Some(apply(state, entry))), None)
    }
}

impl<C: RaftTypeConfig> MemStateMachine<C, Vec<C::Entry>>
where
    C::Entry: Clone,
    C::R: Default,
{
    /// Returns a blank state machine whose state is the list of all entries that it has applied. It answers every
    /// entry with the default response.
    ///
    /// ```
    /// # openraft_toolkit::declare_raft_types_ext! { pub Types: Node = (), AppData = String, AppDataResponse = () }
    /// use openraft_toolkit::test_fakes::MemStateMachine;
    ///
    /// let machine = MemStateMachine::<Types, _>::recording();
    /// assert_eq!(machine.state(), []);
    /// ```
    pub fn recording() -> Self {
        Self::new(|entries: &mut Vec<C::Entry>, entry| {
            entries.push(entry.clone());
            C::R::default()
        })
    }
}

impl<C: RaftTypeConfig, S: Default> MemStateMachine<C, S> {
    /// Returns a blank state machine that sends no responses. Use it only for logs whose entries no client waits for.
    pub(super) fn silent() -> Self {
        Self::on(Arc::new(|_, _| None), None)
    }

    fn on(apply: Arc<Apply<C, S>>, snapshot: Option<StoredSnapshot<C>>) -> Self {
        let applied = Applied {
            last_log_id: None,
            membership: StoredMembershipOf::<C>::default(),
            state: S::default(),
        };
        Self {
            machine: Arc::new(Machine {
                held: Mutex::new(Held { applied, snapshot }),
                apply,
                faults: CallFaults::none(),
            }),
        }
    }

    /// Simulates a power failure after which only the snapshot is left. Returns a state machine with a blank state, the
    /// current snapshot and no faults. When a node starts on the returned state machine, openraft restores the state
    /// from the snapshot. Earlier handles keep the old state.
    pub fn crash(&self) -> Self {
        let snapshot = lock(&self.machine.held).snapshot.clone();
        Self::on(self.machine.apply.clone(), snapshot)
    }
}

impl<C: RaftTypeConfig, S> MemStateMachine<C, S> {
    /// Returns the faults of this state machine, which all its handles share.
    pub fn faults(&self) -> CallFaults<StateMachineCall> {
        self.machine.faults.clone()
    }

    /// Returns the last log id that the current snapshot covers. Returns `None` if there is no snapshot, or if it
    /// covers no entry.
    pub fn snapshot_log_id(&self) -> Option<LogIdOf<C>> {
        lock(&self.machine.held).snapshot.as_ref()?.meta.last_log_id.clone()
    }
}

impl<C: RaftTypeConfig, S: Clone> MemStateMachine<C, S> {
    /// Returns the state.
    pub fn state(&self) -> S {
        lock(&self.machine.held).applied.state.clone()
    }

    /// Returns the state, with the last applied log id and membership.
    pub fn applied(&self) -> Applied<C, S> {
        lock(&self.machine.held).applied.clone()
    }
}

impl<C: RaftTypeConfig> StoredSnapshot<C> {
    fn open(&self) -> SnapshotOf<C, Cursor<Vec<u8>>> {
        Snapshot {
            meta: self.meta.clone(),
            snapshot: Cursor::new(self.frame.clone()),
        }
    }
}

impl<C: RaftTypeConfig, S> Clone for MemStateMachine<C, S> {
    fn clone(&self) -> Self {
        Self {
            machine: self.machine.clone(),
        }
    }
}

impl<C: RaftTypeConfig, S: fmt::Debug> fmt::Debug for MemStateMachine<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = lock(&self.machine.held);
        f.debug_struct("MemStateMachine")
            .field("applied", &held.applied)
            .field("snapshot", &held.snapshot.as_ref().map(|snapshot| &snapshot.meta))
            .finish_non_exhaustive()
    }
}

impl<C, S> RaftStateMachine<C> for MemStateMachine<C, S>
where
    C: RaftTypeConfig,
    S: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type SnapshotData = Cursor<Vec<u8>>;
    type SnapshotBuilder = MemSnapshotBuilder<C, S>;

    async fn applied_state(&mut self) -> Result<(Option<LogIdOf<C>>, StoredMembershipOf<C>), io::Error> {
        let held = lock(&self.machine.held);
        Ok((held.applied.last_log_id.clone(), held.applied.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<C>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            self.machine.faults.pass::<C>(StateMachineCall::Apply).await?;
            let response = {
                let applied = &mut lock(&self.machine.held).applied;
                applied.last_log_id = Some(entry.log_id());
                if let Some(membership) = entry.get_membership() {
                    applied.membership = StoredMembershipOf::<C>::new(Some(entry.log_id()), membership);
                }
                (self.machine.apply)(&mut applied.state, &entry)
            };
            if let (Some(responder), Some(response)) = (responder, response) {
                responder.send(response);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        MemSnapshotBuilder {
            machine: self.clone(),
            view: self.applied(),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf<C>, snapshot: Cursor<Vec<u8>>) -> Result<(), io::Error> {
        self.machine.faults.pass::<C>(StateMachineCall::InstallSnapshot).await?;
        let frame = snapshot.into_inner();
        let received: Applied<C, S> =
            decode(VERSION, &frame).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        if (&received.last_log_id, &received.membership) != (&meta.last_log_id, &meta.last_membership) {
            let message = format!("the snapshot does not match its metadata: {meta}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let meta = meta.clone();
        lock(&self.machine.held).snapshot = Some(StoredSnapshot { meta, frame });
        self.machine.faults.pass::<C>(StateMachineCall::FinishInstall).await?;
        lock(&self.machine.held).applied = received;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<C, Self::SnapshotData>>, io::Error> {
        self.machine
            .faults
            .pass::<C>(StateMachineCall::GetCurrentSnapshot)
            .await?;
        Ok(lock(&self.machine.held).snapshot.as_ref().map(StoredSnapshot::open))
    }
}

/// Builds a snapshot of the state that a [`MemStateMachine`] had when openraft asked for the builder.
pub struct MemSnapshotBuilder<C: RaftTypeConfig, S> {
    machine: MemStateMachine<C, S>,
    view: Applied<C, S>,
}

impl<C, S> RaftSnapshotBuilder<C> for MemSnapshotBuilder<C, S>
where
    C: RaftTypeConfig,
    S: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type SnapshotData = Cursor<Vec<u8>>;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<C, Self::SnapshotData>, io::Error> {
        let machine = &self.machine.machine;
        machine.faults.pass::<C>(StateMachineCall::BuildSnapshot).await?;
        let built = StoredSnapshot {
            meta: SnapshotMeta {
                last_log_id: self.view.last_log_id.clone(),
                last_membership: self.view.membership.clone(),
            },
            frame: encode(VERSION, &self.view).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?,
        };
        let mut held = lock(&machine.held);
        // If a snapshot that reaches further was installed meanwhile, keep the installed snapshot.
        let newest = held
            .snapshot
            .as_ref()
            .and_then(|current| current.meta.last_log_id.as_ref());
        if newest <= built.meta.last_log_id.as_ref() {
            held.snapshot = Some(built.clone());
        }
        Ok(built.open())
    }
}
