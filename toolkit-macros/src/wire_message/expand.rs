use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Path;
use syn::ext::IdentExt;

use super::bounds::with_bounds;
use super::check::{Field, Layout, Message, Variant};
use crate::errors::located_at;

pub(super) fn message(message: &Message<'_>) -> TokenStream {
    let Message {
        name,
        krate,
        version,
        layout,
        ..
    } = message;
    let generics = with_bounds(message);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (encode, decode) = match layout {
        Layout::Struct(fields) => (encode_struct(fields, krate), decode_struct(fields, krate)),
        Layout::Enum(variants) => (encode_enum(variants, krate), decode_enum(name, variants, krate)),
        Layout::Refused => (quote!(::core::unimplemented!()), quote!(::core::unimplemented!())),
    };
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, clippy::pedantic)]
        impl #impl_generics #krate::WireMessage for #name #type_generics #where_clause {
            const VERSION: ::core::primitive::u8 = #version;
            const MIN_VERSION: ::core::primitive::u8 = #version;

            fn encode_into(
                &self,
                __version: ::core::primitive::u8,
                __out: &mut ::std::vec::Vec<::core::primitive::u8>,
            ) -> ::core::result::Result<(), #krate::CodecError> {
                #krate::__private::encode_message::<Self>(__version, __out, |__body| #encode)
            }

            fn decode(__bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, #krate::CodecError> {
                #krate::__private::decode_message::<Self>(__bytes, |__body| #decode)
            }
        }
    }
}

fn encode_struct(fields: &[Field<'_>], krate: &Path) -> TokenStream {
    let pattern = pattern(fields);
    let encode = encode_fields(fields, krate);
    quote!({
        let Self #pattern = self;
        #encode
        ::core::result::Result::Ok(())
    })
}

fn decode_struct(fields: &[Field<'_>], krate: &Path) -> TokenStream {
    let decode = decode_fields(fields, krate);
    quote!(::core::result::Result::Ok(Self #decode))
}

fn encode_enum(variants: &[Variant<'_>], krate: &Path) -> TokenStream {
    if variants.is_empty() {
        return quote!(match *self {});
    }
    let arms = (0u32..).zip(variants).map(|(index, Variant { name, fields })| {
        let pattern = pattern(fields);
        let encode = encode_fields(fields, krate);
        quote! {
            Self::#name #pattern => {
                #krate::__private::BodyWriter::variant(__body, #index)?;
                #encode
            }
        }
    });
    quote!({
        match self {
            #(#arms)*
        }
        ::core::result::Result::Ok(())
    })
}

fn decode_enum(name: &Ident, variants: &[Variant<'_>], krate: &Path) -> TokenStream {
    let arms = (0u32..).zip(variants).map(|(index, Variant { name, fields })| {
        let decode = decode_fields(fields, krate);
        quote!(#index => ::core::result::Result::Ok(Self::#name #decode),)
    });
    let name = name.unraw().to_string();
    quote! {
        match #krate::__private::BodyReader::variant(__body)? {
            #(#arms)*
            __index => ::core::result::Result::Err(#krate::__private::BodyReader::unknown_variant(#name, __index)),
        }
    }
}

/// `{ name: __field0, .. }`, for tuples `{ 0: __field0, .. }`.
fn pattern(fields: &[Field<'_>]) -> TokenStream {
    let bindings = fields.iter().enumerate().map(|(index, Field { member, .. })| {
        let binding = binding(index);
        quote!(#member: #binding)
    });
    quote!({ #(#bindings),* })
}

fn encode_fields(fields: &[Field<'_>], krate: &Path) -> TokenStream {
    fields
        .iter()
        .enumerate()
        .map(|(index, Field { ty, .. })| {
            let binding = binding(index);
            quote_spanned!(located_at(ty)=> #krate::__private::BodyWriter::field::<#ty>(__body, #binding)?;)
        })
        .collect()
}

fn decode_fields(fields: &[Field<'_>], krate: &Path) -> TokenStream {
    let values = fields.iter().map(|Field { member, ty }| {
        let value = quote_spanned!(located_at(ty)=> #krate::__private::BodyReader::field::<#ty>(__body)?);
        quote!(#member: #value)
    });
    quote!({ #(#values),* })
}

fn binding(index: usize) -> Ident {
    format_ident!("__field{index}")
}
