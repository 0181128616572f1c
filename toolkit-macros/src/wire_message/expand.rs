use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{GenericParam, Generics, Lifetime, LifetimeParam, Path, TypeGenerics, WhereClause, parse_quote};

use super::ast::{Message, Previous};
use super::body;
use super::bounds::with_bounds;
use crate::errors::located_at;

/// Returns every impl of a message.
pub(super) fn message(message: &Message<'_>) -> TokenStream {
    let expand = Expand {
        message,
        krate: &message.krate,
        generics: with_bounds(message),
    };
    let mut expanded = expand.impl_block(&quote!(__private::Body), &body::body(message), None);
    expanded.extend(expand.wire_message());
    if message.generics.lifetimes().next().is_some() {
        expanded.extend(expand.borrowed());
    }
    if message.serde {
        expanded.extend(expand.serde_form());
        expanded.extend(expand.serde());
    }
    expanded
}

struct Expand<'m, 'a> {
    message: &'m Message<'a>,
    krate: &'m Path,
    generics: Generics,
}

impl Expand<'_, '_> {
    fn split(&self) -> (TypeGenerics<'_>, Option<&WhereClause>) {
        let (_, type_generics, where_clause) = self.generics.split_for_impl();
        (type_generics, where_clause)
    }

    /// Returns `impl Trait for Type { items }`. `toolkit_trait` is the path of the trait inside the toolkit. `de` is
    /// given if the trait has a parameter for the lifetime of the input. The impl names this lifetime `'__de`.
    fn impl_block(&self, toolkit_trait: &TokenStream, items: &TokenStream, de: Option<InputLifetime>) -> TokenStream {
        let krate = self.krate;
        let name = self.message.name;
        let (type_generics, where_clause) = self.split();
        let mut generics = self.generics.clone();
        let mut params = TokenStream::new();
        if let Some(de) = de {
            let lifetime: Lifetime = parse_quote!('__de);
            let mut param = LifetimeParam::new(lifetime.clone());
            if matches!(de, InputLifetime::OutlivesOwn) {
                param.bounds = generics.lifetimes().map(|own| own.lifetime.clone()).collect();
            }
            generics.params.insert(0, GenericParam::Lifetime(param));
            params = quote!(<#lifetime>);
        }
        let (impl_generics, ..) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            #[allow(deprecated, private_bounds, unused_qualifications, clippy::all, clippy::pedantic)]
            impl #impl_generics #krate::#toolkit_trait #params for #name #type_generics #where_clause {
                #items
            }
        }
    }

