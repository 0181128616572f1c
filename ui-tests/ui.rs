//! Compiles the cases with the library as a user would: those of `pass/` compile, and those of `fail/` fail with the
//! errors in their `.stderr`.
//!
//! After a change of a message run `TRYBUILD=overwrite cargo test -p openraft-toolkit-ui-tests`, and read what it
//! changes in the `.stderr` files.

mod lints;
mod messages;

#[test]
fn every_case_compiles_or_fails_as_expected() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*.rs");
}
