use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;

use super::case::{Case, binding, default};
use crate::errors::located_at;
use crate::wire_message::ast::{Field, Message, Shape};
use crate::wire_message::types::{borrowed_target, is_bytes};

/// Whether all fields own what they hold, or `Cow` fields borrow from the input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadAs {
    Owned,
    Borrowed,
}

/// Returns code that reads the fields of a struct or variant in order.
pub(super) fn from_seq(message: &Message<'_>, cases: &[Case<'_, '_>], read_as: ReadAs) -> TokenStream {
    let krate = &message.krate;
    per_case(krate, cases, |case| {
        let values = case.fields.list.iter().map(|field| {
            let Field { member, ty, .. } = field;
            let read = match borrowed_target(ty, message.generics).filter(|_| read_as == ReadAs::Borrowed) {
                Some(target) => quote!(#krate::__private::SeqFields::borrowed::<#target, #ty>(__fields)?),
                None if is_bytes(ty) => quote_spanned!(located_at(ty)=>
                    #krate::__private::SeqFields::owned::<#krate::__private::Bytes<#ty>>(__fields)?.0
                ),
                None => quote_spanned!(located_at(ty)=> #krate::__private::SeqFields::owned::<#ty>(__fields)?),
            };
            let value = match &field.since {
                Some(since) => {
                    let (version, default) = (since.version, default(field, since, krate));
                    quote!(if __version >= #version { #read } else { #default })
                }
                None => read,
            };
            quote!(#member: #value)
        });
        let path = &case.path;
        Some(quote!(::core::result::Result::Ok(#path { #(#values),* })))
    })
}

/// Returns `Body::from_map`, which reads the fields of a struct or variant by name, in any order.
pub(super) fn from_map(message: &Message<'_>, cases: &[Case<'_, '_>]) -> TokenStream {
    let krate = &message.krate;
    let read = per_case(krate, cases, |case| {
        if case.fields.shape != Shape::Named {
            return None;
        }
        let fields = || case.fields.list.iter().enumerate();
        let bindings = fields().map(|(index, _)| binding(index));
        let reads = fields().map(|(index, Field { ty, .. })| {
            let binding = binding(index);
            let bytes = quote!(#krate::__private::Bytes<#ty>);
            let read_as = if is_bytes(ty) { bytes } else { quote!(#ty) };
            let read = quote_spanned!(located_at(ty)=>
                #krate::__private::MapFields::value::<#read_as>(__fields, #index, &mut #binding)?
            );
            quote!(::core::option::Option::Some(#index) => #read,)
        });
        let values = fields().map(|(index, field)| {
            let (member, mut binding) = (&field.member, binding(index).to_token_stream());
            if is_bytes(field.ty) {
                binding = quote!(::core::option::Option::map(#binding, |__bytes| __bytes.0));
            }
            let present = quote!(#krate::__private::MapFields::present(__fields, #index, #binding)?);
            match &field.since {
                Some(since) => {
                    let (version, default) = (since.version, default(field, since, krate));
                    quote! {
                        #member: if __version >= #version {
                            #present
                        } else {
                            #krate::__private::MapFields::absent(__fields, #index, #binding, || #default)?
                        }
                    }
                }
                None => quote!(#member: #present),
            }
        });
        let path = &case.path;
        Some(quote! {{
            #(let mut #bindings = ::core::option::Option::None;)*
            loop {
                match #krate::__private::MapFields::next_name(__fields)? {
                    #(#reads)*
                    ::core::option::Option::Some(_) => #krate::__private::MapFields::skip(__fields)?,
                    ::core::option::Option::None => break,
                }
            }
            ::core::result::Result::Ok(#path { #(#values),* })
        }})
    });
    quote! {
        fn from_map<'__de, __A: #krate::__private::MapAccess<'__de>>(
            __variant: ::core::primitive::u32,
            __version: ::core::primitive::u8,
            __fields: &mut #krate::__private::MapFields<__A>,
        ) -> ::core::result::Result<Self, __A::Error> {
            #read
        }
    }
}

/// Returns code that reads the variant whose index is in `__variant`. `read` returns the code for one variant. It
/// returns `None` for a variant that the generated code refuses, because its fields have no names to read them by.
///
/// Each variant is read in its own closure. Without optimization, a single function would reserve stack for the
/// fields of all variants at once. Types nest, so the stack could overflow.
fn per_case<'m, 'a>(
    krate: &Path,
    cases: &'m [Case<'m, 'a>],
    read: impl Fn(&Case<'m, 'a>) -> Option<TokenStream>,
) -> TokenStream {
    let arms = cases.iter().filter_map(|case| {
        let index = case.index;
        read(case).map(|read| quote!(#index => (|| -> ::core::result::Result<Self, __A::Error> { #read })(),))
    });
    quote! {
        match __variant {
            #(#arms)*
            _ => ::core::result::Result::Err(
                #krate::__private::unknown_variant::<Self, __A::Error>(__variant, __version),
            ),
        }
    }
}
