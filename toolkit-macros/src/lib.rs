//! The macros of `openraft-toolkit`, which re-exports them.
//!
//! Depend on `openraft-toolkit` instead of this crate: the generated code uses items of `openraft-toolkit`.

// Each macro has its own folder, and the `mod.rs` of the folder describes the other files. Code that both macros use is
// in `errors.rs`. This file has more than 400 lines because rustdoc reads the documentation of the macros here.

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
/// /// A command of a client. Each entry of the log with application data holds a command.
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// pub enum Command {
///     Put { key: String, value: String },
///     Delete { key: String },
/// }
///
/// // openraft requires `Display` for its log messages.
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
/// Slots may come in any order, and a trailing comma is optional. The macro keeps attributes and doc comments on
/// the type and on the slots.
///
/// | slot | must implement (in `openraft`) | default |
/// |---|---|---|
/// | `Node` | `Node` | required |
/// | `AppData`, openraft's `D` | `AppData`: `Debug`, `Display`, `Send`, `Sync`, serde's traits | required |
/// | `AppDataResponse`, openraft's `R` | `AppDataResponse`: `Send`, `Sync`, serde's traits | required |
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
/// A slot may be given several times if each has a `#[cfg(..)]`. The macro reports an error if two of these
/// `#[cfg(..)]` hold at once, or if none holds for a required slot. If none holds for another slot, that slot has its
/// default.
///
/// In the type of a slot, `Self` is the type config: `Self::NodeId` is the type in the slot `NodeId`, whether that type
/// is given or the default. The types in the slots `AppData` and `AppDataResponse` are `Self::D` and `Self::R`, as in
/// openraft. `T` is the parameter of `Responder` and `Batch`, with openraft's own bounds. `Responder<T> = ..` and
/// `Responder = ..` mean the same.
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
/// # If the toolkit has another name
///
/// Generated code finds the toolkit at `::openraft_toolkit`, and openraft through the toolkit. If the dependency is
/// renamed or re-exported, give the path of the toolkit with `crate = path`:
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
/// The macro declares `struct TypeConfig {}`. The struct derives `Debug`, `Clone`, `Copy`, `Default`, `PartialEq`,
/// `Eq`, `PartialOrd` and `Ord`, which openraft requires. For further derives write `#[derive(..)]` before the name.
#[proc_macro]
pub fn declare_raft_types_ext(input: TokenStream) -> TokenStream {
    raft_types::declare(input.into()).into()
}

