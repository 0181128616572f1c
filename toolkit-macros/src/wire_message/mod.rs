//! `#[derive(WireMessage)]`: read the attributes, check them against the type, expand.

mod body;
mod bounds;
mod check;
mod expand;
mod layout;
mod parse;
mod settings;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;

pub(crate) fn derive(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => {
            let message = check::message(&input, &mut errors);
            // Whatever was wrong, the trait is implemented, so that its uses don't fail as well.
            let mut expanded = expand::message(&message);
            expanded.extend(errors.into_compile_errors());
            expanded
        }
        Err(error) => {
            errors.push_error(error);
            errors.into_compile_errors()
        }
    }
}
