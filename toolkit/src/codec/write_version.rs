use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::error::CodecError;
use super::wire_message::WireMessage;

/// The level of a process: the version at which it writes messages.
///
/// With a level, a cluster upgrades its binaries first and its formats later. Nodes of the new release keep
/// writing the old version until every node can read the new one.
///
/// One number serves a whole application. Each message is written at the level, or at its own
/// [`VERSION`](WireMessage::VERSION) if that is lower, so types that did not change need no new version. This
/// is why versions are numbered by release: the release that introduces level 3 gives `version = 3` to every
/// type that it changes, whatever version the type had before.
///
/// A `WriteVersion` is a cell that holds the level, and a clone is another handle on the same cell. A node has
/// one cell, also where several nodes run in one process. Give a clone of it to the node's log store
/// ([`with_write_version`](crate::log_store::RocksdbLogStore::with_write_version)), to its network and to its
/// state machine.
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
/// // Refuse what the older release could not read, before it is proposed.
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
/// 1. Every node runs the old release and writes at level 1. From its first release on, the application has a
///    command that raises the level. Its state machine stores the level with the rest of its state, also in
///    snapshots.
/// 2. The nodes are restarted one by one with the new release. Its types read version 1, and write it as long as
///    the level is 1. A node can still go back to the old release.
/// 3. As long as the level is 1, a leader refuses what only the new format can hold: it calls
///    [`check`](Self::check) before it proposes a command. Snapshots are written at level 1 too, so
///    a newer field of the stored state must keep its default until a newer command changes it.
/// 4. Once every member runs the new release, someone proposes the command that raises the level. Ask every
///    member for its release first, learners included. Name the members in the command, and let it do nothing if
///    another member has joined since. When a node applies the command, its state machine stores the level and
///    calls [`raise`](Self::raise). From here on no node can go back.
/// 5. A node that restarts creates its cell at the level in the state machine's stored state, or at the oldest
///    level if nothing is stored yet. Applying the rest of the log raises the cell further.
/// 6. [`add_learner_checked`](crate::lifecycle::add_learner_checked) refuses a node whose release is older than
///    the level. If a node receives data of a newer version all the same, it refuses the data and loses nothing.
///    A frame fails with [`CodecError::VersionUnsupported`]. An entry, or whatever else holds a message, fails
///    with [`CodecError::Decode`], whose text says the same.
///
/// A follower can receive entries of the new format while its own cell is still at the old level, between the
/// commit of the command and its application. Storing such entries and passing them on must succeed, because the
/// cluster has agreed on them. So a low level does not stand in the way: see [`scope`](Self::scope).
///
/// The repository's `examples/schema_evolution` takes a cluster of processes through these steps.
#[derive(Clone, Debug)]
pub struct WriteVersion(Arc<AtomicU8>);

