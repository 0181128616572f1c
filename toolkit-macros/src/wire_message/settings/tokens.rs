use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Meta, Token, Type};

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
    /// `previous = Type`, which is no expression where it has parameters.
    Type(Type),
    /// `key(..)`
    List(TokenStream),
    /// It did not parse, which is reported already.
    Broken,
}

pub(super) fn is_wire(attr: &Attribute) -> bool {
    attr.path().is_ident("wire")
}

/// Every setting of every `#[wire(..)]` among `attrs`. `example` is one that could stand there.
pub(super) fn settings(attrs: &[Attribute], example: &str, errors: &mut Errors) -> Vec<Setting> {
    let mut settings = Vec::new();
    for attr in attrs.iter().filter(|attr| is_wire(attr)) {
        let Meta::List(list) = &attr.meta else {
            errors.push(
                &attr.meta,
                format!("expected `#[wire(..)]`\nhelp: write `#[wire({example})]`"),
            );
            continue;
        };
        list_of(list.tokens.clone(), errors, |input, errors| {
            settings.push(setting(input, example, errors)?);
            Ok(())
        });
    }
    settings
}

/// Parses the items of a list that commas separate; `item` takes the comma. One that does not parse is
/// reported and does not hide the mistakes in those that follow.
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

fn setting(input: ParseStream<'_>, example: &str, errors: &mut Errors) -> syn::Result<Setting> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!("expected a setting, such as `{example}`")));
    }
    let key = input.call(Ident::parse_any)?;
    let value = match value(input, &key) {
        Ok(value) => value,
        Err(error) => {
            errors.push_error(error);
            skip_item(input)?;
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
        if key == "previous" {
            Value::Type(previous_type(input)?)
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

/// What a `macro_rules!` passed on, without the group that it put around it.
fn ungrouped(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}

pub(super) const PREVIOUS_HELP: &str = "help: write `previous = OldType`, or `previous(OldType, downgrade)`";

pub(super) fn previous_type(input: ParseStream<'_>) -> syn::Result<Type> {
    let expected = input.error(format!("expected the previous type\n{PREVIOUS_HELP}"));
    input.parse().map_err(|_| expected)
}

/// Takes the comma after an item.
pub(super) fn end_item(input: ParseStream<'_>, item: impl std::fmt::Display) -> syn::Result<()> {
    if !input.is_empty() {
        if !input.peek(Token![,]) {
            return Err(input.error(format!("expected `,` after {item}")));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

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
