use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{CodecError, WireMessage};

/// The format level at which a process writes, so that a cluster upgrades its binaries first and its
/// formats later.
///
/// One number serves a whole application: a message is written at the lower of the level and its own
/// [`VERSION`](WireMessage::VERSION), so that types that did not change need no new version. Versions
/// are thus numbered by release: the release that introduces level 3 gives the types that it changes
/// `version = 3`, whatever they had before.
///
/// A clone is another handle on the same cell. Give one to the log store
/// ([`with_write_version`](crate::log_store::RocksdbLogStore::with_write_version)), to the network and
/// to the state machine of a node; nodes in one process have a cell each.
///
/// ```
/// use openraft_toolkit::codec::WriteVersion;
/// use openraft_toolkit::{CodecError, WireMessage};
///
/// #[derive(Debug, PartialEq, WireMessage)]
/// #[wire(version = 2, min_version = 1)]
/// struct Put {
///     key: String,
///     #[wire(since = 2)]
///     lease: Option<u64>,
/// }
///
/// let level = WriteVersion::new(1);
/// let put = Put { key: "k".to_owned(), lease: None };
/// assert_eq!(level.encode(&put)?, [1, 1, b'k']);
///
/// // What the older release would not understand is refused before it is proposed.
/// let leased = Put { key: "k".to_owned(), lease: Some(7) };
/// assert!(matches!(level.check(&leased), Err(CodecError::NotRepresentable { version: 1, .. })));
///
/// level.raise(2)?;
/// level.check(&leased)?;
/// assert_eq!(level.encode(&leased)?, [2, 1, b'k', 1, 7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # A rolling upgrade, step by step
///
/// 1. Every node runs the old release and writes at level 1. The application has had a command that
///    raises the level from the first release on, and its state machine stores the level with the rest
///    of its state, snapshots included.
/// 2. The nodes are restarted one by one with the new release, whose types read version 1 and write it
///    as long as the level is 1. A node can still go back to the old release.
/// 3. As long as the level is 1, a leader refuses what only the new format can hold: it calls
///    [`check`](Self::check) before it proposes a command. What is new in the state that snapshots hold
///    keeps its default until a newer command changes it, as they too are written at level 1.
/// 4. Once every member runs the new release, the command that raises the level is proposed. Ask them,
///    learners included, and let the command name them, so that it is without effect where another one
///    has joined since. When it is applied, each node's state machine stores the level and calls [`raise`](Self::raise).
///    From here on no node can go back.
/// 5. On restart the cell starts at what the state machine's stored state says, and at the oldest level
///    where there is none; the log that is applied again raises it further.
/// 6. A node whose release is older than the level is refused by
///    [`add_learner_checked`](crate::lifecycle::add_learner_checked). One that gets data of a newer
///    version all the same refuses it, and loses nothing: a frame with
///    [`CodecError::VersionUnsupported`], an entry or whatever else holds a message with
///    [`CodecError::Decode`], which says the same in words.
///
/// Between the commit of that command and its application a follower may be sent entries of the new
/// format while its own cell is still at the old level. That is why the level does not stand in the way
/// of storing and passing on what the cluster has agreed on: see [`scope`](Self::scope).
///
/// The repository's `examples/schema_evolution` takes a cluster of processes through these steps.
#[derive(Clone, Debug)]
pub struct WriteVersion(Arc<AtomicU8>);

/// A level that is lower than the one that the cell has: data of that one may already be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the write version is {current} and cannot be lowered to {asked}")]
#[non_exhaustive]
pub struct WriteVersionLowered {
    /// The level that the cell keeps.
    pub current: u8,
    /// The level that was asked for.
    pub asked: u8,
}

impl WriteVersion {
    /// A cell at `level`: the one that is stored, or the oldest that the application has.
    pub fn new(level: u8) -> Self {
        Self(Arc::new(AtomicU8::new(level)))
    }

