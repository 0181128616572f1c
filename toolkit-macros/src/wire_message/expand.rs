use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{GenericParam, Generics, Lifetime, LifetimeParam, Path, TypeGenerics, WhereClause, parse_quote};

use super::body;
use super::bounds::with_bounds;
use super::check::{Message, Previous};
use crate::errors::located_at;

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

    /// `impl Trait for Type`, of a trait of the toolkit; with `'__de`, which outlives the type's own
    /// lifetimes where `borrows` is true.
    fn impl_block(&self, of: &TokenStream, items: &TokenStream, de: Option<De>) -> TokenStream {
        let krate = self.krate;
        let name = self.message.name;
        let (type_generics, where_clause) = self.split();
        let mut generics = self.generics.clone();
        let mut params = TokenStream::new();
        if let Some(de) = de {
            let lifetime: Lifetime = parse_quote!('__de);
            let mut param = LifetimeParam::new(lifetime.clone());
            if matches!(de, De::Borrows) {
                param.bounds = generics.lifetimes().map(|own| own.lifetime.clone()).collect();
            }
            generics.params.insert(0, GenericParam::Lifetime(param));
            params = quote!(<#lifetime>);
        }
        let (impl_generics, ..) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            #[allow(deprecated, private_bounds, unused_qualifications, clippy::all, clippy::pedantic)]
            impl #impl_generics #krate::#of #params for #name #type_generics #where_clause {
                #items
            }
        }
    }

    fn wire_message(&self) -> TokenStream {
        let krate = self.krate;
        let Message {
            name,
            version,
            oldest,
            previous,
            ..
        } = self.message;
        let min_version = match previous {
            None => quote!(#oldest),
            Some(Previous { ty, .. }) => {
                let rule = format!(
                    "the previous type of a message whose own versions start at {oldest} must be of version {}",
                    oldest.saturating_sub(1)
                );
                quote_spanned! {located_at(ty)=> {
                    ::core::assert!(<#ty as #krate::WireMessage>::VERSION == #oldest - 1, #rule);
                    <#ty as #krate::WireMessage>::MIN_VERSION
                }}
            }
        };
        let older = self.decode_older();
        let downgrade = self.downgrade(|ty| {
            quote_spanned! {located_at(ty)=>
                if #krate::__private::is_previous::<Self>(&[__version]) {
                    let __older = #krate::__private::downgrade::<Self, #ty>(self, __version)?;
                    return #krate::WireMessage::encode_into(&__older, __version, __out);
                }
            }
        });
        let items = quote! {
            const VERSION: ::core::primitive::u8 = #version;
            const MIN_VERSION: ::core::primitive::u8 = #min_version;

            fn encode_into(
                &self,
                __version: ::core::primitive::u8,
                __out: &mut ::std::vec::Vec<::core::primitive::u8>,
            ) -> ::core::result::Result<(), #krate::CodecError> {
                #downgrade
                #krate::__private::encode_message(self, __version, __out)
            }

            fn decode(__bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, #krate::CodecError> {
                #older
                #krate::__private::decode_message::<Self>(__bytes)
            }
        };
        let mut expanded = self.impl_block(&quote!(WireMessage), &items, None);
        let generics = &self.message.generics;
        if previous.is_some() && generics.type_params().next().is_none() && generics.const_params().next().is_none() {
            // Otherwise the version of the previous type is checked where the message is first used.
            let lifetimes = generics.lifetimes().map(|_| quote!('static));
            expanded.extend(quote! {
                const _: ::core::primitive::u8 = <#name<#(#lifetimes),*> as #krate::WireMessage>::MIN_VERSION;
            });
        }
        expanded
    }

    fn borrowed(&self) -> TokenStream {
        let krate = self.krate;
        let older = self.decode_older();
        let mut expanded = self.impl_block(
            &quote!(__private::BorrowedBody),
            &body::borrowed(self.message),
            Some(De::Borrows),
        );
        let items = quote! {
            fn decode_borrowed(
                __bytes: &'__de [::core::primitive::u8],
            ) -> ::core::result::Result<Self, #krate::CodecError> {
                #older
                #krate::__private::decode_borrowed_message::<Self>(__bytes)
            }
        };
        expanded.extend(self.impl_block(&quote!(codec::WireMessageBorrowed), &items, Some(De::Borrows)));
        expanded
    }

    /// Decodes versions below those of the type's own layout. The previous type is named as it is in
    /// `MIN_VERSION`, so that what it lacks is reported once.
    fn decode_older(&self) -> Option<TokenStream> {
        let krate = self.krate;
        self.previous(|ty| {
            quote_spanned! {located_at(ty)=>
                if #krate::__private::is_previous::<Self>(__bytes) {
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
        let read = self.previous(|ty| {
            quote_spanned! {located_at(ty)=>
                fn deserialize_form<'__de, __D: #krate::__private::Deserializer<'__de>>(
                    __version: ::core::primitive::u8,
                    __deserializer: __D,
                ) -> ::core::result::Result<Self, __D::Error> {
                    if __version < <Self as #krate::__private::Body>::OLDEST {
                        #krate::__private::deserialize_previous::<Self, #ty, __D>(__version, __deserializer)
                    } else {
                        #krate::__private::deserialize_body(__version, __deserializer)
                    }
                }
            }
        });
        let write = self.downgrade(|ty| quote_spanned! {located_at(ty)=>
            const OLDEST_WRITABLE: ::core::primitive::u8 = <#ty as #krate::__private::SerdeForm>::OLDEST_WRITABLE;

            fn check_form(&self, __version: ::core::primitive::u8) -> ::core::result::Result<(), #krate::CodecError> {
                if __version < <Self as #krate::__private::Body>::OLDEST {
                    #krate::__private::check_previous::<Self, #ty>(self, __version)
                } else {
                    #krate::__private::Body::check(self, __version)
                }
            }

            fn serialize_form<__S: #krate::__private::Serializer>(
                &self,
                __version: ::core::primitive::u8,
                __serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                if __version < <Self as #krate::__private::Body>::OLDEST {
                    #krate::__private::serialize_previous::<Self, #ty, __S>(self, __version, __serializer)
                } else {
                    #krate::__private::Body::serialize_body(self, __version, __serializer)
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
        expanded.extend(self.impl_block(&quote!(__private::Deserialize), &deserialize, Some(De::Owns)));
        expanded
    }

    fn previous(&self, items: impl FnOnce(&syn::Type) -> TokenStream) -> Option<TokenStream> {
        self.message.previous.as_ref().map(|previous| items(&previous.ty))
    }

    fn downgrade(&self, items: impl FnOnce(&syn::Type) -> TokenStream) -> Option<TokenStream> {
        let previous = self.message.previous.as_ref().filter(|previous| previous.downgrade);
        previous.map(|previous| items(&previous.ty))
    }
}

/// What the lifetime of the input is to the type.
#[derive(Clone, Copy)]
enum De {
    Owns,
    Borrows,
}
