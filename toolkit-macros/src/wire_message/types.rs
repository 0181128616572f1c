//! What the tokens of a field's type show. The macro does not know which type a name refers to.

use syn::{GenericArgument, Generics, PathArguments, PathSegment, Type};

/// Returns whether the type is `Vec<u8>`, `Box<[u8]>` or `Cow<'_, [u8]>`. A field of such a type is written and read as
/// a whole.
pub(super) fn is_bytes(ty: &Type) -> bool {
    let Some((last, arguments)) = last_segment(ty) else {
        return false;
    };
    let slice = match arguments[..] {
        [GenericArgument::Type(element)] if last.ident == "Vec" => return is_named(element, "u8"),
        [GenericArgument::Type(slice)] if last.ident == "Box" => slice,
        [GenericArgument::Lifetime(_), GenericArgument::Type(slice)] if last.ident == "Cow" => slice,
        _ => return false,
    };
    is_byte_slice(slice)
}

/// Returns the `str` or `[u8]` of a `Cow<'a, str>` or `Cow<'a, [u8]>` that can borrow from a frame. Returns `None` for
/// any other type.
///
/// `'a` must be a lifetime parameter of the message. A `Cow<'static, str>` cannot borrow from a frame, which does not
/// live that long.
pub(super) fn borrowed_target<'t>(ty: &'t Type, message: &Generics) -> Option<&'t Type> {
    let (last, arguments) = last_segment(ty)?;
    let [GenericArgument::Lifetime(lifetime), GenericArgument::Type(target)] = arguments[..] else {
        return None;
    };
    let can_borrow = last.ident == "Cow"
        && message.lifetimes().any(|own| own.lifetime == *lifetime)
        && (is_byte_slice(target) || is_named(target, "str"));
    can_borrow.then_some(target)
}

/// Returns the first reference type (`&T`) in `ty`: `ty` itself, or inside arrays, tuples, `Box`, `Option` and `Vec`.
///
/// The parameters of any other type are not searched, because the macro cannot know whether a value of that type holds
/// them.
pub(super) fn first_reference(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(_) => Some(ty),
        Type::Group(group) => first_reference(&group.elem),
        Type::Paren(paren) => first_reference(&paren.elem),
        Type::Array(array) => first_reference(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(first_reference),
        Type::Path(_) => {
            let (last, arguments) = last_segment(ty)?;
            let holds_its_arguments = ["Box", "Option", "Vec"].iter().any(|name| last.ident == name);
            arguments
                .into_iter()
                .filter(|_| holds_its_arguments)
                .find_map(|argument| match argument {
                    GenericArgument::Type(ty) => first_reference(ty),
                    _ => None,
                })
        }
        _ => None,
    }
}

/// Returns the last segment of the type's path, with its arguments. Returns `None` if the segment has no arguments in
/// angle brackets.
fn last_segment(ty: &Type) -> Option<(&PathSegment, Vec<&GenericArgument>)> {
    let Type::Path(path) = ungrouped(ty) else {
        return None;
    };
    let last = path.path.segments.last().filter(|_| path.qself.is_none())?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    Some((last, arguments.args.iter().collect()))
}

fn is_byte_slice(ty: &Type) -> bool {
    matches!(ty, Type::Slice(slice) if is_named(&slice.elem, "u8"))
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ungrouped(ty), Type::Path(path) if path.path.is_ident(name))
}

/// Removes the invisible group that a `macro_rules!` puts around a type which it passes on.
fn ungrouped(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}
