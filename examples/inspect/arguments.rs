//! Parses groups and ranges of indexes from the command line.

use std::ops::{Bound, RangeBounds};

use openraft_toolkit::log_store::GroupKeys;

pub fn group(text: &str) -> Result<GroupKeys, String> {
    if text == "flat" {
        return Ok(GroupKeys::Flat);
    }
    let id = text.parse().map_err(|_| "expected the id of a group, or `flat`")?;
    Ok(GroupKeys::Prefixed(id))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexes {
    start: Bound<u64>,
    end: Bound<u64>,
}

impl Indexes {
    pub const ALL: Self = Self {
        start: Bound::Unbounded,
        end: Bound::Unbounded,
    };
}

impl RangeBounds<u64> for Indexes {
    fn start_bound(&self) -> Bound<&u64> {
        self.start.as_ref()
    }

    fn end_bound(&self) -> Bound<&u64> {
        self.end.as_ref()
    }
}

pub fn indexes(text: &str) -> Result<Indexes, String> {
    let index = |text: &str| {
        text.parse()
            .map_err(|_| format!("expected an index in place of `{text}`, as in `100..200`"))
    };
    let Some((start, end)) = text.split_once("..") else {
        let only = Bound::Included(index(text)?);
        return Ok(Indexes { start: only, end: only });
    };
    let start = match start {
        "" => Bound::Unbounded,
        start => Bound::Included(index(start)?),
    };
    let end = match (end, end.strip_prefix('=')) {
        ("", _) => Bound::Unbounded,
        (_, Some(last)) => Bound::Included(index(last)?),
        (end, None) => Bound::Excluded(index(end)?),
    };
    Ok(Indexes { start, end })
}
