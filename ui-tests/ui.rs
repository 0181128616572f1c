//! Compiles the cases with the library as a user would. After a change of a message, look at what
//! `TRYBUILD=overwrite cargo test -p openraft-toolkit-ui-tests` rewrites.

mod messages;

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*.rs");
}
