use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::{
    Attribute, Data, DeriveInput, ExprPath, GenericArgument, Generics, Ident, Index, Member, Path, PathArguments, Type,
    parse_quote,
};

use super::layout;
use super::settings::{self, DefaultValue, FieldSettings, Given, Pin, Pins, Place, TypeSettings};
use crate::errors::Errors;

/// A type whose frame is known.
pub(super) struct Message<'a> {
    pub(super) name: &'a Ident,
    pub(super) generics: &'a Generics,
    pub(super) krate: Path,
    pub(super) version: u8,
    /// The oldest version that is of this layout.
    pub(super) oldest: u8,
    pub(super) previous: Option<Previous>,
    pub(super) serde: bool,
    pub(super) layout: Layout<'a>,
}

/// The type that versions below the oldest are of.
pub(super) struct Previous {
    pub(super) ty: Type,
    pub(super) downgrade: bool,
}

pub(super) enum Layout<'a> {
    Struct(Fields<'a>),
    Enum(Vec<Variant<'a>>),
    /// Nothing that could be encoded, which is reported.
    Refused,
}

impl<'a> Layout<'a> {
    pub(super) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        let (of_struct, variants) = match self {
            Layout::Struct(fields) => (Some(fields), [].as_slice()),
            Layout::Enum(variants) => (None, variants.as_slice()),
            Layout::Refused => (None, [].as_slice()),
        };
        let of_variants = variants.iter().map(|variant| &variant.fields);
        of_struct.into_iter().chain(of_variants).flat_map(|fields| &fields.list)
    }
}

pub(super) struct Variant<'a> {
    pub(super) name: &'a Ident,
    /// The oldest version that has it.
    pub(super) since: u8,
    pub(super) fields: Fields<'a>,
}

pub(super) struct Fields<'a> {
    pub(super) shape: Shape,
    pub(super) list: Vec<Field<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Unit,
    Tuple,
    Named,
}

pub(super) struct Field<'a> {
    pub(super) member: Member,
    pub(super) name: String,
    pub(super) ty: &'a Type,
    /// Of a field that not every version has.
    pub(super) since: Option<Since>,
}

impl Field<'_> {
    pub(super) fn is_in(&self, version: u8) -> bool {
        self.since.as_ref().is_none_or(|since| since.version <= version)
    }
}

pub(super) struct Since {
    /// The oldest version that has the field.
    pub(super) version: u8,
    pub(super) default: FieldDefault,
    pub(super) lossy: bool,
}

/// What the field holds where the version does not have it.
pub(super) enum FieldDefault {
    /// The `Default` of its type.
    Trait,
    Path(ExprPath),
    /// It is wrong, which is reported.
    Refused,
}

pub(super) fn message<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Message<'a> {
    let settings = settings::of_type(&input.attrs, errors);
    let versions = Versions::of(&input.ident, &settings, errors);
    let layout = layout(input, &versions, errors);
    if let Some(pins) = &settings.layout {
        check_pins(pins, &layout, &versions, errors);
    }
    let TypeSettings {
        previous, serde, krate, ..
    } = settings;
    Message {
        name: &input.ident,
        generics: &input.generics,
        krate: krate.unwrap_or_else(|| parse_quote!(::openraft_toolkit)),
        version: versions.newest.unwrap_or(1),
        oldest: versions.oldest(),
        previous: previous
            .filter(|previous| versions.leave_room_for(previous, errors))
            .map(|settings::Previous { ty, downgrade, .. }| Previous { ty, downgrade }),
        serde,
        layout,
    }
}

/// The versions of the type's own layout, as far as they are known.
struct Versions<'a> {
    name: &'a Ident,
    newest: Option<u8>,
    /// As it is given; the newest otherwise.
    min: Option<u8>,
    /// Whether one is given, right or wrong.
    has_min: bool,
}

impl<'a> Versions<'a> {
    fn of(name: &'a Ident, settings: &TypeSettings, errors: &mut Errors) -> Self {
        let number = |given: &Option<Given>| given.as_ref()?.0.as_ref().map(|(number, _)| *number);
        let newest = number(&settings.version);
        let mut min = number(&settings.min_version);
        if settings.version.is_none() {
            errors.push(
                name,
                "the version of the frame is missing\nhelp: add `#[wire(version = 1)]`",
            );
        }
        if let (Some(newest), Some(Given(Some((oldest, number))))) = (newest, &settings.min_version)
            && *oldest > newest
        {
            errors.push(
                number,
                format!("`min_version = {oldest}` is above `version = {newest}`\nhelp: `min_version` is the oldest version that is read, `version` the newest"),
            );
            min = None;
        }
        Self {
            name,
            newest,
            min,
            has_min: settings.min_version.is_some(),
        }
    }

