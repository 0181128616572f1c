//! The settings of a type, a variant and a field, each value of the right kind.

use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, ExprLit, ExprPath, Ident, Lit, LitInt, LitStr, Path, Token, Type};

use super::parse::{self, PREVIOUS_HELP, Setting, Value};
use crate::errors::{Errors, and_list, did_you_mean};

/// What `#[wire(..)]` says above a type.
pub(super) struct TypeSettings {
    /// `Some` wherever one is given, so that a wrong one is not missing too.
    pub(super) version: Option<Given>,
    pub(super) min_version: Option<Given>,
    pub(super) serde: bool,
    pub(super) layout: Option<Pins>,
    pub(super) previous: Option<Previous>,
    pub(super) krate: Option<Path>,
}

/// What `#[wire(..)]` says on a field; on a variant, `since` alone.
#[derive(Default)]
pub(super) struct FieldSettings {
    pub(super) since: Option<Given>,
    pub(super) default: Option<(Ident, DefaultValue)>,
    pub(super) lossy: Option<Ident>,
}

/// A number and where it stands; `None` where it is wrong, which is reported.
pub(super) struct Given(pub(super) Option<(u8, LitInt)>);

pub(super) enum DefaultValue {
    /// `default = path`
    Path(ExprPath),
    /// It is wrong, which is reported.
    Refused,
}

/// `layout(1 = "..", ..)`
pub(super) struct Pins {
    pub(super) key: Ident,
    pub(super) pins: Vec<Pin>,
}

pub(super) struct Pin {
    pub(super) version: u8,
    pub(super) number: LitInt,
    pub(super) hash: LitStr,
}

/// `previous = Type` or `previous(Type, downgrade)`
pub(super) struct Previous {
    pub(super) key: Ident,
    pub(super) ty: Type,
    pub(super) downgrade: bool,
}

/// Where a `#[wire(..)]` stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Type,
    Variant,
    Field,
}

impl Place {
    const ALL: [Place; 3] = [Place::Type, Place::Variant, Place::Field];

    fn keys(self) -> &'static [&'static str] {
        match self {
            Place::Type => &["version", "min_version", "serde", "layout", "previous", "crate"],
            Place::Variant => &["since"],
            Place::Field => &["since", "default", "lossy"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Place::Type => "type",
            Place::Variant => "variant",
            Place::Field => "field",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Place::Type => "version = 1",
            Place::Variant | Place::Field => "since = 2",
        }
    }
}

pub(super) fn of_type(attrs: &[Attribute], errors: &mut Errors) -> TypeSettings {
    let mut all = TypeSettings {
        version: None,
        min_version: None,
        serde: false,
        layout: None,
        previous: None,
        krate: None,
    };
    for (name, Setting { key, value }) in known(attrs, Place::Type, errors) {
        match name {
            "version" => all.version = Some(number(&key, value, errors)),
            "min_version" => all.min_version = Some(number(&key, value, errors)),
            "serde" => all.serde = flag(&key, &value, errors),
            "layout" => all.layout = pins(key, value, errors),
            "previous" => all.previous = previous(key, value, errors),
            _ => all.krate = krate(&key, value, errors),
        }
    }
    all
}

/// The settings of a variant or a field.
pub(super) fn of_member(attrs: &[Attribute], place: Place, errors: &mut Errors) -> FieldSettings {
    let mut all = FieldSettings::default();
    for (name, Setting { key, value }) in known(attrs, place, errors) {
        match name {
            "since" => all.since = Some(number(&key, value, errors)),
            "default" => {
                let default = default_value(&key, value, errors);
                all.default = Some((key, default));
            }
            _ => {
                flag(&key, &value, errors);
                all.lossy = Some(key);
            }
        }
    }
    all
}

/// The settings that `place` has, each once, with the name that is meant: a misspelt one counts as the
/// one that it is close to, so that this is not reported as missing too.
fn known(attrs: &[Attribute], place: Place, errors: &mut Errors) -> Vec<(&'static str, Setting)> {
    let mut known: Vec<(&'static str, Setting)> = Vec::new();
    for mut setting in parse::settings(attrs, place.example(), errors) {
        let written = setting.key.to_string();
        let name = match place.keys().iter().find(|name| **name == written) {
            Some(name) => *name,
            None => {
                let Some(meant) = unknown(&setting.key, place, errors) else {
                    continue;
                };
                setting.value = Value::Broken;
                meant
            }
        };
        if let Some((_, first)) = known.iter().find(|(other, _)| *other == name) {
            errors.push(
                &setting.key,
                format!("`{name}` is given twice\nhelp: keep one of the two"),
            );
            errors.push(&first.key, format!("`{name}` is first given here"));
            continue;
        }
        known.push((name, setting));
    }
    known
}

fn unknown(key: &Ident, place: Place, errors: &mut Errors) -> Option<&'static str> {
    let written = key.to_string();
    let places: Vec<&str> = Place::ALL
        .iter()
        .filter(|other| other.keys().contains(&&*written))
        .map(|other| other.name())
        .collect();
    let here = place.name();
    if !places.is_empty() {
        let there = places.join(" or a ");
        errors.push(
            key,
            format!("a {here} has no `{written}`\nhelp: write it in a `#[wire(..)]` on the {there}"),
        );
        return None;
    }
    let similar = did_you_mean(&written, place.keys().iter().copied());
    let help = match similar {
        Some(similar) => format!("help: did you mean `{similar}`?\n"),
        None => String::new(),
    };
    let all = and_list(place.keys().iter().copied());
    errors.push(
        key,
        format!("there is no setting `{written}`\n{help}note: the settings of a {here} are {all}"),
    );
    similar.and_then(|similar| place.keys().iter().copied().find(|name| *name == similar))
}

