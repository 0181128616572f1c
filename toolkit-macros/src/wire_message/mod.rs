//! `#[derive(WireMessage)]`: gives a type the body of each of its versions.
//!
//! This folder knows the user's type as it is written, and the names of what it generates code for. What that
//! code does at run time is in the toolkit's `codec/derive/`.
//!
//! The input takes one way: parse, check, expand.
//!
//! | file | what it does |
//! |---|---|
//! | `settings/` | parses `#[wire(..)]`: the keys of a type, variant and field, each with a value of the right kind |
//! | `versions.rs` | which versions the type has, and whether a `since` is one of them |
//! | `check.rs` | checks the settings against the type, and builds the tree of `ast.rs` |
//! | `pins.rs` | the hash of a layout, and whether the pinned hashes are right |
//! | `ast.rs` | the tree: a message, its variants and fields, with their versions |
//! | `types.rs` | what can be seen of a field's type as it is written |
//! | `bounds.rs` | the `where` clause of the generated impls |
//! | `body/` | the items of the hidden traits `Body` and `BorrowedBody` |
//! | `expand.rs` | all generated impls |
//!
//! Mistakes are collected in `Errors` on the way, and none of them stops it. A part with a mistake becomes
//! `Refused` or a default in the tree, so that the impls are still generated, and rustc does not also report
//! every use of the type.

mod ast;
mod body;
mod bounds;
mod check;
mod expand;
mod pins;
mod settings;
mod types;
mod versions;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;

pub(crate) fn derive(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => {
            let message = check::message(&input, &mut errors);
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
