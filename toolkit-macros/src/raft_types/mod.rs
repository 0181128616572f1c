//! `declare_raft_types_ext!`: parse the user's tokens, check them against the slots, expand.

mod check;
mod expand;
mod guard;
mod parse;
mod slot;

use proc_macro2::TokenStream;
use syn::parse::Parser;

use crate::errors::Errors;

pub(crate) fn declare(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match (|input: syn::parse::ParseStream<'_>| parse::declaration(input, &mut errors)).parse2(tokens) {
        Ok(declaration) => {
            let config = check::config(declaration, &mut errors);
            // Whatever was wrong, the type is declared, so that its uses don't fail as well.
            let mut expanded = expand::config(&config);
            expanded.extend(errors.into_compile_errors());
            expanded
        }
        Err(error) => {
            errors.push_error(error);
            errors.into_compile_errors()
        }
    }
}
