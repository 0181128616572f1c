use syn::visit::{self, Visit};
use syn::{Generics, Ident, Path, Type, TypePath, WherePredicate, parse_quote};

use super::ast::{FieldDefault, Message, Since};

/// Returns the generics of the type, with the bounds that the generated impls need.
///
/// The bounds for serde are on the type parameters that fields hold, and on associated types of these parameters. As in
/// serde's derive, the types of the fields have no such bound: for a recursive type, rustc could not resolve the bound,
/// and a private type would appear in the public `where` clause.
///
/// The bounds for `since` are on the types of the fields that hold type parameters, because an `Option<T>` has a
/// default even if `T` has no default.
pub(super) fn with_bounds(message: &Message<'_>) -> Generics {
    let krate = &message.krate;
    let mut held = Held {
        params: message.generics.type_params().map(|param| &param.ident).collect(),
        types: Vec::new(),
    };
    let mut predicates: Vec<WherePredicate> = Vec::new();
    for field in message.layout.fields() {
        let ty = field.ty;
        let found = held.add_from(ty);
        if let Some(Since { default, lossy, .. }) = field.since.as_ref().filter(|_| found) {
            if matches!(default, FieldDefault::Trait) {
                predicates.push(parse_quote!(#ty: #krate::__private::Defaulted));
            }
            if !lossy {
                predicates.push(parse_quote!(#ty: #krate::__private::Comparable));
            }
        }
    }
    for ty in held.types {
        predicates.push(parse_quote!(#ty: #krate::__private::Serialize + #krate::__private::DeserializeOwned));
    }
    let mut generics = message.generics.clone();
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}

/// Collects the type parameters that fields hold, and the associated types of type parameters.
struct Held<'a> {
    /// The type parameters of the message.
    params: Vec<&'a Ident>,
    /// The type parameters and associated types that have been found so far, without duplicates.
    types: Vec<Type>,
}

impl Held<'_> {
    /// Adds the type parameters and associated types that `ty` holds, and returns whether there are any.
    fn add_from(&mut self, ty: &Type) -> bool {
        let mut in_ty = Held {
            params: self.params.clone(),
            types: Vec::new(),
        };
        in_ty.visit_type(ty);
        let found = !in_ty.types.is_empty();
        for ty in in_ty.types {
            if !self.types.contains(&ty) {
                self.types.push(ty);
            }
        }
        found
    }

    /// Returns whether the path is a type parameter, or starts with a type parameter as `T::Item` does.
    fn starts_at_param(&self, path: &Path) -> bool {
        path.leading_colon.is_none()
            && path
                .segments
                .first()
                .is_some_and(|first| self.params.contains(&&first.ident))
    }
}

impl<'ast> Visit<'ast> for Held<'_> {
    fn visit_type_path(&mut self, ty: &'ast TypePath) {
        let projects_param = ty.qself.as_ref().is_some_and(
            |qself| matches!(&*qself.ty, Type::Path(inner) if inner.qself.is_none() && self.starts_at_param(&inner.path)),
        );
        if projects_param || (ty.qself.is_none() && self.starts_at_param(&ty.path)) {
            self.types.push(Type::Path(ty.clone()));
        } else {
            visit::visit_type_path(self, ty);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        // Skip `PhantomData<T>`, which holds no `T`.
        if path.segments.last().is_none_or(|last| last.ident != "PhantomData") {
            visit::visit_path(self, path);
        }
    }
}
