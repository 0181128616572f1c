//! Slots on which other slots' defaults are built.
//!
//! rustc would report a type that does not fit such a slot once more for each default, on the whole
//! macro call. So the type is checked by an impl of a hidden trait, which has what the slot requires
//! as supertraits, and the impl of `RaftTypeConfig` is bounded by that trait: there, everything that
//! the slot requires holds. What the type lacks is reported on the user's own token alone.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Ident, Lifetime};

use super::check::{Config, Filled};
use super::expand::default_type;
use super::slot::Slot;

/// The impls, and the bounds.
pub(super) fn guards(config: &Config) -> (Vec<TokenStream>, Vec<TokenStream>) {
    config.filled.iter().filter_map(|filled| guard(filled, config)).unzip()
}

fn guard(filled: &Filled, config: &Config) -> Option<(TokenStream, TokenStream)> {
    let (slot_trait, agrees_with): (_, &[Slot]) = match filled.slot {
        Slot::AppData => ("AppDataSlot", &[]),
        Slot::Node => ("NodeSlot", &[]),
        Slot::NodeId => ("NodeIdSlot", &[]),
        Slot::Term => ("TermSlot", &[]),
        Slot::LeaderId => ("LeaderIdSlot", &[Slot::Term, Slot::NodeId]),
        Slot::Payload => ("PayloadSlot", &[Slot::AppData, Slot::NodeId, Slot::Node]),
        Slot::AsyncRuntime => ("AsyncRuntimeSlot", &[]),
        _ => return None,
    };
    let Config { name, krate, .. } = config;
    let ty = concrete(filled.slot, config, &mut Vec::new())?;
    let agrees_with = agrees_with
        .iter()
        .map(|slot| concrete(*slot, config, &mut Vec::new()))
        .collect::<Option<Vec<_>>>()?;
    let slot_trait = Ident::new(slot_trait, Span::call_site());
    let slot_trait = quote!(#krate::__private::#slot_trait<#name #(, #agrees_with)*>);
    // rustc takes a bound without parameters as one more claim to be checked, and would report what
    // the type lacks again; not so one over a lifetime.
    let lifetime = Lifetime::new("'slot", Span::mixed_site());
    Some((
        quote!(#[doc(hidden)] impl #slot_trait for #ty {}),
        quote!(for<#lifetime> #ty: #slot_trait),
    ))
}

/// The type in `slot` without `Self`, which means something else in the impl of another trait.
/// `None` where that cannot be known, as a bound cannot be `#[cfg]`ed, and where rustc refuses the
/// type by itself, which it then does once: a cycle, and `_`.
fn concrete(slot: Slot, config: &Config, inside: &mut Vec<Slot>) -> Option<TokenStream> {
    if inside.contains(&slot) {
        return None;
    }
    inside.push(slot);
    let ty = match config.filled.iter().find(|filled| filled.slot == slot) {
        Some(Filled { condition: Some(_), .. }) => return None,
        Some(filled) => filled.ty.to_token_stream(),
        None => default_type(slot, &config.krate),
    };
    let ty = without_self(ty, config, inside);
    inside.pop();
    ty
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
