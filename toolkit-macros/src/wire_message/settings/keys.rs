use syn::{Attribute, Ident};

use super::tokens::{self, Setting, Value};
use crate::errors::{Errors, and_list, did_you_mean};

/// The keys that a `#[wire(..)]` may have on a type, on a variant, or on a field. Implemented by one enum
/// for each of the three.
pub(super) trait Key: Copy + PartialEq + 'static {
    /// The word for what has the attribute, for error messages: type, variant or field.
    const TARGET: &'static str;
    /// A possible setting, for error messages.
    const EXAMPLE: &'static str;
    const ALL: &'static [Self];

    fn name(self) -> &'static str;

    /// Returns whether the value after the `=` is a type. All other values are parsed as expressions, but a type such
    /// as `Old<T>` does not parse as an expression.
    fn takes_type(self) -> bool;
}

/// Declares the keys of a type, a variant or a field. `: type` marks a key whose value is a type.
macro_rules! keys {
    (
        $(#[$doc:meta])*
        $Keys:ident on a $target:literal, such as $example:literal:
        $($(#[$key_doc:meta])* $Variant:ident = $name:literal $(: $takes:tt)?,)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(super) enum $Keys {
            $($(#[$key_doc])* $Variant,)*
        }

        impl Key for $Keys {
            const TARGET: &'static str = $target;
            const EXAMPLE: &'static str = $example;
            const ALL: &'static [Self] = &[$(Self::$Variant),*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)*
                }
            }

            fn takes_type(self) -> bool {
                match self {
                    $(Self::$Variant => keys!(@takes_type $($takes)?),)*
                }
            }
        }
    };
    (@takes_type) => { false };
    (@takes_type type) => { true };
}

keys! {
    TypeKey on a "type", such as "version = 1":
    Version = "version",
    MinVersion = "min_version",
    Serde = "serde",
    Layout = "layout",
    Previous = "previous": type,
    Crate = "crate",
}

keys! {
    VariantKey on a "variant", such as "since = 2":
    Since = "since",
}

keys! {
    FieldKey on a "field", such as "since = 2":
    Since = "since",
    Default = "default",
    Lossy = "lossy",
}

/// Returns the settings in `attrs` with their keys, each key at most once. Reports unknown and duplicate keys.
///
/// A misspelt key counts as the known key with a similar name. Otherwise the known key would also be reported as
/// missing.
pub(super) fn known<K: Key>(attrs: &[Attribute], errors: &mut Errors) -> Vec<(K, Setting)> {
    let takes_type = |written: &Ident| named::<K>(&written.to_string()).is_some_and(K::takes_type);
    let mut known: Vec<(K, Setting)> = Vec::new();
    for mut setting in tokens::settings(attrs, K::EXAMPLE, takes_type, errors) {
        let written = setting.key.to_string();
        let meant = match named::<K>(&written) {
            Some(key) => key,
            None => {
                let Some(similar) = refuse_unknown::<K>(&setting.key, errors) else {
                    continue;
                };
                // The key is already reported. Do not also report its value.
                setting.value = Value::Broken;
                similar
            }
        };
        if let Some((_, first)) = known.iter().find(|(other, _)| *other == meant) {
            let name = meant.name();
            errors.push(
                &setting.key,
                format!("`{name}` is given twice\nhelp: keep one of the two"),
            );
            errors.push(&first.key, format!("`{name}` is first given here"));
            continue;
        }
        known.push((meant, setting));
    }
    known
}

/// Reports a key that `K` does not have, and returns the key of `K` with a similar name, if there is one. Returns
/// `None` for a key of another target, which is not misspelt but misplaced.
fn refuse_unknown<K: Key>(key: &Ident, errors: &mut Errors) -> Option<K> {
    let written = key.to_string();
    let here = K::TARGET;
    let elsewhere: Vec<&str> = [
        target_of::<TypeKey>(&written),
        target_of::<VariantKey>(&written),
        target_of::<FieldKey>(&written),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !elsewhere.is_empty() {
        let there = elsewhere.join(" or a ");
        errors.push(
            key,
            format!("a {here} has no `{written}`\nhelp: write it in a `#[wire(..)]` on the {there}"),
        );
        return None;
    }
    let names = || K::ALL.iter().map(|key| key.name());
    let similar = did_you_mean(&written, names());
    let help = match similar {
        Some(similar) => format!("help: did you mean `{similar}`?\n"),
        None => String::new(),
    };
    let all = and_list(names());
    errors.push(
        key,
        format!("there is no setting `{written}`\n{help}note: the settings of a {here} are {all}"),
    );
    similar.and_then(named)
}

fn named<K: Key>(name: &str) -> Option<K> {
    K::ALL.iter().copied().find(|key| key.name() == name)
}

/// Returns the target of `K`, if `K` has a key of this name.
fn target_of<K: Key>(name: &str) -> Option<&'static str> {
    named::<K>(name).map(|_| K::TARGET)
}
