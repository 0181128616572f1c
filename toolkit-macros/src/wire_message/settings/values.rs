use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitInt, LitStr, Path, Token};

use super::tokens::{Value, end_item, list_of};
use crate::errors::Errors;
use crate::wire_message::ast::{FieldDefault, Previous};

/// The value of a setting is wrong, and the error is already in `Errors`. Checks that need the value are skipped.
pub(in crate::wire_message) struct Reported;

/// A value with its key. Later checks report mistakes in the value at the key.
pub(in crate::wire_message) struct Keyed<T> {
    pub(in crate::wire_message) key: Ident,
    pub(in crate::wire_message) value: T,
}

/// A version as the user wrote it.
pub(in crate::wire_message) struct VersionNumber {
    pub(in crate::wire_message) version: u8,
    pub(in crate::wire_message) literal: LitInt,
}

/// `layout(1 = "..", ..)`
pub(in crate::wire_message) struct Pins {
    pub(in crate::wire_message) key: Ident,
    pub(in crate::wire_message) pins: Vec<Pin>,
}

/// `1 = ".."`
pub(in crate::wire_message) struct Pin {
    pub(in crate::wire_message) number: VersionNumber,
    pub(in crate::wire_message) hash: LitStr,
}

/// Parses the value of `key = 2`.
pub(super) fn version(key: &Ident, value: Value, errors: &mut Errors) -> Result<VersionNumber, Reported> {
    let help = format!("help: write a number from 1 to 255, as in `{key} = 2`");
    match value {
        Value::Expr(Expr::Lit(ExprLit {
            lit: Lit::Int(literal), ..
        })) => return version_number(literal, &help, errors),
        Value::Expr(other) => errors.push(other, format!("`{key}` must be an integer literal\n{help}")),
        Value::None => errors.push(key, format!("`{key}` has no number\n{help}")),
        Value::List(_) | Value::Type(_) => errors.push(key, format!("the number of `{key}` must follow a `=`\n{help}")),
        Value::Broken => {}
    }
    Err(Reported)
}

fn version_number(literal: LitInt, help: &str, errors: &mut Errors) -> Result<VersionNumber, Reported> {
    match literal.base10_parse::<u8>() {
        Ok(0) => errors.push(&literal, format!("there is no version 0\n{help}")),
        Ok(version) => return Ok(VersionNumber { version, literal }),
        Err(_) => {
            let digits = literal.base10_digits();
            errors.push(
                &literal,
                format!("version {digits} does not fit in the version byte\n{help}"),
            );
        }
    }
    Err(Reported)
}

/// Checks that `key` has no value.
pub(super) fn flag(key: &Ident, value: &Value, errors: &mut Errors) {
    match value {
        Value::None | Value::Broken => {}
        Value::Expr(_) | Value::Type(_) | Value::List(_) => {
            errors.push(key, format!("`{key}` takes no value\nhelp: write `{key}` alone"));
        }
    }
}

/// Parses the value of `default = path`.
pub(super) fn default(key: Ident, value: Value, errors: &mut Errors) -> Keyed<FieldDefault> {
    const HELP: &str = "help: write the path of a function without parameters, as in `default = Priority::normal`";
    let default = match value {
        Value::Expr(Expr::Path(path)) => FieldDefault::Path(path),
        Value::Expr(other) => {
            errors.push(other, format!("`default` must be a path\n{HELP}"));
            FieldDefault::Refused
        }
        Value::None => {
            errors.push(
                &key,
                "`default` has no path\nhelp: leave `default` out to use the `Default` of the field's type",
            );
            FieldDefault::Refused
        }
        Value::List(_) | Value::Type(_) => {
            errors.push(&key, format!("the path of `default` must follow a `=`\n{HELP}"));
            FieldDefault::Refused
        }
        Value::Broken => FieldDefault::Refused,
    };
    Keyed { key, value: default }
}

