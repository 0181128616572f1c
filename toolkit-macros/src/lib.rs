//! The macros of `openraft-toolkit`, which re-exports them.
//!
//! Depend on that crate: what these macros generate refers to it.

mod errors;
mod raft_types;
mod wire_message;

use proc_macro::TokenStream;

/// Declares the type config of a raft application: an empty struct that implements openraft's
/// `RaftTypeConfig` and this toolkit's `RaftTypes`.
///
/// ```
/// use std::fmt;
///
/// use openraft_toolkit::{declare_raft_types_ext, openraft};
/// use serde::{Deserialize, Serialize};
///
/// declare_raft_types_ext! {
///     /// The types of the key-value service.
///     pub TypeConfig:
///         Node = openraft::BasicNode,
///         AppData = Command,
///         AppDataResponse = Option<String>,
/// }
///
/// /// What a client asks for, and what the log holds.
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// pub enum Command {
///     Put { key: String, value: String },
///     Delete { key: String },
/// }
///
/// // openraft prints what it replicates.
/// impl fmt::Display for Command {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         match self {
///             Self::Put { key, .. } => write!(f, "put {key}"),
///             Self::Delete { key } => write!(f, "delete {key}"),
///         }
///     }
/// }
/// # type Entry = openraft::alias::EntryOf<TypeConfig>;
/// ```
///
/// # Slots
///
/// Slots come in any order, and a trailing comma is optional. Attributes and doc comments on the
/// type and on slots are kept.
///
/// | slot | must implement (in `openraft`) | default |
/// |---|---|---|
/// | `Node` | `Node` | required |
/// | `AppData`, openraft's `D` | `AppData`: `Debug`, `Display`, serde's traits | required |
/// | `AppDataResponse`, openraft's `R` | `AppDataResponse`: serde's traits | required |
/// | `SnapshotData` | `Send` | `std::io::Cursor<Vec<u8>>` |
/// | `NodeId` | `NodeId` | `u64` |
/// | `Term` | `vote::RaftTerm` | `u64` |
/// | `LeaderId` | `vote::RaftLeaderId` | `impls::leader_id_adv::LeaderId<Self::Term, Self::NodeId>` |
/// | `Vote` | `vote::RaftVote` | `impls::Vote<Self::LeaderId>` |
/// | `Payload` | `entry::RaftPayload` | `EntryPayload<Self::D, Self::NodeId, Self::Node>` |
/// | `Entry` | `entry::RaftEntry` | `impls::Entry` of the committed leader id and `Self::Payload` |
/// | `AsyncRuntime` | `AsyncRuntime` | openraft's tokio runtime |
/// | `Responder<T>` | `raft::responder::Responder<Self, T>` | `impls::OneshotResponder<Self, T>` |
/// | `Batch<T>` | `batch::Batch<T>` | `impls::InlineBatch<T>` |
/// | `ErrorSource` | `errors::ErrorSource` | `impls::BoxedErrorSource` |
///
/// Inside a type, `Self` is the type config, so `Self::NodeId` is what its slot says, given or
/// defaulted. `T` is the parameter of `Responder` and `Batch`, for which `Responder<T> = ..` and
/// `Responder = ..` are the same; openraft's own bounds on it are implied.
///
/// ```
/// use openraft_toolkit::{declare_raft_types_ext, openraft};
///
/// declare_raft_types_ext! {
///     pub(crate) Standard:
///         Node = (),
///         AppData = String,
///         AppDataResponse = (),
///         /// One leader per term, as in the raft paper.
///         LeaderId = openraft::impls::leader_id_std::LeaderId<Self::Term, Self::NodeId>,
///         /// The state machine streams its snapshots from files.
///         SnapshotData = std::fs::File,
///         /// Tells a writer when its command is committed, and again when it is applied.
///         Responder<T> = openraft::impls::ProgressResponder<Self, T>,
/// }
/// # fn main() { let _ = Standard::default(); }
/// ```
///
/// # Where the toolkit has another name
///
/// Generated code starts at `::openraft_toolkit`, and reaches openraft through it. `crate = path`
/// says where it is instead, for a renamed dependency or a re-export:
///
/// ```
/// mod base {
///     pub use openraft_toolkit as toolkit;
/// }
///
/// base::toolkit::declare_raft_types_ext! {
///     TypeConfig:
///         crate = crate::base::toolkit,
///         Node = (),
///         AppData = String,
///         AppDataResponse = (),
/// }
/// # fn main() { let _ = TypeConfig::default(); }
/// ```
///
/// # What it declares
///
/// `struct TypeConfig {}` deriving `Debug`, `Clone`, `Copy`, `Default`, `PartialEq`, `Eq`,
/// `PartialOrd` and `Ord`, which openraft requires; further derives are attributes on the name.
#[proc_macro]
pub fn declare_raft_types_ext(input: TokenStream) -> TokenStream {
    raft_types::declare(input.into()).into()
}

