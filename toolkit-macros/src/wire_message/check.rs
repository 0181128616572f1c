use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Ident, Index, Member, Meta, Token, parse_quote};

use super::ast::{Field, FieldDefault, Fields, Layout, Message, Shape, Since, Variant};
use super::pins;
use super::settings::{self, FieldSettings, TypeSettings};
use super::types::first_reference;
use super::versions::Versions;
use crate::errors::Errors;

pub(super) fn message<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Message<'a> {
    let settings = settings::of_type(&input.attrs, errors);
    let versions = Versions::of(&input.ident, &settings, errors);
    let layout = layout(input, &versions, errors);
    if let Some(pins) = &settings.layout {
        pins::verify(pins, &layout, &versions, errors);
    }
    let TypeSettings {
        previous, serde, krate, ..
    } = settings;
    Message {
        name: &input.ident,
        generics: &input.generics,
        krate: krate.unwrap_or_else(|| parse_quote!(::openraft_toolkit)),
        version: versions.newest_or_1(),
        oldest_own: versions.oldest_own(),
        previous: previous
            .filter(|previous| versions.leave_room_for(previous, errors))
            .map(|previous| previous.value),
        serde,
        layout,
    }
}

fn layout<'a>(input: &'a DeriveInput, versions: &Versions<'_>, errors: &mut Errors) -> Layout<'a> {
    let layout = match &input.data {
        Data::Struct(data) => Layout::Struct(fields(&data.fields, None, versions, errors)),
        Data::Enum(data) => Layout::Enum(variants(data, versions, errors)),
        Data::Union(data) => {
            errors.push(
                data.union_token,
                "a union cannot be a wire message, because nothing says which field it holds\nhelp: make it an enum",
            );
            Layout::Refused
        }
    };
    let packed = refuse_packed(&input.attrs, errors);
    let borrowed = refuse_references(&layout, errors);
    if packed || borrowed { Layout::Refused } else { layout }
}

fn variants<'a>(data: &'a syn::DataEnum, versions: &Versions<'_>, errors: &mut Errors) -> Vec<Variant<'a>> {
    let variants: Vec<Variant<'a>> = data
        .variants
        .iter()
        .map(|variant| {
            refuse_ignored_serde(&variant.attrs, errors);
            let since = settings::of_variant(&variant.attrs, errors).since;
            let since = since.and_then(|since| versions.since(&since, errors));
            let newer = since.map(|since| (&variant.ident, since));
            Variant {
                name: &variant.ident,
                since: since.unwrap_or_else(|| versions.oldest_own()),
                fields: fields(&variant.fields, newer, versions, errors),
            }
        })
        .collect();
    refuse_shifted_indices(&variants, errors);
    variants
}

/// Refuses a newer variant that comes before an older variant: adding the newer variant shifted the index of the older
/// variant.
fn refuse_shifted_indices(variants: &[Variant<'_>], errors: &mut Errors) {
    for (index, variant) in variants.iter().enumerate() {
        let last_older = variants
            .iter()
            .skip(index)
            .rev()
            .find(|other| other.since < variant.since);
        if let Some(older) = last_older {
            let (name, older) = (variant.name.unraw(), older.name.unraw());
            errors.push(
                variant.name,
                format!("`{name}` is newer than `{older}`, whose index it shifts\nhelp: move `{name}` behind `{older}`: new variants go to the end"),
            );
        }
    }
}

/// Checks the fields of a struct or variant. If the fields belong to a variant with a `since`, `newer_variant` is the
/// name and the `since` of this variant.
fn fields<'a>(
    fields: &'a syn::Fields,
    newer_variant: Option<(&Ident, u8)>,
    versions: &Versions<'_>,
    errors: &mut Errors,
) -> Fields<'a> {
    let list = (0..)
        .zip(fields)
        .map(|(index, field)| {
            refuse_ignored_serde(&field.attrs, errors);
            let settings = settings::of_field(&field.attrs, errors);
            let member = match &field.ident {
                Some(name) => Member::Named(name.clone()),
                None => Member::Unnamed(Index {
                    index,
                    span: Span::call_site(),
                }),
            };
            Field {
                member,
                ty: &field.ty,
                since: since(settings, newer_variant, versions, errors),
            }
        })
        .collect();
    Fields {
        shape: match fields {
            syn::Fields::Unit => Shape::Unit,
            syn::Fields::Unnamed(_) => Shape::Tuple,
            syn::Fields::Named(_) => Shape::Named,
        },
        list,
    }
}

fn since(
    FieldSettings { since, default, lossy }: FieldSettings,
    newer_variant: Option<(&Ident, u8)>,
    versions: &Versions<'_>,
    errors: &mut Errors,
) -> Option<Since> {
    let Some(number) = since else {
        let needs_since = default.iter().map(|default| &default.key).chain(&lossy);
        for key in needs_since {
            errors.push(
                key,
                format!("`{key}` is for versions that lack the field, but every version has it\nhelp: write `since` beside it, or leave `{key}` out"),
            );
        }
        return None;
    };
    let version = versions.since(&number, errors)?;
    if let Some((variant, variant_since)) = newer_variant
        && version <= variant_since
    {
        let (variant, literal) = (variant.unraw(), number.ok().map(|number| number.literal));
        errors.push(
            literal,
            format!(
                "every version that has `{variant}` has this field, because `{variant}` itself came with version {variant_since}\nhelp: leave `since` out"
            ),
        );
        return None;
    }
    Some(Since {
        version,
        default: default.map_or(FieldDefault::Trait, |default| default.value),
        lossy: lossy.is_some(),
    })
}

fn refuse_references(layout: &Layout<'_>, errors: &mut Errors) -> bool {
    let mut found = false;
    for reference in layout.fields().filter_map(|field| first_reference(field.ty)) {
        found = true;
        errors.push(
            reference,
            "a reference cannot be decoded, because a message owns what it holds\nhelp: use an owned type such as `String`, or `Cow`, which can borrow",
        );
    }
    found
}

/// The settings of serde that say what of a field or variant is serialized. The generated code does not follow them.
const IGNORED_SERDE: [&str; 8] = [
    "skip",
    "skip_serializing",
    "skip_deserializing",
    "skip_serializing_if",
    "with",
    "serialize_with",
    "deserialize_with",
    "flatten",
];

/// Refuses settings of serde that the generated code would ignore without a word.
fn refuse_ignored_serde(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        // Ignore an attribute that does not parse: serde reports it.
        let settings = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        for setting in settings.unwrap_or_default() {
            let path = setting.path();
            if let Some(name) = IGNORED_SERDE.iter().find(|name| path.is_ident(name)) {
                errors.push(
                    path,
                    format!("a wire message ignores `{name}`: it writes and reads every field of its version, each with the serde of the field's type\nhelp: remove `{name}`, or convert to a type of its own for the other format"),
                );
            }
        }
    }
}

fn refuse_packed(attrs: &[Attribute], errors: &mut Errors) -> bool {
    let mut found = false;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        // Ignore a `repr` that does not parse: rustc reports it.
        let _ = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("packed") {
                found = true;
                errors.push(
                    &meta.path,
                    "a packed type cannot be a wire message, because Rust allows no reference to its fields\nhelp: remove `packed`: frames have no padding anyway",
                );
            }
            if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<TokenStream>()?;
            }
            Ok(())
        });
    }
    found
}
