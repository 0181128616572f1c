//! Makes the entries that the checks append, and formats logs for messages.

use std::collections::BTreeSet;
use std::fmt::Display;

use openraft::alias::{LeaderIdOf, LogIdOf};
use openraft::entry::RaftEntry;
use openraft::vote::RaftLeaderIdExt;
use openraft::{LogId, Membership, RaftTypeConfig};

use super::violation::{Violation, call_failed};
use crate::test_fakes::log_image::{LogImage, StoredEntry};

/// Returns the log id at `index` with node 1 as the leader of `term`.
pub(super) fn log_id<C>(term: u64, index: u64) -> LogIdOf<C>
where
    C: RaftTypeConfig<Term: From<u64>, NodeId: From<u64>>,
{
    LogId::new(LeaderIdOf::<C>::new_committed(term.into(), 1.into()), index)
}

/// Returns an entry whose kind and size depend on `index`: a blank entry, or a membership of up to 49 voters. Every
/// type config can make these two kinds.
pub(super) fn entry<C>(term: u64, index: u64) -> C::Entry
where
    C: RaftTypeConfig<Term: From<u64>, NodeId: From<u64>, Node: Default>,
{
    let log_id = log_id::<C>(term, index);
    match index % 3 {
        0 => C::Entry::new_blank(log_id),
        _ => {
            let voters: BTreeSet<C::NodeId> = (1..=index % 50).map(C::NodeId::from).collect();
            C::Entry::new_membership(log_id, Membership::new_with_defaults(vec![voters], []))
        }
    }
}

/// Encodes entries, so that they can be compared.
pub(super) fn encoded<C: RaftTypeConfig>(entries: Vec<C::Entry>) -> Result<Vec<StoredEntry<C>>, Violation> {
    let encoded = entries.iter().map(StoredEntry::encode).collect::<Result<_, _>>();
    encoded.map_err(call_failed("encoding an entry"))
}

/// Shows a value, or `none`.
pub(super) fn shown(value: &Option<impl Display>) -> String {
    value.as_ref().map_or_else(|| "none".to_string(), ToString::to_string)
}

/// Shows a log, such as `[4, 5] behind the purged T1-N1.3`.
pub(super) fn shown_log<C: RaftTypeConfig>(log: &LogImage<C>) -> String {
    let entries: Vec<_> = log.entries.iter().cloned().collect();
    format!("{} behind the purged {}", indexes(&entries), shown(&log.purged))
}

/// Shows the indexes of entries, such as `[4, 5]`.
pub(super) fn indexes<C: RaftTypeConfig>(entries: &[StoredEntry<C>]) -> String {
    let indexes: Vec<_> = entries.iter().map(StoredEntry::index).collect();
    format!("{indexes:?}")
}
