use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

use super::alternatives::{Alternative, alternatives, conditional_errors, default_param, type_of};
use super::check::Config;
use super::guard::guards;
use super::slot::Slot;
use crate::errors::located_at;

/// Returns the struct and its impls.
pub(super) fn config(config: &Config) -> TokenStream {
    let Config {
        attrs,
        vis,
        name,
        krate,
        ..
    } = config;
    let doc = if attrs.iter().any(|attr| attr.path().is_ident("doc")) {
        None
    } else {
        Some(quote!(#[doc = "The types that openraft is configured with."]))
    };
    let snapshot_data = associated_types(Slot::SnapshotData, config);
    let openraft_types = Slot::ALL
        .into_iter()
        .filter(|slot| *slot != Slot::SnapshotData)
        .map(|slot| associated_types(slot, config));
    let conditional_errors = Slot::ALL
        .into_iter()
        .map(|slot| conditional_errors(&config.in_slot(slot).collect::<Vec<_>>(), krate));
    let (items, bounds) = guards(config);
    quote! {
        #(#attrs)*
        #doc
        #[derive(
            ::core::fmt::Debug,
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::default::Default,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
            ::core::cmp::PartialOrd,
            ::core::cmp::Ord,
        )]
        #vis struct #name {}

        #(#conditional_errors)*

        #(#items)*

        impl #krate::openraft::RaftTypeConfig for #name
        where
            #(#bounds,)*
        {
            #(#openraft_types)*
        }

        impl #krate::RaftTypes for #name {
            #snapshot_data
        }
    }
}

/// Returns the item `type Name = ..;` of a slot's associated type: one item per alternative, under the `#[cfg(..)]` of
/// that alternative if it has one.
fn associated_types(slot: Slot, config: &Config) -> TokenStream {
    let krate = &config.krate;
    alternatives(slot, config)
        .into_iter()
        .map(|Alternative { cfg, filled }| {
            // With this span, rustc shows errors about the whole item at the user's type, such as the error that the
            // type is private although the type config is public.
            let span = filled.map_or_else(Span::call_site, |filled| located_at(&filled.ty));
            let attrs = filled.map(|filled| filled.attrs.as_slice()).unwrap_or_default();
            let name = Ident::new(slot.associated_type(), span);
            let ty = type_of(filled, slot, krate);
            let associated_type = if slot.is_generic() {
                let param = filled
                    .and_then(|filled| filled.param.clone())
                    .unwrap_or_else(default_param);
                quote_spanned!(span=> type #name<#param> = #ty where #param: #krate::openraft::OptionalSend + 'static;)
            } else {
                quote_spanned!(span=> type #name = #ty;)
            };
            quote!(#cfg #(#attrs)* #associated_type)
        })
        .collect()
}