/// Parses the value of `crate = path`.
pub(super) fn krate(key: &Ident, value: Value, errors: &mut Errors) -> Option<Path> {
    const HELP: &str = "help: write the path of openraft-toolkit, as in `crate = ::toolkit`";
    match value {
        Value::Expr(Expr::Path(path)) if path.qself.is_none() && path.attrs.is_empty() => return Some(path.path),
        Value::Expr(other) => errors.push(other, format!("`crate` must be a path\n{HELP}")),
        Value::None | Value::List(_) | Value::Type(_) => errors.push(key, format!("`crate` has no path\n{HELP}")),
        Value::Broken => {}
    }
    None
}

const PREVIOUS_HELP: &str = "help: write `previous = OldType`, or `previous(OldType, downgrade)`";

/// Parses the value of `previous = Type` or `previous(Type, downgrade)`.
pub(super) fn previous(key: Ident, value: Value, errors: &mut Errors) -> Option<Keyed<Previous>> {
    let previous = match value {
        Value::Type(ty) => Some(Previous { ty, downgrade: false }),
        Value::List(tokens) if !tokens.is_empty() => match previous_list.parse2(tokens) {
            Ok(previous) => Some(previous),
            Err(error) => {
                errors.push_error(error);
                None
            }
        },
        Value::None | Value::List(_) | Value::Expr(_) => {
            errors.push(&key, format!("`previous` has no type\n{PREVIOUS_HELP}"));
            None
        }
        Value::Broken => None,
    };
    previous.map(|value| Keyed { key, value })
}

/// Parses `Type` or `Type, downgrade`.
fn previous_list(input: ParseStream<'_>) -> syn::Result<Previous> {
    let expected = input.error(format!("expected the previous type\n{PREVIOUS_HELP}"));
    let ty = input.parse().map_err(|_| expected)?;
    end_item(input, "the type")?;
    let downgrade = !input.is_empty();
    if downgrade {
        let expected = input.error(format!("expected `downgrade`\n{PREVIOUS_HELP}"));
        if !input.parse::<Ident>().is_ok_and(|word| word == "downgrade") {
            return Err(expected);
        }
        end_item(input, "`downgrade`")?;
    }
    Ok(Previous { ty, downgrade })
}

/// Parses the list of `layout(1 = "..", ..)`.
pub(super) fn pins(key: Ident, value: Value, errors: &mut Errors) -> Option<Pins> {
    match value {
        Value::List(tokens) => {
            let pins = pin_list(tokens, errors);
            Some(Pins { key, pins })
        }
        Value::None | Value::Expr(_) | Value::Type(_) => {
            errors.push(
                &key,
                format!("`layout` must be a list with one hash for each version\n{PINS_HELP}"),
            );
            None
        }
        Value::Broken => None,
    }
}

const PINS_HELP: &str = "help: write `layout(1 = \"\")`, and the error that follows says what to pin";

fn pin_list(tokens: TokenStream, errors: &mut Errors) -> Vec<Pin> {
    let mut pins: Vec<Pin> = Vec::new();
    list_of(tokens, errors, |input, errors| {
        let expected = input.error(format!("expected `1 = \"..\"`\n{PINS_HELP}"));
        let (literal, hash) = pin(input).map_err(|_| expected)?;
        end_item(input, "the hash")?;
        let Ok(number) = version_number(literal, PINS_HELP, errors) else {
            return Ok(());
        };
        let VersionNumber { version, literal } = &number;
        if let Some(first) = pins.iter().find(|first| first.number.version == *version) {
            errors.push(
                literal,
                format!("version {version} is pinned twice\nhelp: keep one of the two"),
            );
            errors.push(&first.number.literal, format!("version {version} is first pinned here"));
        } else {
            pins.push(Pin { number, hash });
        }
        Ok(())
    });
    pins
}

fn pin(input: ParseStream<'_>) -> syn::Result<(LitInt, LitStr)> {
    let literal = input.parse()?;
    input.parse::<Token![=]>()?;
    Ok((literal, input.parse()?))
}
