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
//! | `versions.rs` | the versions that the type has, and the check that a `since` is one of them |
//! | `check.rs` | checks the settings against the type, and builds the tree of `ast.rs` |
//! | `pins.rs` | the hash of a layout, and the check of the pinned hashes |
//! | `ast.rs` | the tree: a message, its variants and fields, with their versions |
//! | `types.rs` | what the tokens of a field's type show |
//! | `bounds.rs` | the `where` clause of the generated impls |
//! | `body/` | the items of the hidden traits `Body` and `BorrowedBody` |
//! | `expand.rs` | all generated impls |
//!
//! Mistakes are collected in `Errors`, and no mistake stops the expansion. In the tree, a part with a mistake becomes
//! `Refused` or a default value. So the impls are still generated, and rustc does not also report every use of the
//! type.

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
