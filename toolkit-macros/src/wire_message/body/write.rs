use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;

use super::case::{Case, binding, default};
use crate::errors::located_at;
use crate::wire_message::ast::{Field, Layout, Message, Shape, Since};
use crate::wire_message::types::is_bytes;

/// Returns code that refuses a value if `__version` lacks its variant, or lacks a field that is neither `lossy` nor
/// equal to its default.
pub(super) fn ensure_representable(message: &Message<'_>, cases: &[Case<'_, '_>]) -> TokenStream {
    let krate = &message.krate;
    let refuse = |what: String| {
        quote! {
            return ::core::result::Result::Err(#krate::CodecError::not_representable(__version, #what));
        }
    };
    let arms: Vec<TokenStream> = cases
        .iter()
        .filter_map(|case| {
            let mut checks = TokenStream::new();
            if case.since > message.oldest_own {
                let (since, refuse) = (case.since, refuse(case.label.clone()));
                checks.extend(quote!(if __version < #since { #refuse }));
            }
            let mut bindings = TokenStream::new();
            for (index, field) in case.fields.list.iter().enumerate() {
                let Field { member, ty, .. } = field;
                let Some(
                    since @ Since {
                        version, lossy: false, ..
                    },
                ) = &field.since
                else {
                    continue;
                };
                let binding = binding(index);
                let default = default(field, since, krate);
                let is_default =
                    quote_spanned!(located_at(ty)=> #krate::__private::is_default::<#ty>(#binding, #default));
                let refuse = refuse(format!("{}::{}", case.label, field.label()));
                bindings.extend(quote!(#member: #binding,));
                checks.extend(quote!(if __version < #version && !#is_default { #refuse }));
            }
            let path = &case.path;
            (!checks.is_empty()).then(|| quote!(#path { #bindings .. } => { #checks }))
        })
        .collect();
    if arms.is_empty() {
        return quote!(::core::result::Result::Ok(()));
    }
    let others = (arms.len() < cases.len()).then(|| quote!(_ => {}));
    quote! {
        match self {
            #(#arms)*
            #others
        }
        ::core::result::Result::Ok(())
    }
}

/// Returns code that writes the variant of a value, and the fields that `__version` has.
///
/// Each variant is written in its own closure. Without optimization, a single function would reserve stack for all
/// variants at once. Types nest, so the stack could overflow.
pub(super) fn serialize_body(message: &Message<'_>, cases: &[Case<'_, '_>]) -> TokenStream {
    if matches!(message.layout, Layout::Refused) {
        return quote!(::core::unimplemented!());
    }
    if cases.is_empty() {
        return quote!(match *self {});
    }
    let krate = &message.krate;
    let type_name = message.name.unraw().to_string();
    let arms = cases.iter().map(|Case { index, path, variant, fields, .. }| {
        let bindings = fields.list.iter().enumerate().map(|(index, Field { member, .. })| {
            let binding = binding(index);
            quote!(#member: #binding)
        });
        let variant_name = variant.map(|variant| variant.name.unraw().to_string());
        let (begin, state, write_field) = match (fields.shape, variant_name.is_some()) {
            (Shape::Unit, false) => ("serialize_unit_struct", None, ""),
            (Shape::Unit, true) => ("serialize_unit_variant", None, ""),
            (Shape::Tuple, false) => ("serialize_tuple_struct", Some("SerializeTupleStruct"), "serialize_field"),
            (Shape::Tuple, true) => ("serialize_tuple_variant", Some("SerializeTupleVariant"), "serialize_field"),
            (Shape::Named, false) => ("serialize_struct", Some("SerializeStruct"), "serialize_field"),
            (Shape::Named, true) => ("serialize_struct_variant", Some("SerializeStructVariant"), "serialize_field"),
        };
        let begin = format_ident!("{begin}");
        let variant_args = variant_name.map(|name| quote!(#index, #name,));
        let Some(state) = state else {
            return quote! {
                #path { #(#bindings),* } => #krate::__private::Serializer::#begin(__serializer, #type_name, #variant_args),
            };
        };
        let (state, write_field) = (format_ident!("{state}"), format_ident!("{write_field}"));
        let always = fields.list.iter().filter(|field| field.since.is_none()).count();
        let newer = fields.list.iter().filter_map(|field| field.since.as_ref()).map(|Since { version, .. }| {
            quote!(+ (__version >= #version) as ::core::primitive::usize)
        });
        let writes = fields.list.iter().enumerate().map(|(index, field)| {
            let Field { ty, since, .. } = field;
            let binding = binding(index);
            let key = field.key().map(|key| quote!(#key,));
            let write = if is_bytes(ty) {
                quote_spanned!(located_at(ty)=>
                    #krate::__private::#state::#write_field(&mut __state, #key &#krate::__private::Bytes::<&#ty>(#binding))?;
                )
            } else {
                quote_spanned!(located_at(ty)=>
                    #krate::__private::#state::#write_field::<#ty>(&mut __state, #key #binding)?;
                )
            };
            match since {
                Some(Since { version, .. }) => quote!(if __version >= #version { #write }),
                None => write,
            }
        });
        quote! {
            #path { #(#bindings),* } => (|| {
                let mut __state = #krate::__private::Serializer::#begin(
                    __serializer, #type_name, #variant_args #always #(#newer)*
                )?;
                #(#writes)*
                #krate::__private::#state::end(__state)
            })(),
        }
    });
    quote!(match self { #(#arms)* })
}
