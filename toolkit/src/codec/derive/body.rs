//! What `#[derive(WireMessage)]` rests on: the body of a message at each of its versions, and the serde
//! form, which carries the version.
//!
//! The body is what serde's derive would make of the fields and variants that the version has. So it
//! goes through any serde format, and in a frame it is what bincode would write.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeTuple, Serializer};

use super::write_version::serde_version;
use super::{CodecError, WireMessage};

/// The layout of a type from [`OLDEST`](Self::OLDEST) on, generated.
pub trait Body: WireMessage {
    /// The oldest version whose body is of this layout; older ones are another type's.
    const OLDEST: u8;
    /// The name of the type, for formats that write names.
    const NAME: &'static str;
    /// The names of an enum's variants; a struct has none.
    const VARIANTS: Option<&'static [&'static str]>;
    /// From which version on each variant is there, which never decreases.
    const SINCE: &'static [u8];
    /// The shape of each variant, or of the struct.
    const SHAPES: &'static [Shape];

    /// Whether `version` has a place for all that the value holds.
    fn check(&self, version: u8) -> Result<(), CodecError>;

    /// Writes the fields that `version` has.
    fn serialize_body<S: Serializer>(&self, version: u8, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads the fields of a variant, or of the struct, in their order.
    fn from_seq<'de, A: SeqAccess<'de>>(variant: u32, version: u8, fields: &mut SeqFields<A>)
    -> Result<Self, A::Error>;

    /// Reads the fields of a variant, or of the struct, by their names.
    fn from_map<'de, A: MapAccess<'de>>(
        _variant: u32,
        _version: u8,
        _fields: &mut MapFields<A>,
    ) -> Result<Self, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Map, &"fields in their order"))
    }
}

/// The names of a shape's fields, of all versions.
pub enum Shape {
    /// `Name`
    Unit,
    /// `Name(..)`, with this many fields.
    Tuple(usize),
    /// `Name { .. }`
    Named(&'static [&'static str]),
}

/// A body that can borrow from what it is read from, generated for types with a lifetime.
pub trait BorrowedBody<'de>: Body {
    /// As [`Body::from_seq`].
    fn from_seq_borrowed<A: SeqAccess<'de>>(
        variant: u32,
        version: u8,
        fields: &mut SeqFields<A>,
    ) -> Result<Self, A::Error>;
}

/// Whether what is read owns what it holds.
trait Read<'de> {
    type Value: Body;

    fn from_seq<A: SeqAccess<'de>>(
        variant: u32,
        version: u8,
        fields: &mut SeqFields<A>,
    ) -> Result<Self::Value, A::Error>;
}

struct Owned<T>(PhantomData<T>);

impl<'de, T: Body> Read<'de> for Owned<T> {
    type Value = T;

    #[inline]
    fn from_seq<A: SeqAccess<'de>>(variant: u32, version: u8, fields: &mut SeqFields<A>) -> Result<T, A::Error> {
        T::from_seq(variant, version, fields)
    }
}

struct Borrowed<T>(PhantomData<T>);

impl<'de, T: BorrowedBody<'de>> Read<'de> for Borrowed<T> {
    type Value = T;

    #[inline]
    fn from_seq<A: SeqAccess<'de>>(variant: u32, version: u8, fields: &mut SeqFields<A>) -> Result<T, A::Error> {
        T::from_seq_borrowed(variant, version, fields)
    }
}

/// Reads a body of `version`, which is of `T`'s own layout.
#[inline]
pub fn deserialize_body<'de, T: Body, D: Deserializer<'de>>(version: u8, deserializer: D) -> Result<T, D::Error> {
    BodyVisitor::<Owned<T>>::read(version, deserializer)
}

/// As [`deserialize_body`], borrowing what can be borrowed.
#[inline]
pub(super) fn deserialize_borrowed_body<'de, T: BorrowedBody<'de>, D: Deserializer<'de>>(
    version: u8,
    deserializer: D,
) -> Result<T, D::Error> {
    BodyVisitor::<Borrowed<T>>::read(version, deserializer)
}

/// Visits the fields of a struct or of one variant, or an enum.
struct BodyVisitor<R> {
    variant: u32,
    version: u8,
    reader: PhantomData<R>,
}

impl<'de, R: Read<'de>> BodyVisitor<R> {
    #[inline]
    fn new(variant: u32, version: u8) -> Self {
        Self {
            variant,
            version,
            reader: PhantomData,
        }
    }

