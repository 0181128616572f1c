//! Traits that only improve rustc's error messages.
//!
//! Each trait here wraps one trait of the standard library: `From`, `TryFrom`, `Default` or `PartialEq`. Every type
//! that implements the wrapped trait implements the wrapper; [`Downgraded`] also has a condition on the error of the
//! `TryFrom`. Generated code requires the wrapper. If a user's type does not implement it, rustc prints the message of
//! the wrapper, which tells what to write, instead of rustc's own message.

/// Wraps `From`. A message with the `previous` type `Old` requires it, to convert decoded values of `Old` to the
/// message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from `{Old}`, which its older versions are decoded as",
    label = "write `impl From<{Old}> for {Self}`"
)]
pub trait Upgraded<Old>: From<Old> {}

#[diagnostic::do_not_recommend]
impl<T: From<Old>, Old> Upgraded<Old> for T {}

/// Wraps `TryFrom`, if its error converts to a boxed error, so that the error can be the source of
/// `CodecError::NotRepresentable`. `previous(Old, downgrade)` requires it of `Old`, to convert the message to `Old`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from `{Message}`, which `downgrade` asks for",
    label = "write `impl TryFrom<{Message}> for {Self}`, with an error that has `std::error::Error`"
)]
pub trait Downgraded<Message>: TryFrom<Message, Error: Into<Box<dyn std::error::Error + Send + Sync>>> {}

#[diagnostic::do_not_recommend]
impl<T, Message> Downgraded<Message> for T
where
    T: TryFrom<Message>,
    T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
}

/// Wraps `Default`. A field with `since` and without `default = path` requires it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default value for the versions that lack this field",
    label = "does not implement `Default`",
    note = "implement `Default` for `{Self}`, or write `default = path` beside `since`"
)]
pub trait Defaulted: Default {}

#[diagnostic::do_not_recommend]
impl<T: Default> Defaulted for T {}

/// Returns the value of a field at versions that lack the field.
#[inline]
pub fn default_of<T: Defaulted>() -> T {
    T::default()
}

/// Wraps `PartialEq`. A field with `since = N` and without `lossy` requires it: a version below `N` leaves out the
/// field only if the field equals its default.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared with its default, and an older version may leave out only a field that equals it",
    label = "does not implement `PartialEq`",
    note = "implement `PartialEq` for `{Self}`, or write `lossy` beside `since` to leave out any value"
)]
pub trait Comparable: PartialEq {}

#[diagnostic::do_not_recommend]
impl<T: PartialEq> Comparable for T {}
