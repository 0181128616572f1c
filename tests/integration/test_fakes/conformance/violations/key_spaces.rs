//! Each flaw of a key space is found and named.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft_toolkit::log_store::{GroupPrefixed, KeySpace, MetaLabel};
use openraft_toolkit::test_fakes::conformance::{GROUP_IDS, Rule, key_spaces};

/// Returns the key of a group and an index.
type LogKey = fn(u64, u64) -> Vec<u8>;

/// A key space that is made of two functions.
#[derive(Clone, Debug)]
struct Keys {
    group: u64,
    log_key: LogKey,
    meta_key: fn(u64, MetaLabel) -> Vec<u8>,
}

impl KeySpace for Keys {
    fn log_key(&self, index: u64) -> impl AsRef<[u8]> {
        (self.log_key)(self.group, index)
    }

    fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]> {
        (self.meta_key)(self.group, label)
    }
}

fn good_log_key(group: u64, index: u64) -> Vec<u8> {
    GroupPrefixed::new(group).log_key(index).as_ref().to_vec()
}

fn good_meta_key(group: u64, label: MetaLabel) -> Vec<u8> {
    GroupPrefixed::new(group).meta_key(label).as_ref().to_vec()
}

fn violation_of_keys(log_key: LogKey, meta_key: fn(u64, MetaLabel) -> Vec<u8>) -> Option<(Rule, String)> {
    let keys = |group| Keys {
        group,
        log_key,
        meta_key,
    };
    let violation = key_spaces(GROUP_IDS.map(keys)).err()?;
    println!("{violation}\n");
    Some((violation.rule, violation.found))
}

#[test]
fn each_flaw_of_a_key_space_is_found_and_named() {
    static MADE: AtomicU64 = AtomicU64::new(0);

    assert_eq!(violation_of_keys(good_log_key, good_meta_key), None);

    let log_keys: [(LogKey, Rule, &str); 6] = [
        // Indexes are little-endian.
        (
            |group, index| [group.to_be_bytes(), index.to_le_bytes()].concat(),
            Rule::LogKeysAscend,
            "for index 255 and",
        ),
        // Indexes are text.
        (
            |group, index| format!("{group:020}/{index}").into_bytes(),
            Rule::LogKeysAscend,
            "for index 9 and",
        ),
        // The index comes first, so that all groups interleave.
        (
            |group, index| [index.to_be_bytes(), group.to_be_bytes()].concat(),
            Rule::LogIndexInverts,
            "says None for",
        ),
        // The prefix of one group is a prefix of another group's prefix.
        (
            |group, index| [format!("{group}").as_bytes(), &index.to_be_bytes()].concat(),
            Rule::LogKeysApart,
            "meets",
        ),
        // Only the last byte of the group's id is in the key.
        (
            |group, index| [&[group as u8], &index.to_be_bytes()[..]].concat(),
            Rule::LogKeysApart,
            "meets",
        ),
        // The key is different at each call.
        (
            |group, index| {
                [
                    good_log_key(group, MADE.fetch_add(1, Ordering::Relaxed)),
                    index.to_be_bytes().to_vec(),
                ]
                .concat()
            },
            Rule::KeysStable,
            "and then",
        ),
    ];
    for (log_key, rule, message) in log_keys {
        let (broken, found) = violation_of_keys(log_key, good_meta_key).expect("the flaw goes unnoticed");
        assert_eq!(broken, rule, "{found}");
        assert!(found.contains(message), "{found}");
    }

    // The meta keys of all groups are the same.
    let one_for_all = |_, label: MetaLabel| label.as_str().as_bytes().to_vec();
    let (broken, found) = violation_of_keys(good_log_key, one_for_all).expect("the flaw goes unnoticed");
    assert_eq!(broken, Rule::MetaKeysDiffer, "{found}");
    assert!(found.starts_with("766f7465 is `vote` of"), "{found}");
}