    #[inline]
    fn read<D: Deserializer<'de>>(version: u8, deserializer: D) -> Result<R::Value, D::Error> {
        let visitor = Self::new(0, version);
        let name = R::Value::NAME;
        match (R::Value::VARIANTS, R::Value::SHAPES) {
            (Some(variants), _) => deserializer.deserialize_enum(name, variants, visitor),
            (None, [Shape::Named(names)]) => deserializer.deserialize_struct(name, names, visitor),
            (None, [Shape::Tuple(len)]) => deserializer.deserialize_tuple_struct(name, *len, visitor),
            (None, _) => deserializer.deserialize_unit_struct(name, visitor),
        }
    }
}

impl<'de, R: Read<'de>> Visitor<'de> for BodyVisitor<R> {
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at version {}", R::Value::NAME, self.version)
    }

    #[inline]
    fn visit_unit<E: serde::de::Error>(self) -> Result<R::Value, E> {
        R::from_seq(self.variant, self.version, &mut SeqFields::new(NoFields(PhantomData)))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, fields: A) -> Result<R::Value, A::Error> {
        R::from_seq(self.variant, self.version, &mut SeqFields::new(fields))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<R::Value, A::Error> {
        match R::Value::SHAPES.get(self.variant as usize) {
            Some(Shape::Named(names)) => {
                R::Value::from_map(self.variant, self.version, &mut MapFields { map: fields, names })
            }
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<R::Value, A::Error> {
        let version = self.version;
        let (index, fields) = data.variant_seed(VariantName::<R::Value> {
            version,
            of: PhantomData,
        })?;
        let variant = Self::new(index as u32, version);
        match R::Value::SHAPES.get(index) {
            Some(Shape::Named(names)) => fields.struct_variant(names, variant),
            Some(Shape::Tuple(len)) => fields.tuple_variant(*len, variant),
            _ => {
                fields.unit_variant()?;
                variant.visit_unit()
            }
        }
    }
}

/// What to report for a variant that `version` does not have.
#[cold]
fn no_variant<T: Body>(index: u64, version: u8) -> String {
    format!("`{}` has no variant of index {index} at version {version}", T::NAME)
}

/// What generated code reports where no variant is of this index: that was checked before.
#[cold]
pub fn unknown_variant<T: Body, E: serde::de::Error>(index: u32, version: u8) -> E {
    E::custom(no_variant::<T>(index.into(), version))
}

/// One of an enum's variants, as its index: all that `version` has.
struct VariantName<T> {
    version: u8,
    of: PhantomData<T>,
}

impl<T: Body> VariantName<T> {
    #[inline]
    fn names(&self) -> &'static [&'static str] {
        let present = T::SINCE.partition_point(|since| *since <= self.version);
        T::VARIANTS.unwrap_or_default().get(..present).unwrap_or_default()
    }
}

impl<'de, T: Body> DeserializeSeed<'de> for VariantName<T> {
    type Value = usize;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<T: Body> Visitor<'_> for VariantName<T> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {:?}", self.names())
    }

    #[inline]
    fn visit_u64<E: serde::de::Error>(self, index: u64) -> Result<usize, E> {
        match usize::try_from(index) {
            Ok(known) if known < self.names().len() => Ok(known),
            _ => Err(E::custom(no_variant::<T>(index, self.version))),
        }
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        index_of(name, self.names())
    }
}

/// A field, as its index among all that there are. Only the name tells which it is: older versions lack
/// some.
struct FieldName(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = usize;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {:?}", self.0)
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        index_of(name, self.0)
    }
}

#[inline]
fn index_of<E: serde::de::Error>(name: &str, names: &[&str]) -> Result<usize, E> {
    let known = names.iter().position(|known| *known == name);
    known.ok_or_else(|| E::custom(format_args!("unknown name `{name}`, expected one of {names:?}")))
}

/// Fields in their order.
pub struct SeqFields<A> {
    seq: A,
    read: usize,
}

impl<'de, A: SeqAccess<'de>> SeqFields<A> {
    #[inline]
    fn new(seq: A) -> Self {
        Self { seq, read: 0 }
    }

    /// Reads the next field, which owns what it holds.
    #[inline]
    pub fn owned<T: for<'any> Deserialize<'any>>(&mut self) -> Result<T, A::Error> {
        self.next()
    }

    /// Reads the next field, which borrows from the input.
    #[inline]
    pub fn borrowed<'a, B: ?Sized + 'a, T: From<&'a B>>(&mut self) -> Result<T, A::Error>
    where
        'de: 'a,
        &'a B: Deserialize<'de>,
    {
        self.next::<&'a B>().map(T::from)
    }

    #[inline]
    fn next<T: Deserialize<'de>>(&mut self) -> Result<T, A::Error> {
        match self.seq.next_element()? {
            Some(value) => {
                self.read += 1;
                Ok(value)
            }
            None => Err(A::Error::invalid_length(self.read, &"more fields")),
        }
    }
}