    /// The level.
    pub fn get(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Raises the level; at the level that the cell has already, nothing changes.
    ///
    /// # Errors
    ///
    /// [`WriteVersionLowered`] when the cell is above `level`, where it stays.
    pub fn raise(&self, level: u8) -> Result<(), WriteVersionLowered> {
        let current = self.0.fetch_max(level, Ordering::AcqRel);
        if current > level {
            return Err(WriteVersionLowered { current, asked: level });
        }
        Ok(())
    }

    /// Encodes a frame at the level, or at the message's own version where that is lower. Messages
    /// within it are written as in [`scope`](Self::scope).
    ///
    /// # Errors
    ///
    /// As [`WireMessage::encode_at`], [`CodecError::NotRepresentable`] above all.
    pub fn encode<T: WireMessage>(&self, message: &T) -> Result<Vec<u8>, CodecError> {
        let level = self.get();
        let _scope = Scope::enter(level, false);
        message.encode_at(level.min(T::VERSION))
    }

    /// Whether a process that knows nothing above the level would understand `message`, and all
    /// messages within it. To be asked before a command is proposed.
    ///
    /// # Errors
    ///
    /// [`CodecError::NotRepresentable`] names the field or variant that is too new, wherever it is;
    /// otherwise as [`WireMessage::encode_at`].
    pub fn check<T: WireMessage>(&self, message: &T) -> Result<(), CodecError> {
        let level = self.get();
        let _scope = Scope::enter(level, true);
        message
            .encode_at(level.min(T::VERSION))
            .map_err(|error| match refused() {
                Some((version, what)) => CodecError::not_representable(version, what),
                None => error,
            })?;
        Ok(())
    }

    /// Runs `encode`, in which messages are written at the level wherever they occur in their serde
    /// form: deep inside an openraft `Entry`, in a snapshot, in any serde format.
    ///
    /// A message that cannot be written at the level, because it holds what only a newer version has a
    /// place for, is written at the lowest version that has. For it comes from a log: the cluster
    /// accepted it, so every member must store it and pass it on, whether or not it has applied the
    /// command that raised the level. [`check`](Self::check) keeps such a message out of the log as
    /// long as it is too early.
    ///
    /// So nodes may store one entry at different versions. All read the same, save for what a version
    /// leaves out without asking: what a command does must not depend on a `lossy` field, and the
    /// `default` of a field must be the same value on every node and at any time.
    ///
    /// The level holds for what `encode` does on this thread before it returns, so nodes of one process
    /// don't get in each other's way, and a future that it returns is outside. Scopes nest; the innermost
    /// counts. Without one the newest version is written.
    ///
    /// ```
    /// use openraft_toolkit::codec::WriteVersion;
    /// use openraft_toolkit::{WireMessage, encode};
    ///
    /// #[derive(WireMessage)]
    /// #[wire(version = 2, min_version = 1, serde)]
    /// struct Command {
    ///     key: String,
    ///     #[wire(since = 2)]
    ///     lease: Option<u64>,
    /// }
    ///
    /// // Any serde type that holds messages.
    /// let batch = vec![Command { key: "k".to_owned(), lease: None }];
    /// let level = WriteVersion::new(1);
    /// assert_eq!(level.scope(|| encode(7, &batch))?, [7, 1, 1, 1, b'k']);
    /// assert_eq!(encode(7, &batch)?, [7, 1, 2, 1, b'k', 0]);
    /// # Ok::<(), openraft_toolkit::CodecError>(())
    /// ```
    pub fn scope<R>(&self, encode: impl FnOnce() -> R) -> R {
        let _scope = Scope::enter(self.get(), false);
        encode()
    }
}

/// What the serde form of a message finds while a scope is open on its thread.
#[derive(Clone, Copy)]
struct Active {
    level: u8,
    /// Whether what the level cannot hold is an error.
    strict: bool,
    /// What was an error.
    refused: Option<(u8, &'static str)>,
}

thread_local! {
    static ACTIVE: Cell<Option<Active>> = const { Cell::new(None) };
}

/// Open until it is dropped, so that a panic within closes it as well.
struct Scope {
    outer: Option<Active>,
}

impl Scope {
    fn enter(level: u8, strict: bool) -> Self {
        let outer = ACTIVE.replace(Some(Active {
            level,
            strict,
            refused: None,
        }));
        Self { outer }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        ACTIVE.set(self.outer);
    }
}

fn refused() -> Option<(u8, &'static str)> {
    ACTIVE.get().and_then(|active| active.refused)
}

/// The version at which a message that can be written at `oldest ..= newest` is written in its serde
/// form. `check` says whether a version has a place for all that the message holds.
pub(super) fn serde_version(
    oldest: u8,
    newest: u8,
    check: impl Fn(u8) -> Result<(), CodecError>,
) -> Result<u8, CodecError> {
    let Some(active) = ACTIVE.get() else {
        return Ok(newest);
    };
    let version = active.level.min(newest);
    if !active.strict {
        let mut versions = version.max(oldest)..newest;
        return Ok(versions.find(|version| check(*version).is_ok()).unwrap_or(newest));
    }
    if version < oldest {
        return Err(CodecError::VersionUnsupported {
            min: oldest,
            max: newest,
            actual: version,
        });
    }
    check(version).inspect_err(|error| {
        if let CodecError::NotRepresentable { version, what, .. } = error {
            ACTIVE.set(Some(Active {
                refused: Some((*version, what)),
                ..active
            }));
        }
    })?;
    Ok(version)
}
