use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Meta, Token};

use crate::errors::{Errors, error_after};

/// One setting of a `#[wire(..)]`.
pub(super) struct Setting {
    pub(super) key: Ident,
    pub(super) value: Value,
}

/// What follows the key.
pub(super) enum Value {
    /// `key`
    None,
    /// `key = expr`
    Expr(Expr),
    /// `key(..)`
    List,
    /// It did not parse, which is reported already.
    Broken,
}

pub(super) fn is_wire(attr: &Attribute) -> bool {
    attr.path().is_ident("wire")
}

/// Every setting of every `#[wire(..)]` among `attrs`.
pub(super) fn settings(attrs: &[Attribute], errors: &mut Errors) -> Vec<Setting> {
    let mut settings = Vec::new();
    for attr in attrs.iter().filter(|attr| is_wire(attr)) {
        let Meta::List(list) = &attr.meta else {
            errors.push(&attr.meta, "expected `#[wire(..)]`\nhelp: write `#[wire(version = 1)]`");
            continue;
        };
        let parsed = (|input: ParseStream<'_>| {
            while !input.is_empty() {
                match setting(input, errors) {
                    Ok(setting) => settings.push(setting),
                    Err(error) => {
                        errors.push_error(error);
                        skip_setting(input)?;
                    }
                }
            }
            Ok(())
        })
        .parse2(list.tokens.clone());
        if let Err(error) = parsed {
            errors.push_error(error);
        }
    }
    settings
}

fn setting(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Setting> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected a setting, such as `version = 1`"));
    }
    let key = input.call(Ident::parse_any)?;
    let value = match value(input, &key) {
        Ok(value) => value,
        Err(error) => {
            errors.push_error(error);
            skip_setting(input)?;
            Value::Broken
        }
    };
    Ok(Setting { key, value })
}

fn value(input: ParseStream<'_>, key: &Ident) -> syn::Result<Value> {
    let value = if input.peek(Token![=]) {
        let equals: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(error_after(equals, input, format!("expected a value after `{key} =`")));
        }
        Value::Expr(input.parse()?)
    } else if input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        content.parse::<TokenStream>()?;
        Value::List
    } else {
        Value::None
    };
    if !input.is_empty() {
        if !input.peek(Token![,]) {
            return Err(input.error(format!("expected `,` after `{key}`")));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(value)
}

fn skip_setting(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() {
        let end = input.peek(Token![,]);
        input.parse::<TokenTree>()?;
        if end {
            break;
        }
    }
    Ok(())
}
