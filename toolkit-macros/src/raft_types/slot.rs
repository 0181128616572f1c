/// A place in the declaration for a type that the user chooses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Node,
    AppData,
    AppDataResponse,
    SnapshotData,
    NodeId,
    Term,
    LeaderId,
    Vote,
    Payload,
    Entry,
    AsyncRuntime,
    Responder,
    Batch,
    ErrorSource,
}

impl Slot {
    /// All slots, with the required ones first.
    pub(super) const ALL: [Slot; 14] = [
        Slot::Node,
        Slot::AppData,
        Slot::AppDataResponse,
        Slot::SnapshotData,
        Slot::NodeId,
        Slot::Term,
        Slot::LeaderId,
        Slot::Vote,
        Slot::Payload,
        Slot::Entry,
        Slot::AsyncRuntime,
        Slot::Responder,
        Slot::Batch,
        Slot::ErrorSource,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Slot::Node => "Node",
            Slot::AppData => "AppData",
            Slot::AppDataResponse => "AppDataResponse",
            Slot::SnapshotData => "SnapshotData",
            Slot::NodeId => "NodeId",
            Slot::Term => "Term",
            Slot::LeaderId => "LeaderId",
            Slot::Vote => "Vote",
            Slot::Payload => "Payload",
            Slot::Entry => "Entry",
            Slot::AsyncRuntime => "AsyncRuntime",
            Slot::Responder => "Responder",
            Slot::Batch => "Batch",
            Slot::ErrorSource => "ErrorSource",
        }
    }

    /// Returns the name of openraft's associated type.
    pub(super) fn associated_type(self) -> &'static str {
        match self {
            Slot::AppData => "D",
            Slot::AppDataResponse => "R",
            other => other.name(),
        }
    }

    pub(super) fn is_required(self) -> bool {
        matches!(self, Slot::Node | Slot::AppData | Slot::AppDataResponse)
    }

    /// Returns whether openraft's associated type has a parameter, as `Responder<T>` does.
    pub(super) fn is_generic(self) -> bool {
        matches!(self, Slot::Responder | Slot::Batch)
    }

    /// Returns whether the type in the slot may be a reference. The types in the other slots are decoded, so they must
    /// own what they hold.
    pub(super) fn may_borrow(self) -> bool {
        !matches!(
            self,
            Slot::Node | Slot::AppData | Slot::AppDataResponse | Slot::NodeId | Slot::Term
        )
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.name() == name)
    }
}
