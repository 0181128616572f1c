use syn::visit::{self, Visit};
use syn::{Generics, Ident, Path, Type, TypePath, WherePredicate, parse_quote};

use super::check::{FieldDefault, Message, Since};

/// The generics of the type, with bounds on what its fields hold: parameters, and associated types of
/// parameters. As in serde, the bounds are not on the fields' types, which may be recursive or private.
///
/// What `since` asks is a bound on the field's type: an `Option<T>` has a default where `T` has none.
pub(super) fn with_bounds(message: &Message<'_>) -> Generics {
    let krate = &message.krate;
    let mut held = Held {
        params: message.generics.type_params().map(|param| &param.ident).collect(),
        types: Vec::new(),
    };
    let mut predicates: Vec<WherePredicate> = Vec::new();
    for field in message.layout.fields() {
        let ty = field.ty;
        let found = held.found_in(ty);
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

/// The parameters, and the associated types of parameters, that fields hold.
struct Held<'a> {
    params: Vec<&'a Ident>,
    types: Vec<Type>,
}

impl Held<'_> {
    /// Whether `ty` holds any, which are added.
    fn found_in(&mut self, ty: &Type) -> bool {
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

    fn names_param(&self, path: &Path) -> bool {
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
            |qself| matches!(&*qself.ty, Type::Path(inner) if inner.qself.is_none() && self.names_param(&inner.path)),
        );
        if projects_param || (ty.qself.is_none() && self.names_param(&ty.path)) {
            self.types.push(Type::Path(ty.clone()));
        } else {
            visit::visit_type_path(self, ty);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        // It holds no value of its parameter.
        if path.segments.last().is_none_or(|last| last.ident != "PhantomData") {
            visit::visit_path(self, path);
        }
    }
}