    fn oldest(&self) -> u8 {
        self.min.or(self.newest).unwrap_or(1)
    }

    /// Both ends, where both are known.
    fn range(&self) -> Option<(u8, u8)> {
        let known = self.min.is_some() || !self.has_min;
        self.newest.filter(|_| known).map(|newest| (self.oldest(), newest))
    }

    fn leave_room_for(&self, previous: &settings::Previous, errors: &mut Errors) -> bool {
        if self.range().is_some_and(|(oldest, _)| oldest == 1) {
            let min = if self.has_min { "min_version" } else { "version" };
            errors.push(
                &previous.key,
                format!("there is no version below `{min} = 1` that could be of a previous type\nhelp: set `min_version` to the first version of `{}` itself", self.name.unraw()),
            );
            return false;
        }
        self.range().is_some()
    }

    /// The `since` of a field or variant, where it can be one.
    fn since(&self, given: &Given, errors: &mut Errors) -> Option<u8> {
        let (since, number) = given.0.as_ref()?;
        let (oldest, newest) = self.range()?;
        let name = self.name.unraw();
        let message = if *since > newest {
            format!("`since = {since}` is above `version = {newest}`\nhelp: set `version = {since}` for `{name}`")
        } else if *since > oldest {
            return Some(*since);
        } else if *since == 1 {
            "what is there since version 1 is there in every version\nhelp: leave `since` out".to_owned()
        } else if self.has_min {
            format!(
                "no version that `{name}` reads is older than `since = {since}`\nhelp: leave it out, or lower `min_version`, which is {oldest}"
            )
        } else {
            format!(
                "`since` needs a `min_version`, without which only version {newest} is read\nhelp: add `min_version = {}` to the `#[wire(..)]` of `{name}`",
                since - 1
            )
        };
        errors.push(number, message);
        None
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
            let FieldSettings { since, .. } = settings::of_member(&variant.attrs, Place::Variant, errors);
            let since = since.and_then(|since| versions.since(&since, errors));
            Variant {
                name: &variant.ident,
                since: since.unwrap_or_else(|| versions.oldest()),
                fields: fields(
                    &variant.fields,
                    since.map(|since| (&variant.ident, since)),
                    versions,
                    errors,
                ),
            }
        })
        .collect();
    for (index, variant) in variants.iter().enumerate() {
        let older = variants
            .iter()
            .skip(index)
            .rev()
            .find(|other| other.since < variant.since);
        if let Some(older) = older {
            let (name, older) = (variant.name.unraw(), older.name.unraw());
            errors.push(
                variant.name,
                format!("`{name}` is newer than `{older}`, whose index it shifts\nhelp: move `{name}` behind `{older}`: new variants go to the end"),
            );
        }
    }
    variants
}

/// `variant` is the newer variant that they are of.
fn fields<'a>(
    fields: &'a syn::Fields,
    variant: Option<(&Ident, u8)>,
    versions: &Versions<'_>,
    errors: &mut Errors,
) -> Fields<'a> {
    let list = (0..)
        .zip(fields)
        .map(|(index, field)| {
            let settings = settings::of_member(&field.attrs, Place::Field, errors);
            let member = match &field.ident {
                Some(name) => Member::Named(name.clone()),
                None => Member::Unnamed(Index {
                    index,
                    span: Span::call_site(),
                }),
            };
            Field {
                name: match &member {
                    Member::Named(name) => name.unraw().to_string(),
                    Member::Unnamed(index) => index.index.to_string(),
                },
                member,
                ty: &field.ty,
                since: since(settings, variant, versions, errors),
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
    variant: Option<(&Ident, u8)>,
    versions: &Versions<'_>,
    errors: &mut Errors,
) -> Option<Since> {
    let Some(given) = since else {
        for key in default.iter().map(|(key, _)| key).chain(&lossy) {
            errors.push(
                key,
                format!("`{key}` says what becomes of a field that older versions lack\nhelp: write `since` beside it, or leave it out"),
            );
        }
        return None;
    };
    let version = versions.since(&given, errors)?;
    if let Some((variant, came)) = variant
        && version <= came
    {
        let (variant, number) = (variant.unraw(), given.0.map(|(_, number)| number));
        errors.push(
            number,
            format!(
                "`{variant}` itself came with version {came}, so that it never lacks the field\nhelp: leave `since` out"
            ),
        );
        return None;
    }
    Some(Since {
        version,
        default: match default {
            None => FieldDefault::Trait,
            Some((_, DefaultValue::Path(path))) => FieldDefault::Path(path),
            Some((_, DefaultValue::Refused)) => FieldDefault::Refused,
        },
        lossy: lossy.is_some(),
    })
}

fn refuse_references(layout: &Layout<'_>, errors: &mut Errors) -> bool {
    let mut found = false;
    for reference in layout.fields().filter_map(|field| reference_in(field.ty)) {
        found = true;
        errors.push(
            reference,
            "a reference cannot be decoded, because a message owns what it holds\nhelp: use an owned type such as `String`, or `Cow`, which can borrow",
        );
    }
    found
}

/// A reference that a value of the type holds for certain; what parameters of other types are for is not known.
fn reference_in(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(_) => Some(ty),
        Type::Group(group) => reference_in(&group.elem),
        Type::Paren(paren) => reference_in(&paren.elem),
        Type::Array(array) => reference_in(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(reference_in),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return None;
            };
            let holds = ["Box", "Option", "Vec"].iter().any(|name| last.ident == name);
            arguments
                .args
                .iter()
                .filter(|_| holds)
                .find_map(|argument| match argument {
                    GenericArgument::Type(ty) => reference_in(ty),
                    _ => None,
                })
        }
        _ => None,
    }
}

