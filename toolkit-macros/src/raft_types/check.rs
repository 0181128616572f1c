use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, GenericParam, Generics, Ident, Meta, Path, Type, Visibility, parse_quote};

use super::parse::{Declaration, SlotType};
use super::slot::Slot;
use crate::errors::{Errors, and_list, did_you_mean};

/// A checked declaration: each slot is known, and has one type, several types under conditions, or no type.
pub(super) struct Config {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) name: Ident,
    pub(super) krate: Path,
    pub(super) filled: Vec<Filled>,
}

impl Config {
    /// Returns the types that the user named for `slot`.
    pub(super) fn in_slot(&self, slot: Slot) -> impl Iterator<Item = &Filled> {
        self.filled.iter().filter(move |filled| filled.slot == slot)
    }
}

/// A slot for which the user named a type.
pub(super) struct Filled {
    pub(super) slot: Slot,
    /// The name of the slot as the user wrote it.
    pub(super) name: Ident,
    /// All attributes, including `#[cfg(..)]`.
    pub(super) attrs: Vec<Attribute>,
    /// The predicate under which all `#[cfg(..)]` in `attrs` hold; `None` if `attrs` has no `#[cfg(..)]`. The macro
    /// cannot know whether the predicate holds.
    pub(super) condition: Option<TokenStream>,
    /// The `T` of `Responder<T>` or `Batch<T>`; `None` if the user wrote no parameter.
    pub(super) param: Option<Ident>,
    pub(super) ty: Type,
}

/// A slot that the user wrote, whether or not its type is right.
struct Mention {
    slot: Slot,
    /// The name of the slot as the user wrote it.
    name: Ident,
    conditional: bool,
    /// Whether the user certainly means this slot. A misspelt name may mean another slot.
    certain: bool,
}

pub(super) fn config(declaration: Declaration, errors: &mut Errors) -> Config {
    let Declaration {
        attrs,
        vis,
        name,
        crate_paths,
        slots,
    } = declaration;

    let mut crate_paths = crate_paths.into_iter();
    let first = crate_paths.next();
    for again in crate_paths {
        if let Some(first) = &first {
            errors.push_error(duplicate("crate", first.token, again.token, KEEP_ONE));
        }
    }
    let krate = first
        .and_then(|first| first.path)
        .unwrap_or_else(|| parse_quote!(::openraft_toolkit));

    let mut mentions: Vec<Mention> = Vec::new();
    let mut filled = Vec::new();
    for SlotType {
        attrs,
        name,
        generics,
        ty,
    } in slots
    {
        let Some((slot, certain)) = resolve(&name, errors) else {
            continue;
        };
        let param = param(slot, &generics, errors);
        let condition = condition(&attrs);
        let again = Mention {
            slot,
            name: name.clone(),
            conditional: condition.is_some(),
            certain,
        };
        if let Some(first) = mentions.iter().find(|first| first.slot == slot)
            && !(first.conditional && again.conditional)
        {
            if first.certain && again.certain {
                let help = if first.conditional || again.conditional {
                    KEEP_ONE_OR_CFG
                } else {
                    KEEP_ONE
                };
                errors.push_error(duplicate(slot.name(), &first.name, &again.name, help));
            }
            continue;
        }
        mentions.push(again);
        let ty = ty.filter(|ty| slot.may_borrow() || !refuse_reference(ty, errors));
        filled.extend(ty.map(|ty| Filled {
            slot,
            name,
            attrs,
            condition,
            param,
            ty,
        }));
    }

    let missing: Vec<Slot> = Slot::ALL
        .into_iter()
        .filter(|slot| slot.is_required() && !mentions.iter().any(|mention| mention.slot == *slot))
        .collect();
    if !missing.is_empty() {
        errors.push(&name, missing_message(&missing, &krate));
    }
    Config {
        attrs,
        vis,
        name,
        krate,
        filled,
    }
}

const KEEP_ONE: &str = "help: keep one of the two";
const KEEP_ONE_OR_CFG: &str = "help: keep one of the two, or give both a `#[cfg(..)]` so that one of them holds";