/// The fields of a unit.
struct NoFields<E>(PhantomData<E>);

impl<'de, E: serde::de::Error> SeqAccess<'de> for NoFields<E> {
    type Error = E;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, _: T) -> Result<Option<T::Value>, E> {
        Ok(None)
    }
}

/// Fields by their names.
pub struct MapFields<A> {
    map: A,
    names: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapFields<A> {
    /// The index of the field that comes next.
    pub fn next_name(&mut self) -> Result<Option<usize>, A::Error> {
        self.map.next_key_seed(FieldName(self.names))
    }

    /// Reads that field.
    pub fn value<T: for<'any> Deserialize<'any>>(
        &mut self,
        index: usize,
        field: &mut Option<T>,
    ) -> Result<(), A::Error> {
        if field.is_some() {
            return Err(A::Error::duplicate_field(self.name(index)));
        }
        *field = Some(self.map.next_value()?);
        Ok(())
    }

    /// Passes over a field that nothing reads.
    pub fn skip(&mut self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>()?;
        Ok(())
    }

    /// A field that the version has.
    pub fn present<T>(&self, index: usize, field: Option<T>) -> Result<T, A::Error> {
        field.ok_or_else(|| A::Error::missing_field(self.name(index)))
    }

    /// A field that the version does not have.
    pub fn absent<T>(&self, index: usize, field: Option<T>, default: impl FnOnce() -> T) -> Result<T, A::Error> {
        match field {
            Some(_) => Err(A::Error::custom(format_args!(
                "field `{}` is newer than the version",
                self.name(index)
            ))),
            None => Ok(default()),
        }
    }

    fn name(&self, index: usize) -> &'static str {
        self.names.get(index).copied().unwrap_or_default()
    }
}

/// A message whose own `Serialize` and `Deserialize` carry the frame: `#[wire(serde)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no serde form that carries its version",
    label = "does not have `#[wire(serde)]`",
    note = "add `serde` to the `#[wire(..)]` of `{Self}`, because the type that follows it has it"
)]
pub trait SerdeForm: Body {
    /// The oldest version that can be written.
    const OLDEST_WRITABLE: u8 = Self::OLDEST;

    /// As [`Body::check`], at any version that can be written.
    fn check_form(&self, version: u8) -> Result<(), CodecError> {
        self.check(version)
    }

    /// Writes a body at any version that can be written.
    fn serialize_form<S: Serializer>(&self, version: u8, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_body(version, serializer)
    }

    /// Reads a body of any version that can be read.
    fn deserialize_form<'de, D: Deserializer<'de>>(version: u8, deserializer: D) -> Result<Self, D::Error> {
        deserialize_body(version, deserializer)
    }
}

/// The generated `Serialize`: the version, then the body; for people `{"v3": body}`.
#[inline]
pub fn serialize_message<T: SerdeForm, S: Serializer>(message: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let version = serde_version(T::OLDEST_WRITABLE, T::VERSION, |version| message.check_form(version))
        .map_err(|error| S::Error::custom(naming::<T>(&error)))?;
    let body = AtVersion { message, version };
    if serializer.is_human_readable() {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&format_args!("v{version}"), &body)?;
        map.end()
    } else {
        let mut frame = serializer.serialize_tuple(2)?;
        frame.serialize_element(&version)?;
        frame.serialize_element(&body)?;
        frame.end()
    }
}

/// The error of a message within others, which says what it is about.
#[cold]
fn naming<T: Body>(error: &CodecError) -> String {
    match error {
        CodecError::NotRepresentable { .. } => error.to_string(),
        _ => format!("`{}`: {error}", T::NAME),
    }
}

struct AtVersion<'a, T> {
    message: &'a T,
    version: u8,
}

impl<T: SerdeForm> Serialize for AtVersion<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.message.serialize_form(self.version, serializer)
    }
}

/// The generated `Deserialize`.
#[inline]
pub fn deserialize_message<'de, T: SerdeForm, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let visitor = MessageVisitor(PhantomData);
    if deserializer.is_human_readable() {
        // Either form: what serde buffers, as for `untagged`, claims to be for people in every format.
        deserializer.deserialize_any(visitor)
    } else {
        deserializer.deserialize_tuple(2, visitor)
    }
}

struct MessageVisitor<T>(PhantomData<T>);