fn number(key: &Ident, value: Value, errors: &mut Errors) -> Given {
    let help = format!("help: write a number from 1 to 255, as in `{key} = 2`");
    Given(match value {
        Value::Expr(Expr::Lit(ExprLit {
            lit: Lit::Int(literal), ..
        })) => byte(literal, &help, errors),
        Value::Expr(other) => {
            errors.push(other, format!("`{key}` must be an integer literal\n{help}"));
            None
        }
        Value::None => {
            errors.push(key, format!("`{key}` has no number\n{help}"));
            None
        }
        Value::List(_) | Value::Type(_) => {
            errors.push(key, format!("the number of `{key}` follows a `=`\n{help}"));
            None
        }
        Value::Broken => None,
    })
}

fn byte(literal: LitInt, help: &str, errors: &mut Errors) -> Option<(u8, LitInt)> {
    match literal.base10_parse::<u8>() {
        Ok(0) => errors.push(&literal, format!("there is no version 0\n{help}")),
        Ok(number) => return Some((number, literal)),
        Err(_) => {
            let digits = literal.base10_digits();
            errors.push(
                &literal,
                format!("version {digits} does not fit in the version byte\n{help}"),
            );
        }
    }
    None
}

fn flag(key: &Ident, value: &Value, errors: &mut Errors) -> bool {
    match value {
        Value::None | Value::Broken => {}
        Value::Expr(_) | Value::Type(_) | Value::List(_) => {
            errors.push(key, format!("`{key}` takes no value\nhelp: write `{key}` alone"));
        }
    }
    true
}

fn default_value(key: &Ident, value: Value, errors: &mut Errors) -> DefaultValue {
    const HELP: &str = "help: write the path of a function without parameters, as in `default = Priority::normal`";
    match value {
        Value::Expr(Expr::Path(path)) => return DefaultValue::Path(path),
        Value::Expr(other) => errors.push(other, format!("`default` must be a path\n{HELP}")),
        Value::None => errors.push(
            key,
            "`default` has no path\nhelp: leave it out to use the `Default` of the field's type",
        ),
        Value::List(_) | Value::Type(_) => errors.push(key, format!("the path of `default` follows a `=`\n{HELP}")),
        Value::Broken => {}
    }
    DefaultValue::Refused
}

fn krate(key: &Ident, value: Value, errors: &mut Errors) -> Option<Path> {
    const HELP: &str = "help: write the path of openraft-toolkit, as in `crate = ::toolkit`";
    match value {
        Value::Expr(Expr::Path(path)) if path.qself.is_none() && path.attrs.is_empty() => return Some(path.path),
        Value::Expr(other) => errors.push(other, format!("`crate` must be a path\n{HELP}")),
        Value::None | Value::List(_) | Value::Type(_) => errors.push(key, format!("`crate` has no path\n{HELP}")),
        Value::Broken => {}
    }
    None
}

fn previous(key: Ident, value: Value, errors: &mut Errors) -> Option<Previous> {
    match value {
        Value::Type(ty) => {
            return Some(Previous {
                key,
                ty,
                downgrade: false,
            });
        }
        Value::List(tokens) if !tokens.is_empty() => {
            let parser = |input: ParseStream<'_>| {
                let ty = parse::previous_type(input)?;
                parse::end_item(input, "the type")?;
                let mut downgrade = false;
                if !input.is_empty() {
                    let expected = input.error(format!("expected `downgrade`\n{PREVIOUS_HELP}"));
                    downgrade = input.parse::<Ident>().is_ok_and(|word| word == "downgrade");
                    if !downgrade {
                        return Err(expected);
                    }
                    parse::end_item(input, "`downgrade`")?;
                }
                Ok((ty, downgrade))
            };
            match parser.parse2(tokens) {
                Ok((ty, downgrade)) => return Some(Previous { key, ty, downgrade }),
                Err(error) => errors.push_error(error),
            }
        }
        Value::None | Value::List(_) | Value::Expr(_) => {
            errors.push(key, format!("`previous` has no type\n{PREVIOUS_HELP}"))
        }
        Value::Broken => {}
    }
    None
}

fn pins(key: Ident, value: Value, errors: &mut Errors) -> Option<Pins> {
    const HELP: &str = "help: write `layout(1 = \"\")`, and the error that follows says what to pin";
    let tokens = match value {
        Value::List(tokens) => tokens,
        Value::Broken => return None,
        Value::None | Value::Expr(_) | Value::Type(_) => {
            errors.push(&key, format!("`layout` lists one hash a version\n{HELP}"));
            return None;
        }
    };
    let mut pins: Vec<Pin> = Vec::new();
    parse::list_of(tokens, errors, |input, errors| {
        let expected = input.error(format!("expected `1 = \"..\"`\n{HELP}"));
        let (number, hash) = pin(input).map_err(|_| expected)?;
        parse::end_item(input, "the hash")?;
        let Some((version, number)) = byte(number, HELP, errors) else {
            return Ok(());
        };
        if let Some(first) = pins.iter().find(|first| first.version == version) {
            errors.push(
                &number,
                format!("version {version} is pinned twice\nhelp: keep one of the two"),
            );
            errors.push(&first.number, format!("version {version} is first pinned here"));
        } else {
            pins.push(Pin { version, number, hash });
        }
        Ok(())
    });
    Some(Pins { key, pins })
}

fn pin(input: ParseStream<'_>) -> syn::Result<(LitInt, LitStr)> {
    let number = input.parse()?;
    input.parse::<Token![=]>()?;
    Ok((number, input.parse()?))
}