/// Returns the error for a name that is given twice. rustc shows it at both places.
pub(super) fn duplicate(name: &str, first: impl ToTokens, again: impl ToTokens, help: &str) -> syn::Error {
    let mut error = syn::Error::new_spanned(again, format!("`{name}` is given twice\n{help}"));
    error.combine(syn::Error::new_spanned(first, format!("`{name}` is first given here")));
    error
}

/// Returns the predicate under which all `#[cfg(..)]` among `attrs` hold, or `None` if there are none.
fn condition(attrs: &[Attribute]) -> Option<TokenStream> {
    let mut predicates = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::List(list) if list.path.is_ident("cfg") => Some(&list.tokens),
        _ => None,
    });
    let first = predicates.next()?;
    Some(quote!(all(#first #(, #predicates)*)))
}

fn refuse_reference(ty: &Type, errors: &mut Errors) -> bool {
    let is_reference = matches!(ty, Type::Reference(_));
    if is_reference {
        errors.push(
            ty,
            "a reference cannot be decoded, because a slot's type owns what it holds\nhelp: use an owned type such as `String`",
        );
    }
    is_reference
}

/// Returns the slot that `written` names, and whether it certainly names that slot. Reports a wrong name, and returns
/// `None` if no slot has a similar name.
///
/// A misspelt name counts as the slot with a similar name. Otherwise that slot would also be reported as missing.
fn resolve(written: &Ident, errors: &mut Errors) -> Option<(Slot, bool)> {
    let name = written.to_string();
    if let Some(slot) = Slot::named(&name) {
        return Some((slot, true));
    }
    if let Some(slot) = Slot::ALL.into_iter().find(|slot| slot.associated_type() == name) {
        let ours = slot.name();
        errors.push(
            written,
            format!("openraft's `{name}` is called `{ours}` here\nhelp: write `{ours} = ..`"),
        );
        return Some((slot, true));
    }
    let similar = did_you_mean(&name, Slot::ALL.map(Slot::name)).and_then(Slot::named);
    let help = match similar {
        Some(slot) => format!("help: did you mean `{}`?\n", slot.name()),
        None => String::new(),
    };
    let all = and_list(Slot::ALL.map(Slot::name));
    errors.push(
        written,
        format!("there is no slot `{name}`\n{help}note: the slots are {all}"),
    );
    similar.map(|slot| (slot, false))
}

/// Returns the parameter of a generic slot, if the user names a parameter.
fn param(slot: Slot, generics: &Generics, errors: &mut Errors) -> Option<Ident> {
    let mut params = generics.params.iter();
    match (params.next(), params.next()) {
        (None, _) => return None,
        (Some(GenericParam::Type(param)), None) if slot.is_generic() => {
            if !param.attrs.is_empty() || !param.bounds.is_empty() || param.default.is_some() {
                let (name, ident) = (slot.name(), &param.ident);
                errors.push(
                    param,
                    format!("the parameter of `{name}` must be a plain name\nhelp: write `{name}<{ident}> = ..`: openraft's own bounds are implied"),
                );
            }
            return Some(param.ident.clone());
        }
        _ => {}
    }
    let name = slot.name();
    errors.push(
        generics,
        if slot.is_generic() {
            format!("`{name}` takes one type parameter\nhelp: write `{name}<T> = ..`")
        } else {
            format!("`{name}` takes no parameters\nhelp: write `{name} = ..`")
        },
    );
    None
}

fn missing_message(missing: &[Slot], krate: &Path) -> String {
    format!(
        "missing {} {}\n{}",
        if missing.len() == 1 { "slot" } else { "slots" },
        and_list(missing.iter().map(|slot| slot.name())),
        missing_help(missing, krate),
    )
}

/// Returns the help for missing slots: a line that the user can paste.
pub(super) fn missing_help(missing: &[Slot], krate: &Path) -> String {
    let krate = krate.to_token_stream().to_string().replace(' ', "");
    let krate = krate.trim_start_matches("::");
    let line: Vec<String> = missing
        .iter()
        .map(|slot| {
            let example = match slot {
                Slot::Node => format!("{krate}::openraft::BasicNode"),
                Slot::AppData => "Command".to_owned(),
                _ => "Response".to_owned(),
            };
            format!("{} = {example},", slot.name())
        })
        .collect();
    format!("help: add `{}`", line.join(" "))
}
