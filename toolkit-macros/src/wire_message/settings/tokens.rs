use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Meta, Token, Type};

use crate::errors::{Errors, error_after};

/// One setting in a `#[wire(..)]`.
pub(super) struct Setting {
    pub(super) key: Ident,
    pub(super) value: Value,
}

/// The tokens after a key.
pub(super) enum Value {
    /// `key`
    None,
    /// `key = expr`
    Expr(Expr),
    /// `key = Type`
    Type(Type),
    /// `key(..)`
    List(TokenStream),
    /// The tokens are wrong, and the error is already in `Errors`.
    Broken,
}

/// Returns every setting of every `#[wire(..)]` among `attrs`.
///
/// `example` is a possible setting, for error messages. `takes_type` returns whether the value of a key is a type.
pub(super) fn settings(
    attrs: &[Attribute],
    example: &str,
    takes_type: impl Fn(&Ident) -> bool,
    errors: &mut Errors,
) -> Vec<Setting> {
    let mut settings = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("wire")) {
        let Meta::List(list) = &attr.meta else {
            errors.push(
                &attr.meta,
                format!("expected `#[wire(..)]`\nhelp: write `#[wire({example})]`"),
            );
            continue;
        };
        list_of(list.tokens.clone(), errors, |input, errors| {
            settings.push(setting(input, example, &takes_type, errors)?);
            Ok(())
        });
    }
    settings
}

/// Parses a list. `item` parses one item and the comma after it.
///
/// An item that does not parse is reported and skipped, so that mistakes in later items are also reported.
pub(super) fn list_of(
    tokens: TokenStream,
    errors: &mut Errors,
    mut item: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    let parsed = (|input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = item(input, errors) {
                errors.push_error(error);
                skip_item(input)?;
            }
        }
        Ok(())
    })
    .parse2(tokens);
    if let Err(error) = parsed {
        errors.push_error(error);
    }
}

fn setting(
    input: ParseStream<'_>,
    example: &str,
    takes_type: impl Fn(&Ident) -> bool,
    errors: &mut Errors,
) -> syn::Result<Setting> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!("expected a setting, such as `{example}`")));
    }
    let key = input.call(Ident::parse_any)?;
    let value = match value(input, &key, takes_type(&key)) {
        Ok(value) => value,
        Err(error) => {
            errors.push_error(error);
            skip_item(input)?;
            Value::Broken
        }
    };
    Ok(Setting { key, value })
}

fn value(input: ParseStream<'_>, key: &Ident, takes_type: bool) -> syn::Result<Value> {
    let value = if input.peek(Token![=]) {
        let equals: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(error_after(equals, input, format!("expected a value after `{key} =`")));
        }
        if takes_type {
            let expected = input.error(format!(
                "expected a type after `{key} =`\nhelp: write `{key} = OldType`"
            ));
            Value::Type(input.parse().map_err(|_| expected)?)
        } else {
            Value::Expr(ungrouped(input.parse()?))
        }
    } else if input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        Value::List(content.parse()?)
    } else {
        Value::None
    };
    end_item(input, format_args!("`{key}`"))?;
    Ok(value)
}

/// Removes the invisible group that a `macro_rules!` puts around an expression which it passes on.
fn ungrouped(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}

/// Parses the comma after an item. After the last item of a list, the comma is optional.
pub(super) fn end_item(input: ParseStream<'_>, item: impl std::fmt::Display) -> syn::Result<()> {
    if !input.is_empty() {
        if !input.peek(Token![,]) {
            return Err(input.error(format!("expected `,` after {item}")));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

/// Skips the rest of an item and the comma after it.
fn skip_item(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() {
        let end = input.peek(Token![,]);
        input.parse::<TokenTree>()?;
        if end {
            break;
        }
    }
    Ok(())
}
