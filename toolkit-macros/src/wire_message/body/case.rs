use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Path};

use crate::errors::located_at;
use crate::wire_message::ast::{Field, FieldDefault, Fields, Layout, Message, Since, Variant};

/// One variant of an enum, or a struct as a whole.
pub(super) struct Case<'m, 'a> {
    /// The index of the variant; 0 for a struct.
    pub(super) index: u32,
    /// `Self` or `Self::Variant`, to which the fields are added in an expression or a pattern.
    pub(super) path: TokenStream,
    /// `Type` or `Type::Variant`, for error messages at run time.
    pub(super) label: String,
    /// The oldest version that has the variant; for a struct, the oldest version of the type's own layout.
    pub(super) since: u8,
    /// `None` for a struct.
    pub(super) variant: Option<&'m Variant<'a>>,
    pub(super) fields: &'m Fields<'a>,
}

pub(super) fn cases<'m, 'a>(message: &'m Message<'a>) -> Vec<Case<'m, 'a>> {
    let type_name = message.name.unraw();
    match &message.layout {
        Layout::Struct(fields) => vec![Case {
            index: 0,
            path: quote!(Self),
            label: type_name.to_string(),
            since: message.oldest_own,
            variant: None,
            fields,
        }],
        Layout::Enum(variants) => (0..)
            .zip(variants)
            .map(|(index, variant)| {
                let name = variant.name;
                Case {
                    index,
                    path: quote!(Self::#name),
                    label: format!("{type_name}::{}", name.unraw()),
                    since: variant.since,
                    variant: Some(variant),
                    fields: &variant.fields,
                }
            })
            .collect(),
        Layout::Refused => Vec::new(),
    }
}

/// Returns code for the value of a field at versions that lack the field.
pub(super) fn default(field: &Field<'_>, since: &Since, krate: &Path) -> TokenStream {
    let ty = field.ty;
    match &since.default {
        FieldDefault::Trait => quote_spanned!(located_at(ty)=> #krate::__private::default_of::<#ty>()),
        // Assign the default to a variable of the field's type. The derive inserts this code both where a body is read
        // and where the field is compared with its default before it is written. A default of a wrong type then causes
        // the same error in all these places, and rustc shows equal errors only once.
        FieldDefault::Path(path) => {
            let call = quote_spanned!(path.span()=> #path());
            quote_spanned! {located_at(path)=> {
                let __default: #ty = #call;
                __default
            }}
        }
        FieldDefault::Refused => quote!((|| -> #ty { ::core::unimplemented!() })()),
    }
}

/// Returns the name of the variable that generated code uses for the field with this index.
pub(super) fn binding(index: usize) -> Ident {
    format_ident!("__field{index}")
}
