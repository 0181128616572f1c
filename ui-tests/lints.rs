//! Checks that every case of `pass/` is a module of `src/lib.rs`, where clippy lints the code that the macros generate.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::Item;

#[test]
fn every_case_of_pass_is_linted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases: BTreeSet<String> = fs::read_dir(root.join("pass"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().display().to_string())
        .collect();
    assert!(!cases.is_empty());
    let library = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    assert_eq!(
        modules_of_pass(&library),
        cases,
        "src/lib.rs and pass/ have different cases"
    );
}

/// Returns the modules inside `mod pass { .. }`.
fn modules_of_pass(library: &str) -> BTreeSet<String> {
    let pass = syn::parse_file(library)
        .unwrap()
        .items
        .into_iter()
        .find_map(|item| match item {
            Item::Mod(module) if module.ident == "pass" => module.content,
            _ => None,
        });
    let (_, items) = pass.expect("`mod pass` with its modules");
    items
        .iter()
        .filter_map(|item| match item {
            Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        })
        .collect()
}
