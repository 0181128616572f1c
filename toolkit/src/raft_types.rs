use openraft::{OptionalSend, RaftTypeConfig};

/// A type config together with the snapshot data of its state machine.
///
/// openraft moved `SnapshotData` off [`RaftTypeConfig`], onto the state machine and the network,
/// which must agree on it. This trait keeps it declared once, beside the other types. It is
/// implemented by [`declare_raft_types_ext!`](crate::declare_raft_types_ext).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type config of this toolkit",
    label = "does not implement `RaftTypes`",
    note = "declare `{Self}` with `declare_raft_types_ext!`, or implement `RaftTypes` for it beside `RaftTypeConfig`"
)]
pub trait RaftTypes: RaftTypeConfig {
    /// What a snapshot is read from and written to: the `SnapshotData` of
    /// [`RaftStateMachine`](openraft::storage::RaftStateMachine) and
    /// [`RaftNetworkV2`](openraft::RaftNetworkV2).
    type SnapshotData: OptionalSend + 'static;
}
