//! The layout of a version, as a hash that `layout(..)` pins.

use std::hash::Hasher;

use fnv::FnvHasher;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;

use super::check::{Fields, Layout, Shape};

/// The fields and variants that `version` has: their order, names and types as they are written.
///
/// It must be the same on every compiler, so that it never rests on how tokens are printed.
pub(super) fn hash(layout: &Layout<'_>, version: u8) -> String {
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

/// Whether this could be a hash at all.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash of a sequence of words.
struct Words(FnvHasher);

impl Words {
    fn add(&mut self, word: &str) {
        self.0.write(word.as_bytes());
        // No word holds it, so that two words are never one.
        self.0.write(&[0]);
    }

    fn fields(&mut self, fields: &Fields<'_>, version: u8) {
        self.add(match fields.shape {
            Shape::Unit => "unit",
            Shape::Tuple => "(",
            Shape::Named => "{",
        });
        for field in fields.list.iter().filter(|field| field.is_in(version)) {
            if fields.shape == Shape::Named {
                self.add(&field.name);
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
            // rustfmt writes one where it breaks the line.
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
                        // Around what a `macro_rules!` passed on.
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
