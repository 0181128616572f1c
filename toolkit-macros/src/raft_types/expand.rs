use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

use super::check::{Config, Filled, default_param};
use super::slot::Slot;

pub(super) fn config(config: &Config) -> TokenStream {
    let Config {
        attrs,
        vis,
        name,
        krate,
        filled,
    } = config;
    let doc = if attrs.iter().any(|attr| attr.path().is_ident("doc")) {
        None
    } else {
        let text = "The types that openraft is configured with.";
        Some(quote!(#[doc = #text]))
    };
    let (snapshot_data, openraft_types): (Vec<_>, Vec<_>) = Slot::ALL
        .into_iter()
        .map(|slot| {
            (
                slot,
                associated_type(slot, filled.iter().find(|filled| filled.slot == slot), krate),
            )
        })
        .partition(|(slot, _)| *slot == Slot::SnapshotData);
    let snapshot_data = snapshot_data.into_iter().map(|(_, tokens)| tokens);
    let openraft_types = openraft_types.into_iter().map(|(_, tokens)| tokens);
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

        impl #krate::openraft::RaftTypeConfig for #name {
            #(#openraft_types)*
        }

        impl #krate::RaftTypes for #name {
            #(#snapshot_data)*
        }
    }
}

fn associated_type(slot: Slot, filled: Option<&Filled>, krate: &Path) -> TokenStream {
    let attrs = filled.map(|filled| filled.attrs.as_slice()).unwrap_or_default();
    let name = Ident::new(slot.associated_type(), Span::call_site());
    let param = filled
        .and_then(|filled| filled.param.clone())
        .unwrap_or_else(default_param);
    let ty = match filled {
        Some(Filled { ty, .. }) => quote!(#ty),
        None => default_type(slot, krate),
    };
    if slot.is_generic() {
        quote! {
            #(#attrs)*
            type #name<#param> = #ty where #param: #krate::openraft::OptionalSend + 'static;
        }
    } else {
        quote!(#(#attrs)* type #name = #ty;)
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
