//! Slots on which other slots' defaults are built.
//!
//! rustc would report a type that does not fit such a slot once more for each default, on the whole
//! macro call. So the type is checked by an impl of a hidden trait, which has what the slot requires
//! as supertraits, and the impl of `RaftTypeConfig` is bounded by that trait: there, everything that
//! the slot requires holds. What the type lacks is reported on the user's own token alone.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, Lifetime};

use super::check::Config;
use super::expand::{Alternative, alternatives, type_of};
use super::slot::Slot;

/// The impls with what they need, and the bounds.
pub(super) fn guards(config: &Config) -> (Vec<TokenStream>, Vec<TokenStream>) {
    Slot::ALL
        .into_iter()
        .filter(|slot| config.in_slot(*slot).next().is_some())
        .filter_map(|slot| guard(slot, config))
        .unzip()
}

fn guard(slot: Slot, config: &Config) -> Option<(TokenStream, TokenStream)> {
    let (slot_trait, agrees_with) = slot_trait(slot)?;
    let Config { name, krate, .. } = config;
    let types = concrete_alternatives(slot, config, &mut Vec::new())?;
    let ty = concrete(slot, config, &mut Vec::new())?;
    let agrees_with = agrees_with
        .iter()
        .map(|slot| concrete(*slot, config, &mut Vec::new()))
        .collect::<Option<Vec<_>>>()?;
    let slot_trait = Ident::new(slot_trait, Span::call_site());
    let slot_trait = quote!(#krate::__private::#slot_trait<#name #(, #agrees_with)*>);
    let impls = types
        .iter()
        .map(|(cfg, ty)| quote!(#cfg #[doc(hidden)] impl #slot_trait for #ty {}));
    let aliases = types.iter().filter(|_| types.len() > 1).map(|(cfg, ty)| {
        let alias = alias(slot, config);
        quote!(#cfg #[doc(hidden)] type #alias = #ty;)
    });
    // rustc takes a bound without parameters as one more claim to be checked, and would report what
    // the type lacks again; not so one over a lifetime.
    let lifetime = Lifetime::new("'slot", Span::mixed_site());
    Some((quote!(#(#aliases)* #(#impls)*), quote!(for<#lifetime> #ty: #slot_trait)))
}

/// The trait, and the slots whose types are its arguments.
fn slot_trait(slot: Slot) -> Option<(&'static str, &'static [Slot])> {
    match slot {
        Slot::AppData => Some(("AppDataSlot", &[])),
        Slot::Node => Some(("NodeSlot", &[])),
        Slot::NodeId => Some(("NodeIdSlot", &[])),
        Slot::Term => Some(("TermSlot", &[])),
        Slot::LeaderId => Some(("LeaderIdSlot", &[Slot::Term, Slot::NodeId])),
        Slot::Payload => Some(("PayloadSlot", &[Slot::AppData, Slot::NodeId, Slot::Node])),
        Slot::AsyncRuntime => Some(("AsyncRuntimeSlot", &[])),
        _ => None,
    }
}

/// The type in `slot` without `Self`, which means something else in the impl of another trait.
/// `None` where that cannot be known, and where rustc refuses the type by itself, which it then does
/// once: a cycle, and `_`.
fn concrete(slot: Slot, config: &Config, inside: &mut Vec<Slot>) -> Option<TokenStream> {
    let mut types = concrete_alternatives(slot, config, inside)?;
    if types.len() == 1 {
        return types.pop().map(|(_, ty)| ty);
    }
    // A bound cannot be `#[cfg]`ed, but a name can.
    let has_alias = matches!(slot_trait(slot), Some((_, [])));
    has_alias.then(|| {
        let alias = alias(slot, config);
        quote!(#alias)
    })
}

fn alias(slot: Slot, config: &Config) -> Ident {
    format_ident!("__{}{}", config.name.unraw(), slot.name())
}

/// With the attributes under which each is in the slot.
fn concrete_alternatives(
    slot: Slot,
    config: &Config,
    inside: &mut Vec<Slot>,
) -> Option<Vec<(TokenStream, TokenStream)>> {
    if inside.contains(&slot) {
        return None;
    }
    inside.push(slot);
    let types = alternatives(slot, config)
        .into_iter()
        .map(|Alternative { cfg, filled }| {
            let ty = without_self(type_of(filled, slot, &config.krate), config, inside)?;
            Some((cfg, ty))
        })
        .collect();
    inside.pop();
    types
}

fn without_self(tokens: TokenStream, config: &Config, inside: &mut Vec<Slot>) -> Option<TokenStream> {
    let mut without = TokenStream::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let (Some(TokenTree::Punct(_)), Some(TokenTree::Punct(_)), Some(TokenTree::Ident(slot))) =
                    (tokens.next(), tokens.next(), tokens.next())
                else {
                    return None;
                };
                let slot = Slot::ALL
                    .into_iter()
                    .find(|other| slot == other.associated_type() && !other.is_generic())?;
                without.extend(concrete(slot, config, inside)?);
            }
            TokenTree::Ident(ident) if ident == "_" => return None,
            TokenTree::Group(group) => {
                let stream = without_self(group.stream(), config, inside)?;
                let mut replaced = Group::new(group.delimiter(), stream);
                replaced.set_span(group.span());
                without.extend([TokenTree::Group(replaced)]);
            }
            other => without.extend([other]),
        }
    }
    Some(without)
}