/// Implements `WireMessage` for a struct or enum, whose values are then encoded as versioned frames.
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
/// // Decoding refuses a frame of a version that the type does not read, without reading the body.
/// let error = Request::decode(&[2, 0, 1, b'k']).unwrap_err();
/// assert!(matches!(error, CodecError::VersionUnsupported { min: 1, max: 1, actual: 2 }));
/// # Ok::<(), CodecError>(())
/// ```
///
/// # The frame
///
/// A frame is the version byte, then the body. The body of a struct is its fields in order. The body of an enum is the
/// index of its variant, then the fields of that variant. The index is a variable-length `u32`, and the first variant
/// has the index 0. Names and discriminants are not written. The bytes of the body are those that bincode 2 with
/// `config::standard()` would write if the type derived serde's `Serialize`.
///
/// So the layout changes when fields or variants are reordered, added or removed, or when a field gets another type. A
/// frame of the old layout, on disk or on the wire, must then not be read as the new layout. The following sections
/// show how to change a type.
///
/// # Settings
///
/// | on the type | |
/// |---|---|
/// | `version = N` | required, 1 to 255: the version of the type's layout |
/// | `min_version = N` | the oldest version that is read; the default is `version` |
/// | `layout(N = "hash", ..)` | [pins the layout](#pinned-layouts) of each version |
/// | `serde` | implements [`Serialize` and `Deserialize`](#the-serde-form), which carry the version |
/// | `previous = Old` or `previous(Old, downgrade)` | [another type](#previous-types) for the versions below `min_version` |
/// | `crate = path` | [the path of openraft-toolkit](#if-the-toolkit-has-another-name), by default `::openraft_toolkit` |
///
/// | on a field | |
/// |---|---|
/// | `since = N` | versions below `N` lack the field |
/// | `default = path` | only with `since`: a function that returns the value of a missing field, instead of `Default` |
/// | `lossy` | only with `since`: versions below `N` are written without the field, whatever the field holds |
///
/// A variant itself can have only `since`. The fields of a variant can have all settings of a field.
///
/// # Newer fields and variants
///
/// `since = N` marks a field that version `N` introduced. Frames of older versions lack the field, and decoding such a
/// frame sets the field to its default. The field may have any position among the fields.
///
/// `since = N` also marks a variant that version `N` introduced. A newer variant must come after all older variants, so
/// that the indices of the older variants do not shift.
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
/// // A frame of version 1.
/// let old = [1, 0, 1, b'k', 2, 7, 8];
/// let put = Command::decode(&old)?;
/// assert_eq!(put, Command::Put {
///     key: "k".to_owned(),
///     value: vec![7, 8],
///     lease: None,
///     priority: Priority::Normal,
/// });
///
/// // `encode` writes the newest version. `encode_at(1)` writes version 1, for readers that know no newer version.
/// assert_eq!(put.encode()?, [3, 0, 1, b'k', 2, 7, 8, 0, 1]);
/// assert_eq!(put.encode_at(1)?, old);
///
/// // Encoding fails if the version has no place for the value.
/// let touch = Command::Touch { key: "k".to_owned() };
/// let error = touch.encode_at(1).unwrap_err();
/// assert!(matches!(error, CodecError::NotRepresentable { version: 1, what: "Command::Touch", .. }));
///
/// // Decoding refuses a frame of version 1 with the index of a newer variant.
/// assert!(matches!(Command::decode(&[1, 2, 1, b'k']), Err(CodecError::Decode(_))));
/// # Ok::<(), CodecError>(())
/// ```
///
/// Encoding at a version below `N` leaves out a field with `since = N` if the field equals its default and has the same
/// bytes, and otherwise fails. So `-0.0` is not left out for `0.0`. The field's type must implement `PartialEq`, and
/// `Default` unless the field has `default = path`. A default that is a `HashMap` or `HashSet` must be empty, because
/// equal maps may have different bytes.
///
/// With `lossy`, encoding at a version below `N` leaves out the field whatever the field holds. Use `lossy` only for a
/// field that does not change what a command does, such as a trace id. During an upgrade, nodes may store the same
/// entry at different versions. A node that stores a version below `N` then reads the default of the field, where a
/// node that stores a newer version reads the value.
///
/// A `WriteVersion` sets the version at which a node writes. Its documentation describes a rolling upgrade step by
/// step.
///
/// # Pinned layouts
///
/// With a pin, a change to the layout of the pinned version is a compile error. A pin is a hash of the fields and
/// variants that a version has. The hash covers their order, their names, and the types of the fields as written in the
/// source.
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
/// To get the hash, write `layout(1 = "")`: the compile error then shows the hash to pin. A `layout` must have a pin
/// for every version from `min_version` on, except the newest. Pin the newest version when you release it.
///
/// If `linearizable` in the example above had no `since`, the compiler would report:
///
/// ```text
/// error: the layout of version 1 has changed
///        help: mark what is new with `#[wire(since = 2)]`, and write `version = 2, min_version = 1`
///        help: for any other change give this type `version = 2`, and keep the old type as its `previous`
///        help: if no data exists yet, or only a name changed, pin `1 = "002a0cd7add43898"`
/// ```
///
/// The hash covers names, so renaming a field changes the hash, although the bytes of frames stay the same. The hash
/// does not cover the layouts of the fields' types: if these types are messages, pin their layouts too.
///
/// # Previous types
///
/// Before you remove or move a field or variant, or change the type of a field, keep a copy of the message type under
/// another name. Set the copy as the `previous` type of the changed message type. Frames of versions below
/// `min_version` are decoded as the previous type, and converted with `From`.
///
/// The `version` of the previous type must be the version just below `min_version`. rustc checks this. For a message
/// with type or const parameters, rustc checks this only where the message is used. The previous type may itself have a
/// `previous` type.
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
/// // `downgrade` calls this to write a version of the old type. An error says why that is not possible.
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
/// With `previous = Old`, without `downgrade`, only versions from `min_version` on can be written.
///
/// # The serde form
///
/// With `serde`, the type also implements `Serialize` and `Deserialize`, and its serialized form carries the version.
/// The type can then be inside an openraft `Entry`, an RPC, a snapshot or any other serde type. If an application's
/// command type has `serde` and `min_version = 1`, a release with version 3 of the type reads a log of version 1
/// without further code. Do not derive serde's traits on the type as well, because the impls would conflict.
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
/// // In bincode, the serde form is the frame. In other binary formats, it is the pair of version and body.
/// let votes = vec![Vote { term: 5, pre_vote: true }];
/// assert_eq!(encode(7, &votes)?, [7, 1, 2, 5, 1]);
/// assert_eq!(decode::<Vec<Vote>>(7, &[7, 1, 1, 5])?, [Vote { term: 5, pre_vote: false }]);
/// # Ok::<(), openraft_toolkit::CodecError>(())
/// ```
///
/// In human-readable formats, the serde form is a map whose key is the version: `{"v2":{"term":5,"pre_vote":true}}`.
/// The body has the form that serde's derive would give it, with two exceptions. Fields without names are always a
/// list, even a single field. A field of bytes has the form that the format gives to bytes; in JSON, that is a list of
/// numbers. For example, the variants of `enum Command { Put { key: String }, Delete(String), Clear }` at version 3
/// look like `{"v3":{"Put":{"key":"k"}}}`, `{"v3":{"Delete":["k"]}}` and `{"v3":"Clear"}`. When such a map is read,
/// fields may come in any order, and a name that the version does not have is an error.
///
/// Outside of `WriteVersion::scope`, the serde form is written at the newest version. Inside, the version depends on
/// the level of that `WriteVersion`: the documentation of `scope` has the rules. `encode_at` of a message writes the
/// messages inside it at the same version, or fails. If a type has `serde`, its `previous`
/// type must have `serde` too.
///
/// # What fields must be
///
/// The type of each field must implement serde's `Serialize` and `Deserialize`. A message implements both traits if it
/// has `serde`. A field cannot hold a reference such as `&str`, because `decode` returns values that own what they
/// hold. A message without `serde` may derive serde's traits. Serde's attributes, such as `#[serde(rename)]`, then have
/// no effect on its frames. The attributes that say what of a field is serialized, such as `skip` and `with`, are
/// compile errors beside `WireMessage`.
///
/// If the type of a field is written as `Vec<u8>`, `Box<[u8]>` or `Cow<'_, [u8]>`, the field is encoded and decoded as
/// a whole. This is faster than serde's derive, which encodes and decodes such a field byte by byte. The bytes in the
/// frame are the same.
///
/// A type with a lifetime parameter `'a` also implements `WireMessageBorrowed`, whose `decode_borrowed` lets fields of
/// the types `Cow<'a, str>` and `Cow<'a, [u8]>` borrow from the frame. If the version of the frame is one of the
/// `previous` type, all fields are copied.
///
/// A generic type is a message if the type parameters that its fields hold implement `Serialize` and
/// `DeserializeOwned`:
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
/// A field under a `#[cfg]` that does not hold is not part of the layout. Binaries that are built with and without the
/// field have different layouts, and must not share data.
///
/// # If the toolkit has another name
///
/// If the dependency is renamed or re-exported, give the path of the toolkit with `crate = path`:
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
