//! Traits with one implementation each, for every type that has the trait which they stand for.
//!
//! Generated code asks for these traits in place of `From`, `TryFrom`, `Default` and `PartialEq`. What a
//! user's type lacks is then reported in the words below instead of rustc's, and says which setting asks for
//! it.

/// `From`, for `previous = Old`: the message is made from the type of its older versions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from `{Old}`, which its older versions are decoded as",
    label = "write `impl From<{Old}> for {Self}`"
)]
pub trait Upgraded<Old>: From<Old> {}

#[diagnostic::do_not_recommend]
impl<T: From<Old>, Old> Upgraded<Old> for T {}

/// `TryFrom`, for `previous(Old, downgrade)`: `Old` is made from the message.
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

/// `Default`, for a field with `since` and without `default = path`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default value for the versions that lack this field",
    label = "does not implement `Default`",
    note = "implement `Default` for `{Self}`, or write `default = path` beside `since`"
)]
pub trait Defaulted: Default {}

#[diagnostic::do_not_recommend]
impl<T: Default> Defaulted for T {}

/// Returns the value that the field has where it is missing.
#[inline]
pub fn default_of<T: Defaulted>() -> T {
    T::default()
}

/// `PartialEq`, for a field with `since` and without `lossy`: an older version leaves the field out only if it
/// equals its default.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared with its default, and an older version may leave out only a field that equals it",
    label = "does not implement `PartialEq`",
    note = "implement `PartialEq` for `{Self}`, or write `lossy` beside `since` to leave out any value"
)]
pub trait Comparable: PartialEq {}

#[diagnostic::do_not_recommend]
impl<T: PartialEq> Comparable for T {}

/// Returns whether a field equals its default.
#[inline]
pub fn is_default<T: Comparable>(field: &T, default: T) -> bool {
    *field == default
}
