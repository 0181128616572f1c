//! Generates impls that check the type in a slot before the defaults of other slots use the type.
//!
//! The default of `Vote` is built on `LeaderId`, the default of `LeaderId` on `Term`, and so on. Without these impls,
//! rustc would report a type that does not fit its slot once more for each such default, at the whole macro call.
//!
//! So the macro implements a hidden trait for the type. The supertraits of the hidden trait are the traits that the
//! slot requires. If the type lacks one of them, rustc reports the missing trait once, at the tokens of the
//! user's type. The impl of `RaftTypeConfig` has the hidden trait as a bound. Inside that impl, rustc assumes that the
//! requirements are met, and does not report the type again.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, Lifetime};

use super::alternatives::{Alternative, alternatives, type_of};
use super::check::Config;
use super::slot::Slot;

/// Returns two lists: the impls together with the aliases of conditional types, and the bounds for the impl of
/// `RaftTypeConfig`.
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
    // Make the bound generic over a lifetime. rustc checks a bound without parameters at once, and would report the
    // type again.
    let lifetime = Lifetime::new("'slot", Span::mixed_site());
    Some((quote!(#(#aliases)* #(#impls)*), quote!(for<#lifetime> #ty: #slot_trait)))
}

/// Returns the hidden trait of a slot, and the slots whose types are its arguments after the type config.
///
/// The slots without a hidden trait need none, because no default is built on them.
fn slot_trait(slot: Slot) -> Option<(&'static str, &'static [Slot])> {
    match slot {
        Slot::AppData => Some(("AppDataSlot", &[])),
        Slot::Node => Some(("NodeSlot", &[])),
        Slot::NodeId => Some(("NodeIdSlot", &[])),
        Slot::Term => Some(("TermSlot", &[])),
        Slot::LeaderId => Some(("LeaderIdSlot", &[Slot::Term, Slot::NodeId])),
        Slot::Payload => Some(("PayloadSlot", &[Slot::AppData, Slot::NodeId, Slot::Node])),
        Slot::AsyncRuntime => Some(("AsyncRuntimeSlot", &[])),
        Slot::AppDataResponse
        | Slot::SnapshotData
        | Slot::Vote
        | Slot::Entry
        | Slot::Responder
        | Slot::Batch
        | Slot::ErrorSource => None,
    }
}

/// Returns the type in `slot`, with each `Self::Slot` replaced by the type in that slot. In the impl of a hidden trait,
/// `Self` would be another type.
///
/// Returns `None` if the macro cannot replace a `Self`, or if several types may be in the slot and the slot has no
/// alias. Also returns `None` for slots in a cycle and for `_`, because rustc reports these mistakes by itself, and
/// only once. `inside` are the slots that are being resolved.
fn concrete(slot: Slot, config: &Config, inside: &mut Vec<Slot>) -> Option<TokenStream> {
    let mut types = concrete_alternatives(slot, config, inside)?;
    if types.len() == 1 {
        return types.pop().map(|(_, ty)| ty);
    }
    // A bound cannot have a `#[cfg]`. An alias can, so name the type by its alias.
    let has_alias = matches!(slot_trait(slot), Some((_, [])));
    has_alias.then(|| {
        let alias = alias(slot, config);
        quote!(#alias)
    })
}

fn alias(slot: Slot, config: &Config) -> Ident {
    format_ident!("__{}{}", config.name.unraw(), slot.name())
}

/// Returns every type that may be in `slot`, with `Self` replaced as in [`concrete`], or `None` if one of them cannot
/// be resolved. Each type comes with the attributes under which it is in the slot.
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

/// Replaces each `Self::Slot` in `tokens` by the type in that slot.
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
