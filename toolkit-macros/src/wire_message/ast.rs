use syn::ext::IdentExt;
use syn::{ExprPath, Generics, Ident, Member, Path, Type};

/// The checked input of the derive.
pub(super) struct Message<'a> {
    pub(super) name: &'a Ident,
    pub(super) generics: &'a Generics,
    /// The path of openraft-toolkit in the user's crate.
    pub(super) krate: Path,
    /// The newest version.
    pub(super) version: u8,
    /// The oldest version of the type's own layout. Older versions are versions of the `previous` type.
    pub(super) oldest_own: u8,
    pub(super) previous: Option<Previous>,
    pub(super) serde: bool,
    pub(super) layout: Layout<'a>,
}

/// `previous = Type` or `previous(Type, downgrade)`: the type that reads the versions below `oldest_own`, and with
/// `downgrade` also writes them.
pub(super) struct Previous {
    pub(super) ty: Type,
    /// Whether the message can be written at versions of the previous type.
    pub(super) downgrade: bool,
}

pub(super) enum Layout<'a> {
    Struct(Fields<'a>),
    Enum(Vec<Variant<'a>>),
    /// The type cannot be a message: it is a union, is packed, or holds a reference. `check.rs` has already added the
    /// error to `Errors`.
    Refused,
}

impl<'a> Layout<'a> {
    /// Returns the fields of the struct, or of all variants.
    pub(super) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        let (of_struct, variants) = match self {
            Layout::Struct(fields) => (Some(fields), [].as_slice()),
            Layout::Enum(variants) => (None, variants.as_slice()),
            Layout::Refused => (None, [].as_slice()),
        };
        let of_variants = variants.iter().map(|variant| &variant.fields);
        of_struct.into_iter().chain(of_variants).flat_map(|fields| &fields.list)
    }
}

pub(super) struct Variant<'a> {
    pub(super) name: &'a Ident,
    /// The oldest version that has the variant.
    pub(super) since: u8,
    pub(super) fields: Fields<'a>,
}

pub(super) struct Fields<'a> {
    pub(super) shape: Shape,
    pub(super) list: Vec<Field<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Unit,
    Tuple,
    Named,
}

pub(super) struct Field<'a> {
    /// The name of the field, or its index in a tuple.
    pub(super) member: Member,
    pub(super) ty: &'a Type,
    /// `None` if every version has the field.
    pub(super) since: Option<Since>,
}

impl Field<'_> {
    pub(super) fn is_in(&self, version: u8) -> bool {
        self.since.as_ref().is_none_or(|since| since.version <= version)
    }

    /// Returns the name of the field, which human-readable formats write and pins cover, or `None` for a field without
    /// a name.
    pub(super) fn key(&self) -> Option<String> {
        match &self.member {
            Member::Named(name) => Some(name.unraw().to_string()),
            Member::Unnamed(_) => None,
        }
    }

    /// Returns the name of the field, or its index if it has no name, for error messages at run time.
    pub(super) fn label(&self) -> String {
        match &self.member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        }
    }
}

/// `since = N` on a field, with the settings `default` and `lossy` of the field.
pub(super) struct Since {
    /// The oldest version that has the field.
    pub(super) version: u8,
    pub(super) default: FieldDefault,
    /// Whether versions below `version` are written without the field, whatever the field holds.
    pub(super) lossy: bool,
}

/// The value of a field at versions that lack it.
pub(super) enum FieldDefault {
    /// The `Default` of the field's type.
    Trait,
    /// The result of a function: `default = path`.
    Path(ExprPath),
    /// The value of `default` is wrong, and the error is already in `Errors`.
    Refused,
}
