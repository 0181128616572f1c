use syn::visit::{self, Visit};
use syn::{Generics, Ident, Path, Type, TypePath, WherePredicate, parse_quote};

use super::check::{Field, Layout, Message};

/// The generics of the type, with bounds on what its fields hold: parameters, and associated types of
/// parameters. As in serde, the bounds are not on the fields' types, which may be recursive or private.
pub(super) fn with_bounds(message: &Message<'_>) -> Generics {
    let krate = &message.krate;
    let mut held = Held {
        params: message.generics.type_params().map(|param| &param.ident).collect(),
        types: Vec::new(),
    };
    for field in fields(&message.layout) {
        held.visit_type(field.ty);
    }
    let mut generics = message.generics.clone();
    for ty in held.types {
        let bound: WherePredicate =
            parse_quote!(#ty: #krate::__private::Serialize + #krate::__private::DeserializeOwned);
        generics.make_where_clause().predicates.push(bound);
    }
    generics
}

fn fields<'m, 'a>(layout: &'m Layout<'a>) -> Box<dyn Iterator<Item = &'m Field<'a>> + 'm> {
    match layout {
        Layout::Struct(fields) => Box::new(fields.iter()),
        Layout::Enum(variants) => Box::new(variants.iter().flat_map(|variant| &variant.fields)),
        Layout::Refused => Box::new(std::iter::empty()),
    }
}

/// The parameters, and the associated types of parameters, that fields hold.
struct Held<'a> {
    params: Vec<&'a Ident>,
    types: Vec<Type>,
}

impl Held<'_> {
    fn add(&mut self, ty: &TypePath) {
        let ty = Type::Path(ty.clone());
        if !self.types.contains(&ty) {
            self.types.push(ty);
        }
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
            self.add(ty);
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
