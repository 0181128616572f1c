//! `layout(1 = "..", ..)`: computes the hash of a version's layout, and checks the pinned hashes.

use std::hash::Hasher;

use fnv::FnvHasher;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;

use super::ast::{Fields, Layout, Shape};
use super::settings::{Pin, Pins};
use super::versions::Versions;
use crate::errors::Errors;

/// Reports pins with a wrong hash, pins whose text is not a hash, pins of a version that the type does not have, and
/// missing pins.
pub(super) fn verify(Pins { key, pins }: &Pins, layout: &Layout<'_>, versions: &Versions<'_>, errors: &mut Errors) {
    let Some((oldest, newest)) = versions.range() else {
        return;
    };
    // Report other mistakes first: correcting them may change the layout, and so the hashes that are reported here.
    if !errors.is_empty() || matches!(layout, Layout::Refused) {
        return;
    }
    let hash = |version| hash(layout, version);
    let pin_for = |version: u8| format!("{version} = \"{}\"", hash(version));
    let line = |versions: &[u8]| versions.iter().copied().map(pin_for).collect::<Vec<_>>().join(", ");

    let (inside, outside): (Vec<&Pin>, Vec<&Pin>) = pins
        .iter()
        .partition(|pin| (oldest..=newest).contains(&pin.number.version));
    for pin in outside {
        let (version, name) = (pin.number.version, versions.name.unraw());
        let range = if oldest == newest {
            format!("version {newest}")
        } else {
            format!("versions {oldest} to {newest}")
        };
        errors.push(
            &pin.number.literal,
            format!("`{name}` has no version {version} to pin, only {range}\nhelp: remove the pin"),
        );
    }

    let (hashes, blank): (Vec<&Pin>, Vec<&Pin>) = inside.iter().partition(|pin| is_hash(&pin.hash.value()));
    for pin in blank {
        let line = line(&[pin.number.version]);
        errors.push(
            &pin.hash,
            format!("a layout is pinned by its hash\nhelp: write `{line}`"),
        );
    }

    let changed: Vec<&Pin> = hashes
        .into_iter()
        .filter(|pin| pin.hash.value() != hash(pin.number.version))
        .collect();
    if let Some(first) = changed.first() {
        let versions: Vec<u8> = changed.iter().map(|pin| pin.number.version).collect();
        let listed: Vec<String> = versions.iter().map(u8::to_string).collect();
        let listed = listed.join(" and ");
        let line = line(&versions);
        let newest_is_pinned = inside.iter().any(|pin| pin.number.version == newest);
        let next = if newest_is_pinned {
            newest.saturating_add(1)
        } else {
            newest
        };
        errors.push(
            &first.hash,
            format!(
                "the layout of version {listed} has changed\n\
                 help: mark what is new with `#[wire(since = {next})]`, and write `version = {next}, min_version = {oldest}`\n\
                 help: for any other change give this type `version = {next}`, and keep the old type as its `previous`\n\
                 help: if no data exists yet, or only a name changed, pin `{line}`"
            ),
        );
    }

    let missing: Vec<u8> = (oldest..newest)
        .filter(|version| !inside.iter().any(|pin| pin.number.version == *version))
        .collect();
    if let Some(first) = missing.first() {
        let line = line(&missing);
        errors.push(
            key,
            format!("version {first} has no pin, although version {newest} follows it\nhelp: add `{line}`"),
        );
    }
}

/// Returns the hash of the fields and variants that `version` has. The hash covers their order, their names, and the
/// types of the fields as written in the source.
///
/// The hash must be the same on every compiler, so it does not depend on how a compiler prints tokens.
fn hash(layout: &Layout<'_>, version: u8) -> String {
    let mut words = Words(FnvHasher::default());
    match layout {
        Layout::Struct(fields) => {
            words.add("struct");
            words.fields(fields, version);
        }
        Layout::Enum(variants) => {
            words.add("enum");
            for variant in variants.iter().filter(|variant| variant.since <= version) {
                words.add(&variant.name.unraw().to_string());
                words.fields(&variant.fields, version);
            }
        }
        Layout::Refused => {}
    }
    format!("{:016x}", words.0.finish())
}

/// Returns whether the text has the form of a hash.
fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Hashes a sequence of words.
struct Words(FnvHasher);

impl Words {
    fn add(&mut self, word: &str) {
        self.0.write(word.as_bytes());
        // End the word with a byte that no word holds, so that the word `ab` and the words `a`, `b` differ.
        self.0.write(&[0]);
    }

    fn fields(&mut self, fields: &Fields<'_>, version: u8) {
        self.add(match fields.shape {
            Shape::Unit => "unit",
            Shape::Tuple => "(",
            Shape::Named => "{",
        });
        for field in fields.list.iter().filter(|field| field.is_in(version)) {
            if let Some(key) = field.key() {
                self.add(&key);
                self.add(":");
            }
            self.tokens(field.ty.to_token_stream());
            self.add(",");
        }
        self.add("end");
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            // Leave out trailing commas, which rustfmt adds when it breaks a line.
            let is_trailing_comma = is_punct(&token, ',') && tokens.peek().is_none_or(|next| is_punct(next, '>'));
            if is_trailing_comma {
                continue;
            }
            match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        // A `macro_rules!` puts this group around tokens that it passes on.
                        Delimiter::None => {
                            self.tokens(group.stream());
                            continue;
                        }
                    };
                    self.add(open);
                    self.tokens(group.stream());
                    self.add(close);
                }
                TokenTree::Ident(ident) => self.add(&ident.unraw().to_string()),
                TokenTree::Punct(punct) => self.add(punct.as_char().encode_utf8(&mut [0; 4])),
                TokenTree::Literal(literal) => self.add(&literal.to_string()),
            }
        }
    }
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}
