//! The versions that are read and written as a type's previous type: `previous = Old` and
//! `previous(Old, downgrade)`.
//!
//! These versions are below those of the type's own layout, and their bodies are bodies of `Old`. Decoding converts
//! `Old` to the message with `From`. With `downgrade`, encoding converts the message to `Old` with `TryFrom`. `Old` may
//! itself have a previous type.

use serde::Deserializer;
use serde::ser::{Error as _, Serializer};

use super::body::Body;
use super::diagnostics::{Downgraded, Upgraded};
use super::serde_form::SerdeForm;
use crate::codec::error::CodecError;

/// Returns whether `T` reads `version` as its previous type.
pub fn is_previous_version<T: Body>(version: u8) -> bool {
    (T::MIN_VERSION..T::OLDEST_OWN).contains(&version)
}

/// Returns whether `T`, which has a `downgrade`, writes `version` as its previous type.
pub fn is_written_as_previous<T: Body>(version: u8) -> bool {
    (T::OLDEST_WRITABLE..T::OLDEST_OWN).contains(&version)
}

/// Returns whether `T` reads this frame as its previous type.
pub fn is_previous_frame<T: Body>(frame: &[u8]) -> bool {
    frame.first().is_some_and(|version| is_previous_version::<T>(*version))
}

/// Converts a decoded value of the previous type to the message.
pub fn upgrade<T: Upgraded<Old>, Old>(previous: Old) -> T {
    T::from(previous)
}

/// Converts `message` to its previous type, for writing at `version`. Fails with [`CodecError::NotRepresentable`] if
/// the user's `TryFrom` fails.
pub fn downgrade<'m, T: Body, Old: Downgraded<&'m T>>(message: &'m T, version: u8) -> Result<Old, CodecError> {
    Old::try_from(message).map_err(|error| CodecError::NotRepresentable {
        version,
        what: T::NAME,
        source: Some(error.into()),
    })
}

/// Implements [`SerdeForm::ensure_writable_at`] for a version of the previous type.
pub fn ensure_previous_writable_at<'m, T: Body, Old: SerdeForm + Downgraded<&'m T>>(
    message: &'m T,
    version: u8,
) -> Result<(), CodecError> {
    downgrade::<T, Old>(message, version)?.ensure_writable_at(version)
}

/// Implements [`SerdeForm::serialize_at`] for a version of the previous type.
pub fn serialize_previous<'m, T: Body, Old: SerdeForm + Downgraded<&'m T>, S: Serializer>(
    message: &'m T,
    version: u8,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    downgrade::<T, Old>(message, version)
        .map_err(S::Error::custom)?
        .serialize_at(version, serializer)
}

/// Implements [`SerdeForm::deserialize_at`] for a version of the previous type.
pub fn deserialize_previous<'de, T: Upgraded<Old>, Old: SerdeForm, D: Deserializer<'de>>(
    version: u8,
    deserializer: D,
) -> Result<T, D::Error> {
    Old::deserialize_at(version, deserializer).map(upgrade)
}
