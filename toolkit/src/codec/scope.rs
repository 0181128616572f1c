//! The scopes of a thread: at which version the messages inside a value are written. Serde passes no arguments down to
//! the messages, so they look up the innermost scope.

use std::cell::Cell;

use super::error::CodecError;

/// A scope of a thread. Messages look up the innermost scope when they are written in their serde form.
#[derive(Clone, Copy)]
struct Active {
    level: u8,
    /// Whether a message that does not fit the level is an error. It is an error in `WriteVersion::check`, and in
    /// `WireMessage::encode_at` outside of other scopes. Otherwise the message is written at a newer version.
    strict: bool,
}

thread_local! {
    static ACTIVE: Cell<Option<Active>> = const { Cell::new(None) };
    /// Why the innermost strict scope refused a message inside another message. Serde turns the error into text, but
    /// the caller must get the field or variant, and the error of a `downgrade`.
    static REFUSED: Cell<Option<CodecError>> = const { Cell::new(None) };
}

/// An open scope. Dropping the `Scope` closes it, even when a panic unwinds.
pub(super) struct Scope {
    outer: Option<Active>,
}

impl Scope {
    /// Opens a scope in which a message that does not fit `level` is written at a newer version.
    pub(super) fn lenient(level: u8) -> Self {
        Self::enter(Active { level, strict: false })
    }

    fn enter(active: Active) -> Self {
        Self {
            outer: ACTIVE.replace(Some(active)),
        }
    }

    /// Closes all scopes until the returned `Scope` is dropped.
    fn none() -> Self {
        Self { outer: ACTIVE.take() }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        ACTIVE.set(self.outer);
    }
}

/// Runs `encode` in a strict scope. If a message inside was refused, returns why.
pub(super) fn strictly<R>(level: u8, encode: impl FnOnce() -> Result<R, CodecError>) -> Result<R, CodecError> {
    let scope = Scope::enter(Active { level, strict: true });
    let of_outer = REFUSED.take();
    let encoded = encode();
    let refused = REFUSED.replace(of_outer);
    drop(scope);
    match (encoded, refused) {
        (Err(CodecError::Encode(_)), Some(refused)) => Err(refused),
        (encoded, _) => encoded,
    }
}

/// Runs `encode`, which writes the body of a message at `version`. In a scope, nothing else happens. Outside of scopes,
/// the messages inside the body are written at `version` as well, or refused.
#[inline]
pub(super) fn at_version<R>(version: u8, encode: impl FnOnce() -> Result<R, CodecError>) -> Result<R, CodecError> {
    if ACTIVE.get().is_some() {
        encode()
    } else {
        strictly(version, encode)
    }
}

/// Runs `encode`, which writes a message at its newest version. In a scope, nothing else happens. Outside of scopes,
/// the messages inside the message are written at their newest versions as well.
#[inline]
pub(super) fn at_newest<R>(encode: impl FnOnce() -> R) -> R {
    if ACTIVE.get().is_some() {
        return encode();
    }
    let _scope = Scope::lenient(u8::MAX);
    encode()
}

/// Runs `encode` as if no scope were open.
pub(super) fn outside_of_scopes<R>(encode: impl FnOnce() -> R) -> R {
    let _scope = Scope::none();
    encode()
}

/// Keeps why a strict scope refused a message, for [`strictly`].
#[cold]
pub(super) fn remember_refusal(error: CodecError) {
    // An unsupported version has no field to name, and its text says which type it is.
    if let CodecError::NotRepresentable { .. } = error {
        REFUSED.set(Some(error));
    }
}

/// Returns the version at which a message is written in its serde form.
///
/// The message can be written at the versions `oldest ..= newest`. `representable` returns an error if a version has no
/// place for something that the message holds.
///
/// Fails only in a strict scope, if the message cannot be written at the level.
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
    representable(version)?;
    Ok(version)
}
