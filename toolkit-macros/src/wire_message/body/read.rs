//! The items of the hidden trait `Body`: what each version writes and reads.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{GenericArgument, Generics, Path, PathArguments, Type};

use super::check::{Field, FieldDefault, Fields, Layout, Message, Shape, Since, Variant};
use crate::errors::located_at;

pub(super) fn body(message: &Message<'_>) -> TokenStream {
    let Message {
        name, krate, oldest, ..
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
    let check = check(message, &cases);
    let serialize_body = serialize_body(message, &cases);
    let from_seq = from_seq(message, &cases, Holds::Owned);
    let from_map = message.serde.then(|| from_map(message, &cases));
    quote! {
        const OLDEST: ::core::primitive::u8 = #oldest;
        const NAME: &'static ::core::primitive::str = #name;
        const VARIANTS: ::core::option::Option<&'static [&'static ::core::primitive::str]> = #variants;
        const SINCE: &'static [::core::primitive::u8] = &[#(#since),*];
        const SHAPES: &'static [#krate::__private::Shape] = &[#(#shapes),*];

        fn check(&self, __version: ::core::primitive::u8) -> ::core::result::Result<(), #krate::CodecError> {
            #check
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

/// The items of `BorrowedBody`.
pub(super) fn borrowed(message: &Message<'_>) -> TokenStream {
    let krate = &message.krate;
    let from_seq = from_seq(message, &cases(message), Holds::Borrowed);
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

/// A variant, or the struct.
struct Case<'m, 'a> {
    index: u32,
    /// How a value of it is written: `Self` or `Self::Name`.
    path: TokenStream,
    /// `Type` or `Type::Name`.
    name: String,
    since: u8,
    variant: Option<&'m Variant<'a>>,
    fields: &'m Fields<'a>,
}

fn cases<'m, 'a>(message: &'m Message<'a>) -> Vec<Case<'m, 'a>> {
    let of = message.name.unraw();
    match &message.layout {
        Layout::Struct(fields) => vec![Case {
            index: 0,
            path: quote!(Self),
            name: of.to_string(),
            since: message.oldest,
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
                    name: format!("{of}::{}", name.unraw()),
                    since: variant.since,
                    variant: Some(variant),
                    fields: &variant.fields,
                }
            })
            .collect(),
        Layout::Refused => Vec::new(),
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
            let names = fields.list.iter().map(|field| &field.name);
            quote!(#krate::__private::Shape::Named(&[#(#names),*]))
        }
    }
}

/// Refuses what is newer than `__version` and would be dropped.
fn check(message: &Message<'_>, cases: &[Case<'_, '_>]) -> TokenStream {
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
            if case.since > message.oldest {
                let (since, refuse) = (case.since, refuse(case.name.clone()));
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
                let refuse = refuse(format!("{}::{}", case.name, field.name));
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

/// Writes the fields of the variant that it is, each in a function of its own, as in [`per_case`].
fn serialize_body(message: &Message<'_>, cases: &[Case<'_, '_>]) -> TokenStream {
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
        let (begin, state, field) = match (fields.shape, variant_name.is_some()) {
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
        let (state, field) = (format_ident!("{state}"), format_ident!("{field}"));
        let always = fields.list.iter().filter(|field| field.since.is_none()).count();
        let newer = fields.list.iter().filter_map(|field| field.since.as_ref()).map(|Since { version, .. }| {
            quote!(+ (__version >= #version) as ::core::primitive::usize)
        });
        let writes = fields.list.iter().enumerate().map(|(index, Field { name, ty, since, .. })| {
            let binding = binding(index);
            let key = (fields.shape == Shape::Named).then(|| quote!(#name,));
            let write = if is_bytes(ty) {
                quote_spanned!(located_at(ty)=>
                    #krate::__private::#state::#field(&mut __state, #key &#krate::__private::Bytes::<&#ty>(#binding))?;
                )
            } else {
                quote_spanned!(located_at(ty)=>
                    #krate::__private::#state::#field::<#ty>(&mut __state, #key #binding)?;
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

/// Whether `Cow`s are borrowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Owned,
    Borrowed,
}

fn from_seq(message: &Message<'_>, cases: &[Case<'_, '_>], holds: Holds) -> TokenStream {
    let krate = &message.krate;
    per_case(krate, cases, |case| {
        let values = case.fields.list.iter().map(|field| {
            let Field { member, ty, .. } = field;
            let read = match borrowed_in(ty, message.generics).filter(|_| holds == Holds::Borrowed) {
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

fn from_map(message: &Message<'_>, cases: &[Case<'_, '_>]) -> TokenStream {
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

/// Code that reads the fields of the variant that `__variant` says, each in a function of its own: an
/// unoptimized one has room on its stack for all that is in it, and types nest.
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

/// What a field holds in versions that don't have it.
fn default(field: &Field<'_>, since: &Since, krate: &Path) -> TokenStream {
    let ty = field.ty;
    match &since.default {
        FieldDefault::Trait => quote_spanned!(located_at(ty)=> #krate::__private::default_of::<#ty>()),
        // The same wherever it is generated, so that a wrong type is reported once.
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

/// Whether these are bytes that can be written and read as a whole: a `Vec<u8>`, a `Box<[u8]>` or a
/// `Cow<'_, [u8]>`.
fn is_bytes(ty: &Type) -> bool {
    let Type::Path(path) = ungrouped(ty) else {
        return false;
    };
    let Some(last) = path.path.segments.last().filter(|_| path.qself.is_none()) else {
        return false;
    };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return false;
    };
    let holds = match arguments.args.iter().collect::<Vec<_>>()[..] {
        [GenericArgument::Type(holds)] if last.ident == "Vec" => return is_path(holds, "u8"),
        [GenericArgument::Type(holds)] if last.ident == "Box" => holds,
        [GenericArgument::Lifetime(_), GenericArgument::Type(holds)] if last.ident == "Cow" => holds,
        _ => return false,
    };
    matches!(holds, Type::Slice(slice) if is_path(&slice.elem, "u8"))
}

/// What a `macro_rules!` passed on, without the group that it put around it.
fn ungrouped(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}

fn is_path(ty: &Type, name: &str) -> bool {
    matches!(ungrouped(ty), Type::Path(path) if path.path.is_ident(name))
}

/// What a `Cow<'a, str>` or `Cow<'a, [u8]>` borrows, where `'a` is of the type: no frame lives as long as
/// a `'static` one.
fn borrowed_in<'t>(ty: &'t Type, generics: &Generics) -> Option<&'t Type> {
    let Type::Path(path) = ungrouped(ty) else {
        return None;
    };
    let last = path.path.segments.last().filter(|last| last.ident == "Cow")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let mut arguments = arguments.args.iter();
    let (Some(GenericArgument::Lifetime(lifetime)), Some(GenericArgument::Type(target)), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return None;
    };
    if !generics.lifetimes().any(|own| own.lifetime == *lifetime) {
        return None;
    }
    match target {
        Type::Slice(slice) if is_path(&slice.elem, "u8") => Some(target),
        other if is_path(other, "str") => Some(target),
        _ => None,
    }
}

fn binding(index: usize) -> Ident {
    format_ident!("__field{index}")
}
