//! `#[derive(WireMessage)]`: generates the code that writes and reads each version of a type.
//!
//! This folder knows only the tokens of the user's type, and the names of the toolkit items that generated code uses.
//! What generated code calls at run time is in the toolkit's `codec/derive/`.
//!
//! The input passes through three steps: parse, check, expand.
//!
//! | file | what it does |
//! |---|---|
//! | `settings/` | parses `#[wire(..)]`: the keys of a type, variant and field, each with a value of the right kind |
//! | `versions.rs` | finds the versions that the type has, and checks each `since` against them |
//! | `check.rs` | checks the settings against the type, and builds the tree of `ast.rs` |
//! | `pins.rs` | computes the hash of a layout, and checks the pinned hashes |
//! | `ast.rs` | defines the tree: a message, its variants and fields, with their versions |
//! | `types.rs` | finds out from the tokens of a field's type whether it is bytes, can borrow, or holds a reference |
//! | `bounds.rs` | generates the `where` clause of the generated impls |
//! | `body/` | generates the items of the hidden traits `Body` and `BorrowedBody` |
//! | `expand.rs` | generates all impls |
//!
//! Mistakes are collected in `Errors`, and no mistake in the settings or in the type stops the expansion. In the tree,
//! a part with a mistake becomes `Refused` or a default value. So the impls are still generated, and rustc does not
//! also report every use of the type.

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
