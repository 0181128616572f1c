//! Checks the laws of key spaces.

use std::collections::{BTreeMap, BTreeSet};

use super::violation::{Rule, Violation};
use crate::log_store::{KeySpace, MetaLabel};

/// Group ids that reveal common mistakes in a key space that is made from a number.
pub const GROUP_IDS: [u64; 16] = [
    0,
    1,
    2,
    b'/' as u64,
    255,
    256,
    257,
    65_535,
    65_536,
    u32::MAX as u64,
    u32::MAX as u64 + 1,
    u64::MAX >> 8,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX - 1,
    u64::MAX,
];

/// Checks the laws of [`KeySpace`] on the key spaces of `groups` that will share their column families. The log keys of
/// each group must be in the order of their indexes, and no two groups may use the same keys.
///
/// # Errors
///
/// A [`Violation`] of the first [`Rule`] that is broken, with the keys that break it.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::log_store::{Flat, GroupPrefixed};
/// use openraft_toolkit::test_fakes::conformance::{GROUP_IDS, key_spaces};
///
/// key_spaces([Flat])?; // one group, which has the column families to itself
/// key_spaces(GROUP_IDS.map(GroupPrefixed::new))?;
/// # Ok::<(), openraft_toolkit::test_fakes::conformance::Violation>(())
/// ```
pub fn key_spaces<K: KeySpace>(groups: impl IntoIterator<Item = K>) -> Result<(), Violation> {
    let groups: Vec<K> = groups.into_iter().collect();
    let indexes = indexes();
    for group in &groups {
        stable(group, &indexes)?;
        ascend(group, &indexes)?;
        inverts(group, &indexes)?;
    }
    apart(&groups)?;
    foreign(&groups)?;
    meta_keys_differ(&groups)
}

/// Returns indexes at which the encoding of a number changes: small ones, and those around each power of two.
fn indexes() -> BTreeSet<u64> {
    let around = (0..u64::BITS).map(|bit| 1_u64 << bit);
    let around = around.flat_map(|power| [power - 1, power, power.saturating_add(1)]);
    (0..=300).chain(around).chain([u64::MAX - 1, u64::MAX]).collect()
}

/// Checks that a key space makes the same key each time.
fn stable<K: KeySpace>(group: &K, indexes: &BTreeSet<u64>) -> Result<(), Violation> {
    let again = group.clone();
    let log = indexes.iter().map(|index| (key(group, *index), key(&again, *index)));
    let meta = MetaLabel::ALL
        .iter()
        .map(|label| (meta_key(group, *label), meta_key(&again, *label)));
    match log.chain(meta).find(|(one, other)| one != other) {
        None => Ok(()),
        Some((one, other)) => Err(Violation::new(
            Rule::KeysStable,
            format!("{group:?} makes {} and then {}", hex(&one), hex(&other)),
        )),
    }
}

/// Checks that log keys sort as their indexes do.
fn ascend<K: KeySpace>(group: &K, indexes: &BTreeSet<u64>) -> Result<(), Violation> {
    for (lower, higher) in indexes.iter().zip(indexes.iter().skip(1)) {
        let keys = [key(group, *lower), key(group, *higher)];
        if keys[0] >= keys[1] {
            let found = format!(
                "{group:?} has {} for index {lower} and {} for index {higher}",
                hex(&keys[0]),
                hex(&keys[1])
            );
            return Err(Violation::new(Rule::LogKeysAscend, found));
        }
    }
    Ok(())
}

/// Checks that `log_index` returns the index of a log key, and `None` for a key that is one byte longer or shorter.
fn inverts<K: KeySpace>(group: &K, indexes: &BTreeSet<u64>) -> Result<(), Violation> {
    for index in indexes {
        let key = key(group, *index);
        let longer = [&key[..], &[0]].concat();
        let shorter = &key[..key.len().saturating_sub(1)];
        for (key, expected) in [(&key[..], Some(*index)), (&longer, None), (shorter, None)] {
            let found = group.log_index(key);
            // A key that is longer or shorter may be the key of another index. It is then right to return that index.
            let right = found == expected || found.is_some_and(|index| self::key(group, index) == key);
            if !right {
                return Err(log_index(group, key, found, expected));
            }
        }
    }
    Ok(())
}

/// Checks that no key space treats a log key of another key space as its own.
fn foreign<K: KeySpace>(groups: &[K]) -> Result<(), Violation> {
    for (n, group) in groups.iter().enumerate() {
        for (_, other) in groups.iter().enumerate().filter(|(m, _)| *m != n) {
            for index in [0, 1, u64::MAX] {
                let key = key(other, index);
                if let Some(found) = group.log_index(&key) {
                    return Err(log_index(group, &key, Some(found), None));
                }
            }
        }
    }
    Ok(())
}

/// Returns the violation of a wrong `log_index`.
fn log_index<K: KeySpace>(group: &K, key: &[u8], found: Option<u64>, expected: Option<u64>) -> Violation {
    let key = hex(key);
    Violation::new(
        Rule::LogIndexInverts,
        format!("{group:?} says {found:?} for {key}, and should say {expected:?}"),
    )
}

/// Checks that the log keys of different groups are in separate ranges.
fn apart<K: KeySpace>(groups: &[K]) -> Result<(), Violation> {
    let mut ranges: Vec<_> = groups
        .iter()
        .map(|group| (key(group, 0), key(group, u64::MAX), group))
        .collect();
    ranges.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    for ((first, last, group), (next, end, other)) in ranges.iter().zip(ranges.iter().skip(1)) {
        if next <= last {
            let found = format!(
                "{}..={} of {group:?} meets {}..={} of {other:?}",
                hex(first),
                hex(last),
                hex(next),
                hex(end)
            );
            return Err(Violation::new(Rule::LogKeysApart, found));
        }
    }
    Ok(())
}

/// Checks that no two groups or labels have the same meta key.
fn meta_keys_differ<K: KeySpace>(groups: &[K]) -> Result<(), Violation> {
    let mut owners = BTreeMap::new();
    for group in groups {
        for label in MetaLabel::ALL {
            let key = meta_key(group, label);
            let found = hex(&key);
            if let Some((other, its_label)) = owners.insert(key, (group, label)) {
                let found = format!("{found} is `{its_label}` of {other:?} and `{label}` of {group:?}");
                return Err(Violation::new(Rule::MetaKeysDiffer, found));
            }
        }
    }
    Ok(())
}

fn key<K: KeySpace>(group: &K, index: u64) -> Vec<u8> {
    group.log_key(index).as_ref().to_vec()
}

fn meta_key<K: KeySpace>(group: &K, label: MetaLabel) -> Vec<u8> {
    group.meta_key(label).as_ref().to_vec()
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
