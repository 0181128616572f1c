use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, Path};

use super::check::{Config, Filled, conditional_errors, default_param};
use super::guard::guards;
use super::slot::Slot;
use crate::errors::located_at;

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

fn associated_types(slot: Slot, config: &Config) -> TokenStream {
    let krate = &config.krate;
    alternatives(slot, config)
        .into_iter()
        .map(|Alternative { cfg, filled }| {
            // There, rustc reports what is wrong with the type as a whole, as that it is less visible.
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

/// A type that may be in a slot.
pub(super) struct Alternative<'a> {
    /// The attributes under which it is.
    pub(super) cfg: TokenStream,
    /// `None` for the default.
    pub(super) filled: Option<&'a Filled>,
}

/// Of types under conditions, the first that holds is in the slot, so that two that hold are wrong for
/// one reason only. Where none holds, the default is.
pub(super) fn alternatives(slot: Slot, config: &Config) -> Vec<Alternative<'_>> {
    let mut earlier: Vec<&TokenStream> = Vec::new();
    let mut alternatives = Vec::new();
    for filled in config.in_slot(slot) {
        let unless = unless(&earlier);
        let filled_as = |cfg| Alternative {
            cfg,
            filled: Some(filled),
        };
        let Some(condition) = &filled.condition else {
            alternatives.push(filled_as(quote!(#unless)));
            return alternatives;
        };
        alternatives.push(filled_as(quote!(#unless #[cfg(#condition)])));
        earlier.push(condition);
    }
    let unless = unless(&earlier);
    alternatives.push(Alternative {
        cfg: quote!(#unless),
        filled: None,
    });
    alternatives
}

fn unless(conditions: &[&TokenStream]) -> Option<TokenStream> {
    (!conditions.is_empty()).then(|| quote!(#[cfg(not(any(#(#conditions),*)))]))
}

pub(super) fn type_of(filled: Option<&Filled>, slot: Slot, krate: &Path) -> TokenStream {
    match filled {
        Some(Filled { ty, .. }) => quote!(#ty),
        None => default_type(slot, krate),
    }
}

fn default_type(slot: Slot, krate: &Path) -> TokenStream {
    let param = default_param();
    match slot {
        // Required: these stand in for what was refused, so that nothing else fails.
        Slot::Node => quote!(#krate::openraft::impls::BasicNode),
        Slot::AppData | Slot::AppDataResponse => quote!(::std::string::String),

        Slot::SnapshotData => quote!(::std::io::Cursor<::std::vec::Vec<::core::primitive::u8>>),
        Slot::NodeId | Slot::Term => quote!(::core::primitive::u64),
        Slot::LeaderId => quote!(#krate::openraft::impls::leader_id_adv::LeaderId<Self::Term, Self::NodeId>),
        Slot::Vote => quote!(#krate::openraft::impls::Vote<Self::LeaderId>),
        Slot::Payload => quote!(#krate::openraft::EntryPayload<Self::D, Self::NodeId, Self::Node>),
        Slot::Entry => quote! {
            #krate::openraft::impls::Entry<
                <Self::LeaderId as #krate::openraft::vote::RaftLeaderId>::Committed,
                Self::Payload,
            >
        },
        Slot::AsyncRuntime => quote!(#krate::__private::TokioRuntime),
        Slot::Responder => quote!(#krate::openraft::impls::OneshotResponder<Self, #param>),
        Slot::Batch => quote!(#krate::openraft::impls::InlineBatch<#param>),
        Slot::ErrorSource => quote!(#krate::openraft::impls::BoxedErrorSource),
    }
}
