//! The documentation lists every option that RocksDB writes to an OPTIONS file, under the heading that fits the tests.

use std::collections::BTreeSet;
use std::fs;

use openraft_toolkit_tests::log::open_dir;
use rocksdb::{DBCompressionType, Options};
use tempfile::TempDir;

use super::{open_with, options_file, refused, safe, set, weak};

const DOCS: &str = include_str!("../../../../../toolkit/docs/options.md");

const REFUSED: &str = "## Refused";
const WARNED_ABOUT: &str = "## Warned about";
const SAFE: &str = "## Safe";
const WITHOUT_EFFECT: &str = "## Without an effect on the log";

/// Returns the options that the documentation lists under `heading`: those in the first column of a table, and those in
/// a list.
fn listed(heading: &str) -> BTreeSet<&'static str> {
    let (_, rest) = DOCS
        .split_once(&format!("{heading}\n"))
        .expect("the documentation has the heading");
    let section = rest.split("\n## ").next().unwrap();
    let cells = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    // In a list, an option stands on a line of its own or between commas.
    let list = section.split("\n\n").filter(|block| block.starts_with("- `"));
    let names = cells.flat_map(|cell| cell.split('`').step_by(2).filter(|name| is_name(name)));
    names
        .chain(list.flat_map(|block| block.split('`').skip(1).step_by(2)))
        .collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || char == '_')
}

/// Returns the names of the options in the OPTIONS file of the database in `dir`.
fn written(dir: &TempDir) -> BTreeSet<String> {
    let text = fs::read_to_string(options_file(dir)).unwrap();
    let (_, options) = text.split_once("[DBOptions]").unwrap();
    let names = options
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once('='));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// An option that fails this test is new in this version of RocksDB. Find out what it does, add it to the documentation
/// and, if it concerns writing, recovery or iterators, to the tests.
#[test]
fn every_option_of_rocksdb_is_listed_once() {
    let headings = [REFUSED, WARNED_ABOUT, SAFE, WITHOUT_EFFECT].map(listed);
    let all: BTreeSet<_> = headings.iter().flatten().copied().collect();
    assert_eq!(
        all.len(),
        headings.iter().map(BTreeSet::len).sum::<usize>(),
        "an option is listed twice"
    );

    let defaults = TempDir::new().unwrap();
    drop(open_dir(&defaults));
    // RocksDB does not write these options if they are empty.
    let more = TempDir::new().unwrap();
    let database = |options: &mut Options| {
        set("daily_offpeak_time_utc=01:00-02:00")(options);
        options.set_db_log_dir(more.path());
        options.set_wal_dir(more.path().join("wals"));
    };
    let compressed = |_: &str, options: &mut Options| {
        options.set_compression_per_level(&[DBCompressionType::None, DBCompressionType::None]);
    };
    drop(open_with(&more, database, compressed).unwrap());
    let written: BTreeSet<_> = written(&defaults).union(&written(&more)).cloned().collect();
    let unknown: Vec<_> = written.iter().filter(|name| !all.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "options.md does not list {unknown:?}");
    // The row cache is not in the file.
    let gone: Vec<_> = all
        .iter()
        .filter(|name| !written.contains(**name) && **name != "row_cache")
        .collect();
    assert!(gone.is_empty(), "RocksDB does not have {gone:?}");
}

#[test]
fn every_option_is_tested_as_it_is_listed() {
    for (heading, tested) in [(REFUSED, refused::tested()), (WARNED_ABOUT, weak::tested())] {
        assert_eq!(listed(heading), tested.into_iter().collect(), "{heading}");
    }
    let tested: BTreeSet<_> = safe::tested().into_iter().collect();
    let untested: Vec<_> = listed(SAFE).into_iter().filter(|name| !tested.contains(name)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
