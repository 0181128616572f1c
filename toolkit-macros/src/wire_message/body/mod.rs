//! Generates the items of the hidden traits `Body` and `BorrowedBody`, which write and read each version of a message.
//!
//! - `case.rs` has what `write.rs` and `read.rs` share: the list of variants, and the default value and the variable
//!   name of a field.
//! - `write.rs` generates code that checks whether a version has a place for a value, and code that writes the value.
//! - `read.rs` generates code that reads the fields of a value, in order or by name.

mod case;
mod read;
mod write;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;
use syn::ext::IdentExt;

use self::case::cases;
use self::read::{ReadAs, from_map, from_seq};
use self::write::{ensure_representable, serialize_body};
use super::ast::{Field, Fields, Layout, Message, Shape};

/// Returns the items of `Body`.
pub(super) fn body(message: &Message<'_>) -> TokenStream {
    let Message {
        name,
        krate,
        oldest_own,
        ..
    } = message;
    let name = name.unraw().to_string();
    let variants = match &message.layout {
        Layout::Enum(variants) => {
            let names = variants.iter().map(|variant| variant.name.unraw().to_string());
            quote!(::core::option::Option::Some(&[#(#names),*]))
        }
        Layout::Struct(_) | Layout::Refused => quote!(::core::option::Option::None),
    };
    let cases = cases(message);
    let since = cases.iter().map(|case| case.since);
    let shapes = cases.iter().map(|case| shape(case.fields, krate));
    let ensure_representable = ensure_representable(message, &cases);
    let serialize_body = serialize_body(message, &cases);
    let from_seq = from_seq(message, &cases, ReadAs::Owned);
    let from_map = message.serde.then(|| from_map(message, &cases));
    quote! {
        const OLDEST_OWN: ::core::primitive::u8 = #oldest_own;
        // `codec/bincode/limits.rs` in the toolkit knows the prefix.
        const BOUNDARY: &'static ::core::primitive::str =
            ::core::concat!("wire-message:", ::core::module_path!(), "::", #name);
        const NAME: &'static ::core::primitive::str = #name;
        const VARIANTS: ::core::option::Option<&'static [&'static ::core::primitive::str]> = #variants;
        const VARIANTS_SINCE: &'static [::core::primitive::u8] = &[#(#since),*];
        const SHAPES: &'static [#krate::__private::Shape] = &[#(#shapes),*];

        fn ensure_representable(
            &self,
            __version: ::core::primitive::u8,
        ) -> ::core::result::Result<(), #krate::CodecError> {
            #ensure_representable
        }

        fn serialize_body<__S: #krate::__private::Serializer>(
            &self,
            __version: ::core::primitive::u8,
            __serializer: __S,
        ) -> ::core::result::Result<__S::Ok, __S::Error> {
            #serialize_body
        }

        fn from_seq<'__de, __A: #krate::__private::SeqAccess<'__de>>(
            __variant: ::core::primitive::u32,
            __version: ::core::primitive::u8,
            __fields: &mut #krate::__private::SeqFields<__A>,
        ) -> ::core::result::Result<Self, __A::Error> {
            #from_seq
        }

        #from_map
    }
}

/// Returns the items of `BorrowedBody`.
pub(super) fn borrowed(message: &Message<'_>) -> TokenStream {
    let krate = &message.krate;
    let from_seq = from_seq(message, &cases(message), ReadAs::Borrowed);
    quote! {
        fn from_seq_borrowed<__A: #krate::__private::SeqAccess<'__de>>(
            __variant: ::core::primitive::u32,
            __version: ::core::primitive::u8,
            __fields: &mut #krate::__private::SeqFields<__A>,
        ) -> ::core::result::Result<Self, __A::Error> {
            #from_seq
        }
    }
}

fn shape(fields: &Fields<'_>, krate: &Path) -> TokenStream {
    match fields.shape {
        Shape::Unit => quote!(#krate::__private::Shape::Unit),
        Shape::Tuple => {
            let len = fields.list.len();
            quote!(#krate::__private::Shape::Tuple(#len))
        }
        Shape::Named => {
            let names = fields.list.iter().filter_map(Field::key);
            quote!(#krate::__private::Shape::Named(&[#(#names),*]))
        }
    }
}
