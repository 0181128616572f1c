use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::error::CodecError;
use super::scope::{Scope, strictly};
use super::wire_message::WireMessage;

/// The level of a node: the version at which the node writes messages.
///
/// With a level, a cluster upgrades its binaries first and its formats later. Nodes of the new release keep
/// writing the old version until every node can read the new one.
///
/// One level serves all message types of an application. A message is written at the level, or at its own
/// [`VERSION`](WireMessage::VERSION) if that is lower; [`scope`](Self::scope) describes the exceptions. So a type that
/// does not change keeps its version. Number the versions by release: the release that introduces level 3 gives
/// `version = 3` to every type that it changes, whatever version the type had before.
///
/// A `WriteVersion` is a cell that holds the level, and a clone is another handle on the same cell. Each node has
/// a cell of its own, even if several nodes run in one process. Give clones of the cell to the node's log store
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
/// // Before you propose a command, check that the older release can read it.
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
///    command that raises the level. The state machine stores the level with the rest of its state, so snapshots
///    hold the level too.
/// 2. The nodes are restarted one by one with the new release. The new release reads version 1, and writes
///    version 1 as long as the level is 1. So a node can still go back to the old release.
/// 3. As long as the level is 1, the leader refuses a command that only the new format can hold: the leader writes the
///    command with [`propose_at`](crate::lifecycle::propose_at), which calls [`check`](Self::check). Snapshots are also
///    written at level 1, and version 1 has no place for a newer field of the stored state. So such a field must keep
///    its default until a command of the new format changes the field.
/// 4. Once every member runs the new release, propose the command that raises the level. Ask every member for its
///    release first, including learners. List these members in the command. The state machine must ignore the command
///    if, when it applies the command, the cluster has a member that is not in the list: nobody asked that member for
///    its release. When a node applies the command, its state machine stores the level and calls
///    [`raise`](Self::raise). From here on, no node can go back to the old release.
/// 5. A node that restarts creates its cell at the level in the state machine's stored state, or at the oldest
///    level if nothing is stored yet. Applying the rest of the log may raise the cell further.
/// 6. [`add_learner_checked`](crate::lifecycle::add_learner_checked) refuses a node whose release cannot read the
///    level. If a node of an old release receives data of a newer version all the same, the node refuses the data and
///    loses nothing. Decoding a frame fails with [`CodecError::VersionUnsupported`]. Decoding an entry, or another
///    value that holds a message, fails with [`CodecError::Decode`], whose message names the versions.
///
/// A follower can receive entries of the new format while its own cell is still at the old level: the command that
/// raises the level is committed, but the follower has not applied the command yet. The follower must store such
/// entries and pass them on, because the cluster has agreed on them. So a log store does not fail if an entry does not
/// fit the level. It writes the entry at a newer version, as [`scope`](Self::scope) describes.
///
/// The repository's `examples/schema_evolution` takes a cluster of processes through these steps.
#[derive(Clone, Debug)]
pub struct WriteVersion(Arc<AtomicU8>);

/// The error of [`WriteVersion::raise`] for a level below the current level.
///
/// A level is never lowered, because data may already be written at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the write version is {current} and cannot be lowered to {asked}")]
#[non_exhaustive]
pub struct WriteVersionLowered {
    /// The level that the cell keeps.
    pub current: u8,
    /// The level that the caller asked for.
    pub asked: u8,
}

impl WriteVersion {
    /// Creates a cell at `level`. Pass the level that the application has stored, or its oldest level if no level
    /// is stored yet.
    pub fn new(level: u8) -> Self {
        Self(Arc::new(AtomicU8::new(level)))
    }