/// The error of [`WriteVersion::raise`] for a level below the current one, at which data may already be written.
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
    /// Creates a cell at `level`, which is the level that the application has stored, or its oldest level.
    pub fn new(level: u8) -> Self {
        Self(Arc::new(AtomicU8::new(level)))
    }

    /// Returns the level.
    pub fn get(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Raises the level to `level`. If the cell is at `level` already, nothing changes.
    ///
    /// # Errors
    ///
    /// [`WriteVersionLowered`] when the cell is above `level`. The cell then stays as it is.
    pub fn raise(&self, level: u8) -> Result<(), WriteVersionLowered> {
        let current = self.0.fetch_max(level, Ordering::AcqRel);
        if current > level {
            return Err(WriteVersionLowered { current, asked: level });
        }
        Ok(())
    }

    /// Encodes a frame at the level, or at the message's own [`VERSION`](WireMessage::VERSION) if that is lower.
    ///
    /// Messages inside `message` are written as in [`scope`](Self::scope).
    ///
    /// # Errors
    ///
    /// The errors of [`WireMessage::encode_at`]. The likely one is [`CodecError::NotRepresentable`].
    pub fn encode<T: WireMessage>(&self, message: &T) -> Result<Vec<u8>, CodecError> {
        let level = self.get();
        let _scope = Scope::enter(level, false);
        message.encode_at(level.min(T::VERSION))
    }

    /// Checks that a process which knows no version above the level can read `message` and all messages inside
    /// it. Call it before you propose a command.
    ///
    /// # Errors
    ///
    /// [`CodecError::NotRepresentable`] names the field or variant that is too new, also if it is in a message
    /// inside `message`. Otherwise the errors of [`WireMessage::encode_at`].
    pub fn check<T: WireMessage>(&self, message: &T) -> Result<(), CodecError> {
        let level = self.get();
        let _scope = Scope::enter(level, true);
        message
            .encode_at(level.min(T::VERSION))
            .map_err(|error| match Scope::refused() {
                Some((version, what)) => CodecError::not_representable(version, what),
                None => error,
            })?;
        Ok(())
    }

    /// Runs `encode`, and meanwhile sets the version of every message that is written in its serde form.
    ///
    /// It does not matter where the message is: deep inside an openraft `Entry`, in a snapshot, in any serde
    /// format. A message is written at the level, or at its own [`VERSION`](WireMessage::VERSION) if that is
    /// lower.
    ///
    /// If a message holds something that the level has no place for, it is written at the lowest version that
    /// has. Such a message comes from the log: the cluster accepted it, so every member must be able to store it
    /// and to pass it on, whether or not the member has already applied the command that raised the level.
    /// [`check`](Self::check) keeps such a message out of the log while it is too early.
    ///
    /// So two nodes may store one entry at different versions. Both read the same value, with two exceptions.
    /// An older version leaves out a `lossy` field whatever it holds, so what a command does must not depend on
    /// one. A field that was left out takes its `default` again, which must be the same value on every node and
    /// at any time.
    ///
    /// The level holds on this thread until `encode` returns. Other threads are not affected, and neither is a
    /// future that `encode` returns. Scopes nest, and the innermost counts. Outside of any scope messages are
    /// written at their newest version.
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

/// What the innermost scope of a thread tells the serde form of messages.
#[derive(Clone, Copy)]
struct Active {
    level: u8,
    /// Whether a message that the level has no place for is an error, or is written at a newer version.
    strict: bool,
    /// The version and the field or variant of the last such error.
    refused: Option<(u8, &'static str)>,
}

thread_local! {
    static ACTIVE: Cell<Option<Active>> = const { Cell::new(None) };
}

/// An open scope. Dropping it closes it, also when a panic unwinds.
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

    /// Returns what the innermost scope has refused.
    fn refused() -> Option<(u8, &'static str)> {
        ACTIVE.get().and_then(|active| active.refused)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        ACTIVE.set(self.outer);
    }
}

/// Returns the version at which a message is written in its serde form.
///
/// `oldest ..= newest` are the versions that the message can be written at. `representable` says whether a version
/// has a place for everything that the message holds.
pub(super) fn serde_version(
    oldest: u8,
    newest: u8,
    representable: impl Fn(u8) -> Result<(), CodecError>,
) -> Result<u8, CodecError> {
    let Some(active) = ACTIVE.get() else {
        return Ok(newest);
    };
    let version = active.level.min(newest);
    if !active.strict {
        let mut candidates = version.max(oldest)..newest;
        return Ok(candidates
            .find(|version| representable(*version).is_ok())
            .unwrap_or(newest));
    }
    if version < oldest {
        return Err(CodecError::VersionUnsupported {
            min: oldest,
            max: newest,
            actual: version,
        });
    }
    representable(version).inspect_err(|error| {
        // Remember what is too new: serde turns this error into a text, and `WriteVersion::check` names the field.
        if let CodecError::NotRepresentable { version, what, .. } = error {
            ACTIVE.set(Some(Active {
                refused: Some((*version, what)),
                ..active
            }));
        }
    })?;
    Ok(version)
}
