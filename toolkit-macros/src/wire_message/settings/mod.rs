//! Parses the settings in the `#[wire(..)]` of a type, a variant and a field.
//!
//! To add a setting, first add its key to `keys.rs`. rustc then reports a missing `match` arm in this file. Add the
//! arm, which sets a field of the settings. If the value is of a new kind, add a function for it to `values.rs`. Then
//! extend `check.rs`, one folder up, to put the setting into the tree of `ast.rs`. If the setting changes the bytes,
//! extend the hash in `pins.rs`.
//!
//! - `tokens.rs` splits `#[wire(..)]` into keys and values.
//! - `keys.rs` lists the keys of a type, a variant and a field, and refuses unknown and duplicate keys.
//! - `values.rs` turns the tokens of a value into a number, a path, a type or a list of pins.

mod keys;
mod tokens;
mod values;

use syn::{Attribute, Ident, Path};

use self::keys::{FieldKey, TypeKey, VariantKey};
use self::tokens::Setting;
pub(super) use self::values::{Keyed, Pin, Pins, Reported, VersionNumber};
use super::ast::{FieldDefault, Previous};
use crate::errors::Errors;

/// The settings of a type.
#[derive(Default)]
pub(super) struct TypeSettings {
    pub(super) version: Option<Result<VersionNumber, Reported>>,
    pub(super) min_version: Option<Result<VersionNumber, Reported>>,
    pub(super) serde: bool,
    pub(super) layout: Option<Pins>,
    pub(super) previous: Option<Keyed<Previous>>,
    pub(super) krate: Option<Path>,
}

/// The settings of a variant.
#[derive(Default)]
pub(super) struct VariantSettings {
    pub(super) since: Option<Result<VersionNumber, Reported>>,
}

/// The settings of a field.
#[derive(Default)]
pub(super) struct FieldSettings {
    pub(super) since: Option<Result<VersionNumber, Reported>>,
    pub(super) default: Option<Keyed<FieldDefault>>,
    /// The key `lossy`.
    pub(super) lossy: Option<Ident>,
}

pub(super) fn of_type(attrs: &[Attribute], errors: &mut Errors) -> TypeSettings {
    let mut settings = TypeSettings::default();
    for (meant, Setting { key, value }) in keys::known::<TypeKey>(attrs, errors) {
        match meant {
            TypeKey::Version => settings.version = Some(values::version(&key, value, errors)),
            TypeKey::MinVersion => settings.min_version = Some(values::version(&key, value, errors)),
            TypeKey::Serde => {
                values::flag(&key, &value, errors);
                settings.serde = true;
            }
            TypeKey::Layout => settings.layout = values::pins(key, value, errors),
            TypeKey::Previous => settings.previous = values::previous(key, value, errors),
            TypeKey::Crate => settings.krate = values::krate(&key, value, errors),
        }
    }
    settings
}

pub(super) fn of_variant(attrs: &[Attribute], errors: &mut Errors) -> VariantSettings {
    let mut settings = VariantSettings::default();
    for (meant, Setting { key, value }) in keys::known::<VariantKey>(attrs, errors) {
        match meant {
            VariantKey::Since => settings.since = Some(values::version(&key, value, errors)),
        }
    }
    settings
}

pub(super) fn of_field(attrs: &[Attribute], errors: &mut Errors) -> FieldSettings {
    let mut settings = FieldSettings::default();
    for (meant, Setting { key, value }) in keys::known::<FieldKey>(attrs, errors) {
        match meant {
            FieldKey::Since => settings.since = Some(values::version(&key, value, errors)),
            FieldKey::Default => settings.default = Some(values::default(key, value, errors)),
            FieldKey::Lossy => {
                values::flag(&key, &value, errors);
                settings.lossy = Some(key);
            }
        }
    }
    settings
}
