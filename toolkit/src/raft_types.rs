use openraft::{OptionalSend, RaftTypeConfig};

/// A type config together with the snapshot data of its state machine.
///
/// openraft 0.9 has `SnapshotData` in [`RaftTypeConfig`]. openraft 0.10 has it in the state machine and in the network,
/// which must both name the same type. With this trait, an application declares that type once, next to its other
/// types. [`declare_raft_types_ext!`](crate::declare_raft_types_ext) implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type config of this toolkit",
    label = "does not implement `RaftTypes`",
    note = "declare `{Self}` with `declare_raft_types_ext!`, or implement `RaftTypes` for it beside `RaftTypeConfig`"
)]
pub trait RaftTypes: RaftTypeConfig {
    /// The type that a snapshot is read from and written to. It is the `SnapshotData` of
    /// [`RaftStateMachine`](openraft::storage::RaftStateMachine) and of
    /// [`RaftNetworkV2`](openraft::RaftNetworkV2).
    type SnapshotData: OptionalSend + 'static;
}
