use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Ident, Path};

use super::check::{Config, Filled, default_param};
use super::slot::Slot;
use crate::errors::located_at;

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
    let (checks, bounds): (Vec<_>, Vec<_>) = filled.iter().filter_map(|filled| check(filled, name, krate)).unzip();
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

        #(#checks)*

        #[allow(trivial_bounds)]
        impl #krate::openraft::RaftTypeConfig for #name
        where
            #(#bounds,)*
        {
            #(#openraft_types)*
        }

        impl #krate::RaftTypes for #name {
            #(#snapshot_data)*
        }
    }
}

/// For a slot on which other slots' defaults are built: an impl that checks its type, and a bound.
///
/// rustc would report a type that does not fit its slot once more for each default, on the whole macro
/// call. The impl is of a hidden trait that has what the slot requires as a supertrait, and the bound
/// makes all else hold, so that whatever the type lacks is reported on the user's own token alone.
fn check(filled: &Filled, name: &Ident, krate: &Path) -> Option<(TokenStream, TokenStream)> {
    let check_trait = match filled.slot {
        Slot::AppData => quote!(AppDataSlot),
        Slot::Node => quote!(NodeSlot),
        Slot::NodeId => quote!(NodeIdSlot),
        Slot::Term => quote!(TermSlot),
        _ => return None,
    };
    let ty = &filled.ty;
    // Outside of the impl, `Self` would mean something else; and a bound cannot be `#[cfg]`ed.
    if mentions_self(ty.to_token_stream())
        || filled
            .attrs
            .iter()
            .any(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
    {
        return None;
    }
    let check_trait = quote!(#krate::__private::#check_trait<#name>);
    let bound = quote!(: #check_trait).into_iter().map(|mut token| {
        token.set_span(located_at(ty));
        token
    });
    Some((
        quote!(#[doc(hidden)] impl #check_trait for #ty {}),
        quote!(#ty #(#bound)*),
    ))
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
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
