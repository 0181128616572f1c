use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Generics, Ident, Lit, Path, Token, Type, Visibility};
use syn::{braced, token};

use crate::errors::{Errors, error_after};

/// The declaration as the user wrote it. Its slots may be unknown, missing, or given twice.
pub(super) struct Declaration {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) name: Ident,
    pub(super) crate_paths: Vec<CratePath>,
    pub(super) slots: Vec<SlotType>,
}

/// `crate = path`
pub(super) struct CratePath {
    pub(super) token: Token![crate],
    /// `None` if the path did not parse. The error is then already in `Errors`.
    pub(super) path: Option<Path>,
}

/// `Slot = Type`
pub(super) struct SlotType {
    pub(super) attrs: Vec<Attribute>,
    pub(super) name: Ident,
    pub(super) generics: Generics,
    /// `None` if the type did not parse. The error is then already in `Errors`.
    pub(super) ty: Option<Type>,
}

const EXPECTED_NAME: &str = "expected the name of the type config\nhelp: write `pub TypeConfig: Node = ..`";

/// Parses the whole input. Fails only if the attributes, the visibility, the name or the parameters of the type config
/// do not parse. Other mistakes go to `errors`.
pub(super) fn declaration(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Declaration> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    if input.peek(Token![struct]) || input.peek(Token![type]) {
        errors.push(input.parse::<TokenTree>()?, EXPECTED_NAME);
    }
    if !input.peek(Ident) || input.peek2(Token![=]) {
        return Err(input.error(EXPECTED_NAME));
    }
    let name: Ident = input.parse()?;
    let generics: Generics = input.parse()?;
    if !generics.params.is_empty() {
        errors.push(
            &generics,
            "a type config has no parameters\nhelp: name one concrete type in each slot",
        );
    }
    let mut declaration = Declaration {
        attrs,
        vis,
        name,
        crate_paths: Vec::new(),
        slots: Vec::new(),
    };
    if input.is_empty() {
        return Ok(declaration);
    }
    if input.peek(Token![:]) {
        input.parse::<Token![:]>()?;
    } else {
        let name = &declaration.name;
        errors.push_error(input.error(format!("expected `:` after `{name}`\nhelp: write `{name}: Node = ..`")));
        if !input.peek(token::Brace) {
            skip_to_next_slot(input)?;
        }
    }
    if input.peek(token::Brace) {
        let error = input.error("the slots must not stand in braces\nhelp: remove the braces");
        let in_braces;
        braced!(in_braces in input);
        errors.push_error(error);
        slots(&in_braces, &mut declaration, errors)?;
    }
    slots(input, &mut declaration, errors)?;
    Ok(declaration)
}

fn slots(input: ParseStream<'_>, declaration: &mut Declaration, errors: &mut Errors) -> syn::Result<()> {
    while !input.is_empty() {
        if let Err(error) = assignment(input, declaration, errors) {
            errors.push_error(error);
            skip_to_next_slot(input)?;
        }
    }
    Ok(())
}

fn assignment(input: ParseStream<'_>, declaration: &mut Declaration, errors: &mut Errors) -> syn::Result<()> {
    let attrs = input.call(Attribute::parse_outer)?;
    if input.peek(Token![crate]) {
        if let Some(attr) = attrs.first() {
            errors.push(attr, "`crate` takes no attributes\nhelp: remove them");
        }
        let token: Token![crate] = input.parse()?;
        let path = value(input, &token, CRATE_PATH, Path::parse_mod_style);
        let path = reported(path, input, errors)?;
        declaration.crate_paths.push(CratePath { token, path });
    } else {
        if input.peek(Token![type]) {
            errors.push(
                input.parse::<Token![type]>()?,
                "a slot must not have `type` before its name\nhelp: remove `type`",
            );
        }
        if !input.peek(Ident::peek_any) {
            return Err(input.error("expected the name of a slot\nhelp: write `Node = ..`"));
        }
        let name = input.call(Ident::parse_any)?;
        let generics = input.parse()?;
        let ty = value(input, &name, TYPE, Type::parse);
        let ty = reported(ty, input, errors)?;
        declaration.slots.push(SlotType {
            attrs,
            name,
            generics,
            ty,
        });
    }
    Ok(())
}

/// What must follow a `=`, and the help that tells what to write there.
type Expected = (&'static str, &'static str);

const TYPE: Expected = ("a type", "name one concrete type");
const CRATE_PATH: Expected = (
    "the path of openraft-toolkit",
    "write `crate = path::to::openraft_toolkit`",
);

/// Parses `= value` and the comma after it. The comma is optional at the end of the input.
fn value<T>(
    input: ParseStream<'_>,
    name: &impl ToTokens,
    (expected, help): Expected,
    parse: impl Fn(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    let slot = name.to_token_stream();
    if !input.peek(Token![=]) {
        return Err(error_after(
            name,
            input,
            format!("expected `=` after `{slot}`\nhelp: write `{slot} = ..`"),
        ));
    }
    let equals: Token![=] = input.parse()?;
    let ahead = input.fork();
    let can_start_value = !input.peek(Token![_]) && !input.peek(Token![impl]) && !input.peek(Lit);
    let fails_at_once = || parse(&ahead).is_err() && ahead.cursor() == input.cursor();
    if !can_start_value || fails_at_once() {
        return Err(error_after(
            equals,
            input,
            format!("expected {expected} after `{slot} =`\nhelp: {help}"),
        ));
    }
    let value = parse(input)?;
    if input.peek(Token![where]) {
        return Err(input.error("a slot takes no `where` clause\nhelp: remove it: openraft's own bounds are implied"));
    }
    if !input.is_empty() {
        if !input.peek(Token![,]) {
            return Err(input.error(format!(
                "expected `,` after `{slot} = ..`\nhelp: separate the slots with `,`"
            )));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(value)
}

/// Reports a value that did not parse, and skips to the next slot, so that mistakes in later slots are also reported.
///
/// The slot of the value stays in the declaration, so that it does not also count as missing.
fn reported<T>(value: syn::Result<T>, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<T>> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            errors.push_error(error);
            skip_to_next_slot(input)?;
            Ok(None)
        }
    }
}

fn skip_to_next_slot(input: ParseStream<'_>) -> syn::Result<()> {
    let mut after_comma = false;
    while !input.is_empty() && !starts_slot(&input.fork(), after_comma) {
        after_comma = input.peek(Token![,]);
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// Returns whether a slot starts here: `Slot =`, or the mistake `Slot:` after a comma. Elsewhere, `Slot:` is a bound.
fn starts_slot(ahead: ParseStream<'_>, after_comma: bool) -> bool {
    ahead.call(Attribute::parse_outer).is_ok()
        && ahead.parse::<Option<Token![type]>>().is_ok()
        && ahead.call(Ident::parse_any).is_ok()
        && ahead.parse::<Generics>().is_ok()
        && (ahead.peek(Token![=]) || (after_comma && ahead.peek(Token![:]) && !ahead.peek(Token![::])))
}