/// Gives a struct or enum a versioned frame: implements `WireMessage` for it.
///
/// ```
/// use openraft_toolkit::{CodecError, WireMessage};
///
/// #[derive(Debug, PartialEq, WireMessage)]
/// #[wire(version = 1)]
/// enum Request {
///     Get { key: String },
///     Put { key: String, value: Vec<u8> },
///     Ping,
/// }
///
/// let request = Request::Get { key: "k".to_owned() };
/// let frame = request.encode()?;
/// assert_eq!(frame, [1, 0, 1, b'k']);
/// assert_eq!(Request::decode(&frame)?, request);
///
/// // A frame of another version is refused, whatever follows the version.
/// let error = Request::decode(&[2, 0, 1, b'k']).unwrap_err();
/// assert!(matches!(error, CodecError::VersionUnsupported { min: 1, max: 1, actual: 2 }));
/// # Ok::<(), CodecError>(())
/// ```
///
/// # The frame
///
/// The version byte, then the body. A struct's body is its fields in order; an enum's is the index of
/// its variant, counted from 0, as a variable-length `u32`, then the fields of that variant. Names and
/// discriminants are not written. The bytes are those that bincode 2 with `config::standard()` would
/// write for a type that derives serde's `Serialize`.
///
/// So fields and variants that are reordered, added, removed or retyped change the layout. Whoever has
/// frames of the old layout, on disk or on the wire, must not read them as the new one: raise the version.
///
/// # What fields must be
///
/// Each field's type implements serde's `Serialize` and `Deserialize`, and owns what it holds. The
/// type itself need not implement them; where it does, its serde attributes have no effect on its frame.
///
/// A generic type has a frame where the parameters that its fields hold have both traits, as in serde:
///
/// ```
/// use openraft_toolkit::WireMessage;
///
/// #[derive(WireMessage)]
/// #[wire(version = 1)]
/// struct Page<T> {
///     items: Vec<T>,
///     next: Option<u64>,
/// }
///
/// assert_eq!(Page { items: vec!['a', 'b'], next: None }.encode()?, [1, 2, b'a', b'b', 0]);
/// # Ok::<(), openraft_toolkit::CodecError>(())
/// ```
///
/// # Settings
///
/// - `version = N`, required, 1 to 255: the version of the type's layout.
/// - `crate = path`: where openraft-toolkit is, for a renamed dependency or a re-export. The default
///   is `::openraft_toolkit`.
///
/// ```
/// mod base {
///     pub use openraft_toolkit as toolkit;
/// }
///
/// use base::toolkit::WireMessage;
///
/// #[derive(WireMessage)]
/// #[wire(version = 4, crate = base::toolkit)]
/// struct Heartbeat(u64);
///
/// assert_eq!(Heartbeat::VERSION, 4);
/// ```
#[proc_macro_derive(WireMessage, attributes(wire))]
pub fn derive_wire_message(input: TokenStream) -> TokenStream {
    wire_message::derive(input.into()).into()
}