    fn wire_message(&self) -> TokenStream {
        let krate = self.krate;
        let Message {
            name,
            version,
            oldest_own,
            previous,
            ..
        } = self.message;
        let min_version = match previous {
            None => quote!(#oldest_own),
            Some(Previous { ty, .. }) => {
                let rule = format!(
                    "the own versions of this message start at {oldest_own}, so its previous type must have version {}",
                    oldest_own.saturating_sub(1)
                );
                quote_spanned! {located_at(ty)=> {
                    ::core::assert!(<#ty as #krate::WireMessage>::VERSION == #oldest_own - 1, #rule);
                    <#ty as #krate::WireMessage>::MIN_VERSION
                }}
            }
        };
        let decode_previous = self.decode_previous();
        let encode_previous = self.with_downgrade(|ty| {
            quote_spanned! {located_at(ty)=>
                if #krate::__private::is_written_as_previous::<Self>(__version) {
                    let __previous = #krate::__private::downgrade::<Self, #ty>(self, __version)?;
                    return #krate::WireMessage::encode_into(&__previous, __version, __out);
                }
            }
        });
        let oldest_writable =
            self.with_downgrade(|ty| quote_spanned!(located_at(ty)=> <#ty as #krate::WireMessage>::OLDEST_WRITABLE));
        let oldest_writable = oldest_writable.unwrap_or_else(|| quote!(#oldest_own));
        let items = quote! {
            const VERSION: ::core::primitive::u8 = #version;
            const MIN_VERSION: ::core::primitive::u8 = #min_version;
            const OLDEST_WRITABLE: ::core::primitive::u8 = #oldest_writable;

            fn encode_into(
                &self,
                __version: ::core::primitive::u8,
                __out: &mut ::std::vec::Vec<::core::primitive::u8>,
            ) -> ::core::result::Result<(), #krate::CodecError> {
                #encode_previous
                #krate::__private::encode_message(self, __version, __out)
            }

            fn decode(__bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, #krate::CodecError> {
                #decode_previous
                #krate::__private::decode_message::<Self>(__bytes)
            }
        };
        let mut expanded = self.impl_block(&quote!(WireMessage), &items, None);
        let generics = &self.message.generics;
        if previous.is_some() && generics.type_params().next().is_none() && generics.const_params().next().is_none() {
            // Evaluate `MIN_VERSION`, so that rustc checks the assertion in it even if the message is not used. For a
            // generic type, rustc checks the assertion only where the message is used.
            let lifetimes = generics.lifetimes().map(|_| quote!('static));
            expanded.extend(quote! {
                const _: ::core::primitive::u8 = <#name<#(#lifetimes),*> as #krate::WireMessage>::MIN_VERSION;
            });
        }
        expanded
    }

    fn borrowed(&self) -> TokenStream {
        let krate = self.krate;
        let decode_previous = self.decode_previous();
        let mut expanded = self.impl_block(
            &quote!(__private::BorrowedBody),
            &body::borrowed(self.message),
            Some(InputLifetime::OutlivesOwn),
        );
        let items = quote! {
            fn decode_borrowed(
                __bytes: &'__de [::core::primitive::u8],
            ) -> ::core::result::Result<Self, #krate::CodecError> {
                #decode_previous
                #krate::__private::decode_borrowed_message::<Self>(__bytes)
            }
        };
        expanded.extend(self.impl_block(
            &quote!(codec::WireMessageBorrowed),
            &items,
            Some(InputLifetime::OutlivesOwn),
        ));
        expanded
    }

    /// Returns code that decodes a frame of the previous type, if there is a previous type.
    ///
    /// The code names the previous type with the same tokens as `MIN_VERSION` does. If the previous type lacks a trait,
    /// rustc then reports this only once.
    fn decode_previous(&self) -> Option<TokenStream> {
        let krate = self.krate;
        self.with_previous(|ty| {
            quote_spanned! {located_at(ty)=>
                if #krate::__private::is_previous_frame::<Self>(__bytes) {
                    return ::core::result::Result::map(
                        <#ty as #krate::WireMessage>::decode(__bytes),
                        #krate::__private::upgrade::<Self, #ty>,
                    );
                }
            }
        })
    }

    fn serde_form(&self) -> TokenStream {
        let krate = self.krate;
        let read = self.with_previous(|ty| {
            quote_spanned! {located_at(ty)=>
                fn deserialize_at<'__de, __D: #krate::__private::Deserializer<'__de>>(
                    __version: ::core::primitive::u8,
                    __deserializer: __D,
                ) -> ::core::result::Result<Self, __D::Error> {
                    if #krate::__private::is_previous_version::<Self>(__version) {
                        #krate::__private::deserialize_previous::<Self, #ty, __D>(__version, __deserializer)
                    } else {
                        #krate::__private::deserialize_body(__version, __deserializer)
                    }
                }
            }
        });
        let write = self.with_downgrade(|ty| {
            quote_spanned! {located_at(ty)=>
                fn ensure_writable_at(
                    &self,
                    __version: ::core::primitive::u8,
                ) -> ::core::result::Result<(), #krate::CodecError> {
                    if #krate::__private::is_written_as_previous::<Self>(__version) {
                        #krate::__private::ensure_previous_writable_at::<Self, #ty>(self, __version)
                    } else {
                        #krate::__private::Body::ensure_representable(self, __version)
                    }
                }

                fn serialize_at<__S: #krate::__private::Serializer>(
                    &self,
                    __version: ::core::primitive::u8,
                    __serializer: __S,
                ) -> ::core::result::Result<__S::Ok, __S::Error> {
                    if #krate::__private::is_written_as_previous::<Self>(__version) {
                        #krate::__private::serialize_previous::<Self, #ty, __S>(self, __version, __serializer)
                    } else {
                        #krate::__private::Body::serialize_body(self, __version, __serializer)
                    }
                }
            }
        });
        self.impl_block(&quote!(__private::SerdeForm), &quote!(#read #write), None)
    }

    fn serde(&self) -> TokenStream {
        let krate = self.krate;
        let serialize = quote! {
            fn serialize<__S: #krate::__private::Serializer>(
                &self,
                __serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                #krate::__private::serialize_message(self, __serializer)
            }
        };
        let deserialize = quote! {
            fn deserialize<__D: #krate::__private::Deserializer<'__de>>(
                __deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                #krate::__private::deserialize_message(__deserializer)
            }
        };
        let mut expanded = self.impl_block(&quote!(__private::Serialize), &serialize, None);
        expanded.extend(self.impl_block(&quote!(__private::Deserialize), &deserialize, Some(InputLifetime::Free)));
        expanded
    }

    /// Calls `items` with the previous type. Returns `None` if there is no previous type.
    fn with_previous(&self, items: impl FnOnce(&syn::Type) -> TokenStream) -> Option<TokenStream> {
        self.message.previous.as_ref().map(|previous| items(&previous.ty))
    }

    /// Calls `items` with the previous type. Returns `None` if the versions of the previous type are not written.
    fn with_downgrade(&self, items: impl FnOnce(&syn::Type) -> TokenStream) -> Option<TokenStream> {
        let previous = self.message.previous.as_ref().filter(|previous| previous.downgrade);
        previous.map(|previous| items(&previous.ty))
    }
}

/// How `'__de`, the lifetime of the input, relates to the lifetimes of the type.
#[derive(Clone, Copy)]
enum InputLifetime {
    /// `'__de` is independent of the type's lifetimes, because the value owns a copy of what it reads.
    Free,
    /// `'__de` outlives the type's lifetimes, because the value borrows from the input.
    OutlivesOwn,
}