impl<'de, T: SerdeForm> Visitor<'de> for MessageVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` with its version", T::NAME)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut frame: A) -> Result<T, A::Error> {
        let version = frame.next_element()?;
        let version = version.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let body = frame.next_element_seed(BodyOf::new(version)?)?;
        body.ok_or_else(|| A::Error::invalid_length(1, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::invalid_length(0, &self));
        };
        let version = key.strip_prefix('v').and_then(|version| version.parse().ok());
        let version = version.filter(|version| key == format!("v{version}"));
        let version =
            version.ok_or_else(|| A::Error::invalid_value(Unexpected::Str(&key), &"a version such as `v1`"))?;
        let message = map.next_value_seed(BodyOf::new(version)?)?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(message),
            Some(_) => Err(A::Error::invalid_length(2, &self)),
        }
    }
}

/// Reads a body of a version that the type reads.
struct BodyOf<T> {
    version: u8,
    message: PhantomData<T>,
}

impl<T: SerdeForm> BodyOf<T> {
    fn new<E: serde::de::Error>(version: u8) -> Result<Self, E> {
        supported(T::MIN_VERSION, T::VERSION, version).map_err(|error| E::custom(naming::<T>(&error)))?;
        Ok(Self {
            version,
            message: PhantomData,
        })
    }
}

impl<'de, T: SerdeForm> DeserializeSeed<'de> for BodyOf<T> {
    type Value = T;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize_form(self.version, deserializer)
    }
}

#[inline]
pub(super) fn supported(min: u8, max: u8, actual: u8) -> Result<(), CodecError> {
    if (min..=max).contains(&actual) {
        Ok(())
    } else {
        Err(CodecError::VersionUnsupported { min, max, actual })
    }
}

/// [`SerdeForm::check_form`] below the versions of the type's own layout.
pub fn check_previous<'m, T: Body, Old: SerdeForm + Downgraded<&'m T>>(
    message: &'m T,
    version: u8,
) -> Result<(), CodecError> {
    downgrade::<T, Old>(message, version)?.check_form(version)
}

/// [`SerdeForm::serialize_form`] below the versions of the type's own layout.
pub fn serialize_previous<'m, T: Body, Old: SerdeForm + Downgraded<&'m T>, S: Serializer>(
    message: &'m T,
    version: u8,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    downgrade::<T, Old>(message, version)
        .map_err(S::Error::custom)?
        .serialize_form(version, serializer)
}

/// [`SerdeForm::deserialize_form`] below the versions of the type's own layout.
pub fn deserialize_previous<'de, T: Upgraded<Old>, Old: SerdeForm, D: Deserializer<'de>>(
    version: u8,
    deserializer: D,
) -> Result<T, D::Error> {
    Old::deserialize_form(version, deserializer).map(upgrade)
}

/// What follows `previous`.
pub fn upgrade<T: Upgraded<Old>, Old>(previous: Old) -> T {
    T::from(previous)
}

/// The older type that `message` is written as, below the versions of its own layout.
pub fn downgrade<'m, T: Body, Old: Downgraded<&'m T>>(message: &'m T, version: u8) -> Result<Old, CodecError> {
    Old::try_from(message).map_err(|error| CodecError::NotRepresentable {
        version,
        what: T::NAME,
        source: Some(error.into()),
    })
}

/// What `previous = Old` asks of the type that follows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from `{Old}`, which its older versions are decoded as",
    label = "write `impl From<{Old}> for {Self}`"
)]
pub trait Upgraded<Old>: From<Old> {}

#[diagnostic::do_not_recommend]
impl<T: From<Old>, Old> Upgraded<Old> for T {}

/// What `previous(Old, downgrade)` asks of `Old`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from `{Message}`, which `downgrade` asks for",
    label = "write `impl TryFrom<{Message}> for {Self}`, with an error that has `std::error::Error`"
)]
pub trait Downgraded<Message>: TryFrom<Message, Error: Into<Box<dyn std::error::Error + Send + Sync>>> {}

#[diagnostic::do_not_recommend]
impl<T, Message> Downgraded<Message> for T
where
    T: TryFrom<Message>,
    T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
}

/// The value that a field with `since` has in older versions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default, which a field that older versions lack takes",
    label = "does not implement `Default`",
    note = "implement `Default` for `{Self}`, or write `default = path` beside `since`"
)]
pub trait Defaulted: Default {}

#[diagnostic::do_not_recommend]
impl<T: Default> Defaulted for T {}

/// That value.
#[inline]
pub fn default_of<T: Defaulted>() -> T {
    T::default()
}

/// Compared before a field is left out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared with its default, without which older versions could drop a value",
    label = "does not implement `PartialEq`",
    note = "implement `PartialEq` for `{Self}`, or write `lossy` beside `since` to drop any value"
)]
pub trait Comparable: PartialEq {}

#[diagnostic::do_not_recommend]
impl<T: PartialEq> Comparable for T {}

/// Whether a field holds its default.
#[inline]
pub fn is_default<T: Comparable>(field: &T, default: T) -> bool {
    *field == default
}