fn refuse_packed(attrs: &[Attribute], errors: &mut Errors) -> bool {
    let mut found = false;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        // What is not understood, rustc reports.
        let _ = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("packed") {
                found = true;
                errors.push(
                    &meta.path,
                    "a packed type cannot be a wire message, because its fields cannot be referred to\nhelp: remove `packed`, frames have no padding anyway",
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

fn check_pins(Pins { key, pins }: &Pins, layout: &Layout<'_>, versions: &Versions<'_>, errors: &mut Errors) {
    let Some((oldest, newest)) = versions.range() else {
        return;
    };
    // Not the layout that will be, so that a hash of it would mislead.
    if !errors.is_empty() || matches!(layout, Layout::Refused) {
        return;
    }
    let line = |versions: &mut dyn Iterator<Item = u8>| {
        let pins: Vec<String> = versions
            .map(|version| format!("{version} = \"{}\"", layout::hash(layout, version)))
            .collect();
        pins.join(", ")
    };

    let (inside, outside): (Vec<&Pin>, Vec<&Pin>) =
        pins.iter().partition(|pin| (oldest..=newest).contains(&pin.version));
    for pin in outside {
        let (version, name) = (pin.version, versions.name.unraw());
        let range = if oldest == newest {
            format!("version {newest}")
        } else {
            format!("versions {oldest} to {newest}")
        };
        errors.push(
            &pin.number,
            format!("`{name}` has no version {version} to pin, only {range}\nhelp: remove the pin"),
        );
    }

    let (hashes, blank): (Vec<&Pin>, Vec<&Pin>) = inside.iter().partition(|pin| layout::is_hash(&pin.hash.value()));
    for pin in blank {
        let line = line(&mut [pin.version].into_iter());
        errors.push(
            &pin.hash,
            format!("a layout is pinned by its hash\nhelp: write `{line}`"),
        );
    }

    let changed: Vec<&Pin> = hashes
        .into_iter()
        .filter(|pin| pin.hash.value() != layout::hash(layout, pin.version))
        .collect();
    if let Some(first) = changed.first() {
        let listed: Vec<String> = changed.iter().map(|pin| pin.version.to_string()).collect();
        let listed = listed.join(" and ");
        let line = line(&mut changed.iter().map(|pin| pin.version));
        let is_pinned = inside.iter().any(|pin| pin.version == newest);
        let next = if is_pinned { newest.saturating_add(1) } else { newest };
        errors.push(
            &first.hash,
            format!(
                "the layout of version {listed} has changed\n\
                 help: mark what is new with `#[wire(since = {next})]`, and write `version = {next}, min_version = {oldest}`\n\
                 help: for anything else give this type `version = {next}`, and keep the old one as its `previous`\n\
                 help: where no data exists yet, or only a name changed, pin `{line}`"
            ),
        );
    }

    let missing: Vec<u8> = (oldest..newest)
        .filter(|version| !inside.iter().any(|pin| pin.version == *version))
        .collect();
    if let Some(first) = missing.first() {
        let line = line(&mut missing.iter().copied());
        errors.push(
            key,
            format!("version {first} has no pin, although version {newest} follows it\nhelp: add `{line}`"),
        );
    }
}
