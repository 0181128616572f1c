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
/// A slot may be given several times, each with a `#[cfg(..)]`; where none holds, its default is used, and a
/// required slot is an error.
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
/// So fields and variants that are reordered, added, removed or retyped change the layout, and frames of
/// the old one, on disk or on the wire, must not be read as the new one. What follows is how a type changes.
///
/// # Settings
///
/// | of the type | |
/// |---|---|
/// | `version = N` | required, 1 to 255: the version of the type's layout |
/// | `min_version = N` | the oldest version that is read; the default is `version` |
/// | `layout(N = "hash", ..)` | [pins the layout](#pinned-layouts) of each version |
/// | `serde` | [`Serialize` and `Deserialize`](#the-serde-form) that carry the version |
/// | `previous = Old` or `previous(Old, downgrade)` | [another type](#previous-types) for the versions below `min_version` |
/// | `crate = path` | where openraft-toolkit is, for a renamed dependency or a re-export; the default is `::openraft_toolkit` |
///
/// | of a field | |
/// |---|---|
/// | `since = N` | older versions lack the field |
/// | `default = path` | beside `since`: what it holds where it is lacking; otherwise the `Default` of its type |
/// | `lossy` | beside `since`: older versions are written without it, whatever it holds |
///
/// A variant has `since` alone.
///
/// # Newer fields and variants
///
/// A field that came later says since which version. Frames of older versions lack it; on decode it
/// takes its default. It may stand anywhere among the others. A variant that came later stands behind the
/// older ones, so that no index shifts.
///
/// ```
/// use openraft_toolkit::{CodecError, WireMessage};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, WireMessage)]
/// #[wire(version = 3, min_version = 1)]
/// enum Command {
///     Put {
///         key: String,
///         value: Vec<u8>,
///         #[wire(since = 2)]
///         lease: Option<u64>,
///         #[wire(since = 3, default = Priority::normal)]
///         priority: Priority,
///     },
///     Delete(String),
///     #[wire(since = 2)]
///     Touch { key: String },
/// }
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// enum Priority { Low, Normal }
///
/// impl Priority {
///     fn normal() -> Self { Self::Normal }
/// }
///
/// // What version 1 of this type wrote.
/// let old = [1, 0, 1, b'k', 2, 7, 8];
/// let put = Command::decode(&old)?;
/// assert_eq!(put, Command::Put {
///     key: "k".to_owned(),
///     value: vec![7, 8],
///     lease: None,
///     priority: Priority::Normal,
/// });
///
/// // `encode` writes the newest version, `encode_at` any: for a reader that knows no newer one.
/// assert_eq!(put.encode()?, [3, 0, 1, b'k', 2, 7, 8, 0, 1]);
/// assert_eq!(put.encode_at(1)?, old);
///
/// // Nothing is dropped in silence.
/// let touch = Command::Touch { key: "k".to_owned() };
/// let error = touch.encode_at(1).unwrap_err();
/// assert!(matches!(error, CodecError::NotRepresentable { version: 1, what: "Command::Touch", .. }));
///
/// // An older frame that holds a newer variant was not written by that version.
/// assert!(matches!(Command::decode(&[1, 2, 1, b'k']), Err(CodecError::Decode(_))));
/// # Ok::<(), CodecError>(())
/// ```
///
/// A field with `since` is compared with its default before it is left out, so its type implements
/// `PartialEq`. With `lossy` it is left out whatever it holds: for what makes no difference to what a
/// command does, such as a trace id. For nodes that write at different versions would hold different values.
///
/// When to write which version is the matter of a `WriteVersion`, whose documentation goes through a rolling
/// upgrade step by step.
///
/// # Pinned layouts
///
/// A pin makes a change of the layout that forgets the version a compile error. It is a hash of the names
/// and types of the fields and variants that the version has, in their order, as they are written.
///
/// ```
/// use openraft_toolkit::WireMessage;
///
/// #[derive(WireMessage)]
/// #[wire(version = 2, min_version = 1, layout(1 = "139e8ea79600d208"))]
/// struct Get {
///     key: String,
///     #[wire(since = 2)]
///     linearizable: bool,
/// }
/// # let _ = Get { key: String::new(), linearizable: true }.encode();
/// ```
///
/// Write `layout(1 = "")`, and the error says which hash to pin. Once there is a `layout`, every version
/// but the newest must have its pin; pin the newest when it is released. Had `linearizable` no `since`, this
/// is what the compiler would say:
///
/// ```text
/// error: the layout of version 1 has changed
///        help: mark what is new with `#[wire(since = 2)]`, and write `version = 2, min_version = 1`
///        help: for anything else give this type `version = 2`, and keep the old one as its `previous`
///        help: where no data exists yet, or only a name changed, pin `1 = "002a0cd7add43898"`
/// ```
///
/// The hash knows names, so that a field that only has another name changes it. It does not know the
/// layout of the fields' own types: pin those that are messages too.
///
/// # Previous types
///
/// What `since` cannot say, a field that is gone, moved or retyped, is said by the type as it was. Frames
/// of versions below `min_version` are decoded as that type, and converted by `From`. Its own version is the
/// one below `min_version`, which is checked at compile time; it may have a previous type in turn.
///
/// ```
/// use openraft_toolkit::WireMessage;
///
/// #[derive(WireMessage)]
/// #[wire(version = 1)]
/// struct TimeoutV1 { seconds: u32 }
///
/// #[derive(Debug, PartialEq, WireMessage)]
/// #[wire(version = 2, previous(TimeoutV1, downgrade))]
/// struct Timeout { millis: u64 }
///
/// impl From<TimeoutV1> for Timeout {
///     fn from(old: TimeoutV1) -> Self {
///         Self { millis: u64::from(old.seconds) * 1000 }
///     }
/// }
///
/// // For `downgrade`: older versions can be written as well, or say why not.
/// impl TryFrom<&Timeout> for TimeoutV1 {
///     type Error = &'static str;
///
///     fn try_from(timeout: &Timeout) -> Result<Self, Self::Error> {
///         if timeout.millis % 1000 != 0 {
///             return Err("not a whole number of seconds");
///         }
///         let seconds = (timeout.millis / 1000).try_into().map_err(|_| "too long")?;
///         Ok(Self { seconds })
///     }
/// }
///
/// assert_eq!(Timeout::MIN_VERSION, 1);
/// assert_eq!(Timeout::decode(&[1, 5])?, Timeout { millis: 5000 });
/// assert_eq!(Timeout { millis: 7000 }.encode_at(1)?, [1, 7]);
/// assert!(Timeout { millis: 7001 }.encode_at(1).is_err());
/// # Ok::<(), openraft_toolkit::CodecError>(())
/// ```
///
/// Without `downgrade` only the versions from `min_version` on are written.
///
/// # The serde form
///
/// With `serde` the type also implements `Serialize` and `Deserialize`, which carry the version: inside
/// an openraft `Entry`, an RPC, a snapshot or any other serde type. So a log that version 1 of an
/// application's command wrote is read by version 3, without further code. Don't derive serde's traits beside
/// it.
///
/// ```
/// use openraft_toolkit::{WireMessage, decode, encode};
///
/// #[derive(Debug, PartialEq, WireMessage)]
/// #[wire(version = 2, min_version = 1, serde)]
/// struct Vote {
///     term: u64,
///     #[wire(since = 2)]
///     pre_vote: bool,
/// }
///
/// // In bincode it is the frame; other binary formats have the version and the body as a pair.
/// let votes = vec![Vote { term: 5, pre_vote: true }];
/// assert_eq!(encode(7, &votes)?, [7, 1, 2, 5, 1]);
/// assert_eq!(decode::<Vec<Vote>>(7, &[7, 1, 1, 5])?, [Vote { term: 5, pre_vote: false }]);
/// # Ok::<(), openraft_toolkit::CodecError>(())
/// ```
///
/// In formats for people the version is the key of the body, which looks as serde's derive would
/// have it, except that fields without names are always a list: `{"v2":{"term":5,"pre_vote":true}}`, and for
/// variants `{"v3":{"Put":{"key":"k"}}}`, `{"v3":{"Delete":["k"]}}`, `{"v3":"Clear"}`. Fields may come in any
/// order; a name that the version does not have is an error.
///
/// It is written at the newest version, or at the level of the `WriteVersion` in whose scope it is encoded.
/// A `previous` type must have `serde` too.
///
/// # What fields must be
///
/// Each field's type implements serde's `Serialize` and `Deserialize`: another message does with `serde`.
/// Serde's own attributes on the type have no meaning here.
///
/// A `Vec<u8>`, `Box<[u8]>` or `Cow<'_, [u8]>`, written so, is written and read at once, where serde goes
/// through a sequence byte by byte. The bytes are the same.
///
/// Decoding makes values that own what they hold. A type with a lifetime also implements
/// `WireMessageBorrowed`, with which fields of the types `Cow<'_, str>` and `Cow<'_, [u8]>` borrow from the
/// frame.
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
/// A field under `#[cfg]` is part of the layout only where it is there, and binaries that are built
/// otherwise have another layout.
///
/// # Where the toolkit has another name
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