    /// Returns the level.
    pub fn get(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Raises the cell to `level`. If the cell is at `level` already, nothing changes.
    ///
    /// # Errors
    ///
    /// [`WriteVersionLowered`] if the cell is above `level`. The cell then stays as it is.
    pub fn raise(&self, level: u8) -> Result<(), WriteVersionLowered> {
        let current = self.0.fetch_max(level, Ordering::AcqRel);
        if current > level {
            return Err(WriteVersionLowered { current, asked: level });
        }
        Ok(())
    }

    /// Encodes `message` as a frame at the level, or at its own [`VERSION`](WireMessage::VERSION) if that is lower.
    ///
    /// Messages inside `message` are written at the versions that [`scope`](Self::scope) describes. These versions may
    /// be above the level. `message` itself is never written above the level: if the level has no place for something
    /// that `message` holds, or is below the oldest version that its type writes, encoding fails.
    ///
    /// # Errors
    ///
    /// The errors of [`WireMessage::encode_at`]. The most likely is [`CodecError::NotRepresentable`], when `message`
    /// holds something that the level has no place for.
    pub fn encode<T: WireMessage>(&self, message: &T) -> Result<Vec<u8>, CodecError> {
        let level = self.get();
        let _scope = Scope::lenient(level);
        message.encode_at(level.min(T::VERSION))
    }

    /// Checks that a release which knows no version above the level can read `message`, including the messages
    /// inside `message`. [`propose_at`](crate::lifecycle::propose_at) calls `check` before it writes a command.
    ///
    /// # Errors
    ///
    /// - [`CodecError::NotRepresentable`] if the level has no place for something that `message`, or a message inside
    ///   it, holds. The error names the field or variant that is too new, or the type whose `downgrade` refused the
    ///   value.
    /// - [`CodecError::Encode`] if the level is below the oldest version that the type of a message inside `message`
    ///   writes.
    /// - Any other error of [`WireMessage::encode_at`], under the condition that is given there.
    pub fn check<T: WireMessage>(&self, message: &T) -> Result<(), CodecError> {
        self.encode_checked(message).map(drop)
    }

    /// Encodes `message` as [`check`](Self::check) does, and returns the frame.
    pub(crate) fn encode_checked<T: WireMessage>(&self, message: &T) -> Result<Vec<u8>, CodecError> {
        let level = self.get();
        strictly(level, || message.encode_at(level.min(T::VERSION)))
    }

    /// Runs `encode`. Every message that `encode` writes in its
    /// [serde form](derive@crate::WireMessage#the-serde-form) is written at the level, or at its own
    /// [`VERSION`](WireMessage::VERSION) if that is lower.
    ///
    /// The message can be anywhere, for example deep inside an openraft `Entry` or in a snapshot, and in any
    /// serde format.
    ///
    /// There are two exceptions. If the level is below the oldest version that the type writes, the message is written
    /// at that oldest version. If the level has no place for something that the message holds, the message is written
    /// at the lowest newer version that has a place for it. Normally such a message is part of the log: the cluster
    /// accepted the message, so every member must store it and pass it on, whether or not the member has applied the
    /// command that raised the level. [`check`](Self::check) keeps such a message out of the log while the level is too
    /// low.
    ///
    /// So two nodes may store the same entry at different versions. Two rules make both nodes apply the entry with the
    /// same result:
    ///
    /// - What a command does must not depend on a `lossy` field. A version below the `since` of the field leaves out
    ///   the field, so a node that stores such a version reads the default.
    /// - The `default` of a field must be the same value on every node and at any time. A field that is not in the
    ///   stored version gets its default when the entry is read.
    ///
    /// The scope covers this thread until `encode` returns. It does not cover other threads. It does not cover a future
    /// that `encode` returns, because the future runs after `encode` has returned. Scopes nest, and the innermost scope
    /// applies. Outside of any scope, messages are written at their newest version, except inside of
    /// [`WireMessage::encode_at`].
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
    /// // The value can be of any serde type that holds messages.
    /// let batch = vec![Command { key: "k".to_owned(), lease: None }];
    /// let level = WriteVersion::new(1);
    /// assert_eq!(level.scope(|| encode(7, &batch))?, [7, 1, 1, 1, b'k']);
    /// assert_eq!(encode(7, &batch)?, [7, 1, 2, 1, b'k', 0]);
    /// # Ok::<(), openraft_toolkit::CodecError>(())
    /// ```
    pub fn scope<R>(&self, encode: impl FnOnce() -> R) -> R {
        let level = self.get();
        let _scope = Scope::lenient(level);
        encode()
    }
}
