use proc_macro2::Span;
use quote::ToTokens;
use syn::{Attribute, GenericParam, Generics, Ident, Path, Type, Visibility, parse_quote};

use super::parse::{Declaration, SlotType};
use super::slot::Slot;
use crate::errors::{Errors, and_list, did_you_mean};

/// A declaration with every slot known and filled at most once.
pub(super) struct Config {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) name: Ident,
    pub(super) krate: Path,
    pub(super) filled: Vec<Filled>,
}

/// A slot for which the user named a type.
pub(super) struct Filled {
    pub(super) slot: Slot,
    pub(super) attrs: Vec<Attribute>,
    /// The `T` of `Responder<T>`.
    pub(super) param: Option<Ident>,
    pub(super) ty: Type,
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
        duplicate("crate", first.as_ref().map(|first| first.token), again.token, errors);
    }
    let krate = first
        .and_then(|first| first.path)
        .unwrap_or_else(|| parse_quote!(::openraft_toolkit));

    let mut given: Vec<(Slot, Ident)> = Vec::new();
    let mut filled = Vec::new();
    for SlotType {
        attrs,
        name: written,
        generics,
        ty,
    } in slots
    {
        let Some(slot) = resolve(&written, errors) else {
            continue;
        };
        let param = param(slot, &generics, errors);
        if let Some((_, first)) = given.iter().find(|(other, _)| *other == slot) {
            duplicate(slot.name(), Some(first), &written, errors);
            continue;
        }
        given.push((slot, written));
        filled.extend(ty.map(|ty| Filled { slot, attrs, param, ty }));
    }

    let missing: Vec<Slot> = Slot::ALL
        .into_iter()
        .filter(|slot| slot.is_required() && !given.iter().any(|(given, _)| given == slot))
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

fn duplicate(name: &str, first: Option<impl ToTokens>, again: impl ToTokens, errors: &mut Errors) {
    errors.push(again, format!("`{name}` is given twice\nhelp: keep one of the two"));
    if let Some(first) = first {
        errors.push(first, format!("`{name}` is first given here"));
    }
}

/// The slot that `written` names. A misspelt one counts as the slot that it is close to, so that
/// this is not reported as missing too.
fn resolve(written: &Ident, errors: &mut Errors) -> Option<Slot> {
    let name = written.to_string();
    if let Some(slot) = Slot::named(&name) {
        return Some(slot);
    }
    if let Some(slot) = Slot::ALL.into_iter().find(|slot| slot.associated_type() == name) {
        let ours = slot.name();
        errors.push(
            written,
            format!("openraft's `{name}` is `{ours}` here\nhelp: write `{ours} = ..`"),
        );
        return Some(slot);
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
    similar
}

fn param(slot: Slot, generics: &Generics, errors: &mut Errors) -> Option<Ident> {
    let mut params = generics.params.iter();
    match (params.next(), params.next()) {
        (None, _) => return None,
        (Some(GenericParam::Type(param)), None) if slot.is_generic() => {
            if !param.attrs.is_empty() || !param.bounds.is_empty() || param.default.is_some() {
                let (name, ident) = (slot.name(), &param.ident);
                errors.push(
                    param,
                    format!("the parameter of `{name}` is a plain name\nhelp: write `{name}<{ident}> = ..`, openraft's own bounds are implied"),
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
    let krate = krate.to_token_stream().to_string().replace(' ', "");
    let krate = krate.trim_start_matches("::");
    let line: Vec<String> = missing
        .iter()
        .map(|slot| match slot {
            Slot::Node => format!("Node = {krate}::openraft::BasicNode,"),
            Slot::AppData => "AppData = Command,".to_owned(),
            other => format!("{} = Response,", other.name()),
        })
        .collect();
    format!(
        "missing {} {}\nhelp: add `{}`",
        if missing.len() == 1 { "slot" } else { "slots" },
        and_list(missing.iter().map(|slot| slot.name())),
        line.join(" "),
    )
}

/// The parameter where the user does not name one.
pub(super) fn default_param() -> Ident {
    Ident::new("T", Span::call_site())
}
