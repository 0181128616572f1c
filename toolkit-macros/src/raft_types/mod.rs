//! `declare_raft_types_ext!`: declares a type config.
//!
//! This folder knows the slots, their defaults, and the names of openraft's traits. rustc checks, in the generated
//! code, that the types in the slots implement these traits.
//!
//! The input passes through three steps: parse, check, expand.
//!
//! | file | what it does |
//! |---|---|
//! | `slot.rs` | lists the slots and their properties |
//! | `parse.rs` | parses the user's tokens |
//! | `check.rs` | resolves the names of slots; refuses unknown, missing and duplicate slots |
//! | `alternatives.rs` | the types that may be in a slot: the user's, several under `#[cfg(..)]`, or the default |
//! | `guard.rs` | generates impls that make rustc report an unfit type only once, and at the tokens of that type |
//! | `expand.rs` | generates the struct and its impls |
//!
//! A mistake does not stop the expansion: mistakes are collected in `Errors`, and the type config is still declared. So
//! rustc does not also report every use of the type config. Only a mistake before the slots, such as a missing name of
//! the type config, stops the expansion.

mod alternatives;
mod check;
mod expand;
mod guard;
mod parse;
mod slot;

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};

use crate::errors::Errors;

pub(crate) fn declare(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match (|input: ParseStream<'_>| parse::declaration(input, &mut errors)).parse2(tokens) {
        Ok(declaration) => {
            let config = check::config(declaration, &mut errors);
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
