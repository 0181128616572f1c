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
        filled,
    } = config;
    let doc = if attrs.iter().any(|attr| attr.path().is_ident("doc")) {
        None
    } else {
        Some(quote!(#[doc = "The types that openraft is configured with."]))
    };
    let slot = |slot: Slot| {
        let alternatives: Vec<&Filled> = filled.iter().filter(|filled| filled.slot == slot).collect();
        associated_types(slot, &alternatives, krate)
    };
    let snapshot_data = slot(Slot::SnapshotData);
    let openraft_types = Slot::ALL
        .into_iter()
        .filter(|slot| *slot != Slot::SnapshotData)
        .map(slot);
    let conditional_errors = Slot::ALL.into_iter().map(|slot| {
        let alternatives: Vec<&Filled> = filled.iter().filter(|filled| filled.slot == slot).collect();
        conditional_errors(&alternatives, krate)
    });
    let (impls, bounds) = guards(config);
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

        #(#impls)*

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

/// The type that the user gave, or the default. Of conditional ones, the first that holds, so that
/// each is wrong for one reason only.
fn associated_types(slot: Slot, alternatives: &[&Filled], krate: &Path) -> TokenStream {
    // At `span`, rustc reports what is wrong with the type as a whole, as that it is less visible.
    let associated_type = |span: Span, param: &Ident, ty: TokenStream| {
        let name = Ident::new(slot.associated_type(), span);
        if slot.is_generic() {
            quote_spanned!(span=> type #name<#param> = #ty where #param: #krate::openraft::OptionalSend + 'static;)
        } else {
            quote_spanned!(span=> type #name = #ty;)
        }
    };
    let mut earlier: Vec<&TokenStream> = Vec::new();
    let mut tokens = TokenStream::new();
    for Filled {
        attrs,
        condition,
        param,
        ty,
        ..
    } in alternatives
    {
        let no_earlier = unless(&earlier);
        let associated_type = associated_type(
            located_at(ty),
            &param.clone().unwrap_or_else(default_param),
            quote!(#ty),
        );
        tokens.extend(quote!(#no_earlier #(#attrs)* #associated_type));
        match condition {
            Some(condition) => earlier.push(condition),
            None => return tokens,
        }
    }
    let none = unless(&earlier);
    let default = associated_type(Span::call_site(), &default_param(), default_type(slot, krate));
    tokens.extend(quote!(#none #default));
    tokens
}

fn unless(conditions: &[&TokenStream]) -> Option<TokenStream> {
    (!conditions.is_empty()).then(|| quote!(#[cfg(not(any(#(#conditions),*)))]))
}

pub(super) fn default_type(slot: Slot, krate: &Path) -> TokenStream {
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
