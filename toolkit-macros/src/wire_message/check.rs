use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Generics, Ident, Index, Lit, Member, Path, Type, parse_quote,
};

use super::parse::{self, Setting, Value};
use crate::errors::{Errors, and_list, did_you_mean};

/// A type whose frame is known.
pub(super) struct Message<'a> {
    pub(super) name: &'a Ident,
    pub(super) generics: &'a Generics,
    pub(super) krate: Path,
    pub(super) version: u8,
    pub(super) layout: Layout<'a>,
}

pub(super) enum Layout<'a> {
    Struct(Vec<Field<'a>>),
    Enum(Vec<Variant<'a>>),
    /// Nothing that could be encoded, which is reported.
    Refused,
}

pub(super) struct Variant<'a> {
    pub(super) name: &'a Ident,
    pub(super) fields: Vec<Field<'a>>,
}

pub(super) struct Field<'a> {
    pub(super) member: Member,
    pub(super) ty: &'a Type,
}

/// The settings of a type.
const KEYS: [&str; 2] = ["version", "crate"];

pub(super) fn message<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Message<'a> {
    let name = &input.ident;
    let layout = match &input.data {
        Data::Struct(data) => Layout::Struct(fields(&data.fields, name, errors)),
        Data::Enum(data) => Layout::Enum(
            data.variants
                .iter()
                .map(|variant| {
                    refuse_settings(&variant.attrs, "variant", name, errors);
                    Variant {
                        name: &variant.ident,
                        fields: fields(&variant.fields, name, errors),
                    }
                })
                .collect(),
        ),
        Data::Union(data) => {
            errors.push(
                data.union_token,
                "a union cannot be a wire message, because nothing says which field it holds\nhelp: make it an enum",
            );
            Layout::Refused
        }
    };

    let layout = if has_borrowed_field(&input.data, errors) {
        Layout::Refused
    } else {
        layout
    };

    let mut settings: Vec<Setting> = Vec::new();
    for setting in parse::settings(&input.attrs, errors) {
        if let Some(first) = settings.iter().find(|first| first.key == setting.key) {
            let key = &setting.key;
            errors.push(key, format!("`{key}` is given twice\nhelp: keep one of the two"));
            errors.push(&first.key, format!("`{key}` is first given here"));
            continue;
        }
        settings.push(setting);
    }

    // What stands in for a missing or wrong setting is refused along with it.
    let mut version = None;
    let mut krate = None;
    for Setting { key, value } in &settings {
        if key == "version" {
            version = Some(version_number(key, value, errors).unwrap_or(1));
        } else if key == "crate" {
            krate = crate_path(key, value, errors);
        } else {
            unknown_setting(key, errors);
            if did_you_mean(&key.to_string(), KEYS) == Some("version") {
                version = Some(1);
            }
        }
    }
    if version.is_none() {
        errors.push(
            name,
            "the version of the frame is missing\nhelp: add `#[wire(version = 1)]`",
        );
    }
    Message {
        name,
        generics: &input.generics,
        krate: krate.unwrap_or_else(|| parse_quote!(::openraft_toolkit)),
        version: version.unwrap_or(1),
        layout,
    }
}

fn fields<'a>(fields: &'a Fields, name: &Ident, errors: &mut Errors) -> Vec<Field<'a>> {
    (0..)
        .zip(fields)
        .map(|(index, field)| {
            refuse_settings(&field.attrs, "field", name, errors);
            let member = match &field.ident {
                Some(name) => Member::Named(name.clone()),
                None => Member::Unnamed(Index {
                    index,
                    span: Span::call_site(),
                }),
            };
            Field { member, ty: &field.ty }
        })
        .collect()
}

fn has_borrowed_field(data: &Data, errors: &mut Errors) -> bool {
    let fields: Vec<&syn::Field> = match data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let mut found = false;
    for ty in fields.iter().map(|field| &field.ty) {
        if matches!(ty, Type::Reference(_)) {
            found = true;
            errors.push(ty, "a reference cannot be decoded, because a message owns what it holds\nhelp: use an owned type such as `String`, or `Cow`");
        }
    }
    found
}

fn refuse_settings(attrs: &[Attribute], place: &str, name: &Ident, errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| parse::is_wire(attr)) {
        let name = name.unraw();
        errors.push(
            attr,
            format!("a {place} takes no `#[wire(..)]`\nhelp: `version` and `crate` belong above `{name}`"),
        );
    }
}

fn unknown_setting(key: &Ident, errors: &mut Errors) {
    let help = match did_you_mean(&key.to_string(), KEYS) {
        Some(similar) => format!("help: did you mean `{similar}`?\n"),
        None => String::new(),
    };
    errors.push(
        key,
        format!(
            "there is no setting `{key}`\n{help}note: the settings of a type are {}",
            and_list(KEYS)
        ),
    );
}

fn version_number(key: &Ident, value: &Value, errors: &mut Errors) -> Option<u8> {
    const HELP: &str = "help: write a number from 1 to 255, as in `version = 1`";
    match value {
        Value::Expr(Expr::Lit(ExprLit {
            lit: Lit::Int(number), ..
        })) => match number.base10_parse::<u8>() {
            Ok(0) => errors.push(number, format!("there is no version 0\n{HELP}")),
            Ok(version) => return Some(version),
            Err(_) => errors.push(
                number,
                format!(
                    "version {} does not fit in the version byte\n{HELP}",
                    number.base10_digits()
                ),
            ),
        },
        Value::Expr(other) => errors.push(other, format!("the version must be an integer literal\n{HELP}")),
        Value::None => errors.push(key, format!("the version has no number\n{HELP}")),
        Value::List => errors.push(key, format!("the version follows a `=`\n{HELP}")),
        Value::Broken => {}
    }
    None
}

fn crate_path(key: &Ident, value: &Value, errors: &mut Errors) -> Option<Path> {
    const HELP: &str = "help: write the path of openraft-toolkit, as in `crate = ::toolkit`";
    match value {
        Value::Expr(Expr::Path(path)) if path.qself.is_none() && path.attrs.is_empty() => {
            return Some(path.path.clone());
        }
        Value::Expr(other) => errors.push(other, format!("`crate` must be a path\n{HELP}")),
        Value::None | Value::List => errors.push(key, format!("`crate` has no path\n{HELP}")),
        Value::Broken => {}
    }
    None
}
