//! The types that may be in a slot: the type that the user names, several types under `#[cfg(..)]`, or the default.
//!
//! The macro cannot know which `#[cfg(..)]` hold. It generates code for each of these types, under attributes of its
//! own that leave exactly one type in the slot.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

use super::check::{Config, Filled, duplicate, missing_help};
use super::slot::Slot;

/// A type that may be in a slot.
pub(super) struct Alternative<'a> {
    /// The attributes under which the type is in the slot.
    pub(super) cfg: TokenStream,
    /// The type that the user named; `None` for the default.
    pub(super) filled: Option<&'a Filled>,
}

/// Returns the types that may be in a slot.
///
/// If several conditions hold, the first type is in the slot. [`conditional_errors`] reports the mistake, and rustc
/// does not also report a duplicate type. If no condition holds, the default is in the slot.
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

/// Returns the attribute that keeps code only if none of the conditions holds.
fn unless(conditions: &[&TokenStream]) -> Option<TokenStream> {
    (!conditions.is_empty()).then(|| quote!(#[cfg(not(any(#(#conditions),*)))]))
}

/// Returns the type that the user named, or the default of the slot.
pub(super) fn type_of(filled: Option<&Filled>, slot: Slot, krate: &Path) -> TokenStream {
    match filled {
        Some(Filled { ty, .. }) => quote!(#ty),
        None => default_type(slot, krate),
    }
}

fn default_type(slot: Slot, krate: &Path) -> TokenStream {
    let param = default_param();
    match slot {
        // Required slots have no default. These types replace a type that is missing or was refused, because rustc
        // would otherwise also report that the impl of `RaftTypeConfig` is incomplete.
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

/// Returns code that checks the conditions of the types in a slot. The code reports two conditions that hold together,
/// and a required slot of which no condition holds.
pub(super) fn conditional_errors(alternatives: &[&Filled], krate: &Path) -> TokenStream {
    let mut errors = TokenStream::new();
    let mut earlier: Vec<(&Filled, &TokenStream)> = Vec::new();
    for &again in alternatives {
        let Some(condition) = &again.condition else {
            continue;
        };
        for (first, first_condition) in &earlier {
            for error in duplicate(
                again.slot.name(),
                &first.name,
                &again.name,
                "help: change the two `#[cfg(..)]` so that they never hold together",
            ) {
                let error = error.into_compile_error();
                errors.extend(quote!(#[cfg(all(#first_condition, #condition))] #error));
            }
        }
        earlier.push((again, condition));
    }
    if let Some((first, _)) = earlier.first()
        && first.slot.is_required()
    {
        let message = format!(
            "no `#[cfg(..)]` of slot `{}` holds\n{}",
            first.slot.name(),
            missing_help(&[first.slot], krate)
        );
        let error = syn::Error::new_spanned(&first.name, message).into_compile_error();
        let conditions = earlier.iter().map(|(_, condition)| condition);
        errors.extend(quote!(#[cfg(not(any(#(#conditions),*)))] #error));
    }
    errors
}

/// Returns the name of a generic slot's parameter, for a slot where the user names no parameter.
pub(super) fn default_param() -> Ident {
    Ident::new("T", Span::call_site())
}
