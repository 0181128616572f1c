//! Compiles the cases as a user's crate would be compiled. The cases of `pass/` must compile. The cases of `fail/` must
//! fail with the errors in their `.stderr` files.
//!
//! After you change an error message, run `TRYBUILD=overwrite cargo test -p openraft-toolkit-ui-tests`. The command
//! rewrites the `.stderr` files: read the changes.

mod lints;
mod messages;

#[test]
fn every_case_compiles_or_fails_as_expected() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*.rs");
}
