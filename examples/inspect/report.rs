//! Prints the answers: columns for people, JSON lines for programs.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

use openraft_toolkit::log_store::{GroupKeys, Problem, RocksdbLogStoreError, StoredGroup, StoredState, VerifiedGroup};
use openraft_toolkit::openraft::EntryPayload;
use openraft_toolkit::openraft::alias::EntryOf;
use serde_json::{Value, json};

use crate::types::TypeConfig;

pub struct Report {
    json: bool,
    out: BufWriter<io::StdoutLock<'static>>,
}

pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

impl Report {
    pub fn new(json: bool) -> Self {
        let out = BufWriter::new(io::stdout().lock());
        Self { json, out }
    }

    fn line(&mut self, object: &Value) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.out, object).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Prints the groups. Returns whether all groups can be read.
    pub fn list(mut self, groups: Vec<StoredGroup<TypeConfig>>) -> anyhow::Result<bool> {
        let right = groups.iter().all(|group| group.state.is_ok());
        if self.json {
            for group in &groups {
                self.line(&stored_json(group)?)?;
            }
        } else {
            let mut rows = vec![["GROUP", "FIRST", "LAST", "PURGED", "COMMITTED", "VOTE"].map(str::to_owned)];
            rows.extend(
                groups
                    .iter()
                    .filter_map(|group| Some(row(group.keys, group.state.as_ref().ok()?))),
            );
            self.columns(&rows)?;
            for group in &groups {
                if let Err(error) = &group.state {
                    writeln!(self.out, "group {}: {}", group.keys, with_sources(error))?;
                }
            }
            writeln!(self.out, "{}", count(groups.len()))?;
        }
        self.out.flush()?;
        Ok(right)
    }

    fn columns<const N: usize>(&mut self, rows: &[[String; N]]) -> io::Result<()> {
        let mut widths = [0; N];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        for row in rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(self.out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }

    /// Prints an entry, or why it cannot be read. Returns whether it can be read.
    pub fn entry(
        &mut self,
        group: GroupKeys,
        entry: Result<EntryOf<TypeConfig>, RocksdbLogStoreError>,
    ) -> anyhow::Result<bool> {
        match &entry {
            Ok(entry) if self.json => self.line(&json!({ "group": key_json(group), "entry": entry }))?,
            Ok(entry) => match &entry.payload {
                EntryPayload::Blank => writeln!(self.out, "{}  blank", entry.log_id)?,
                EntryPayload::Normal(command) => writeln!(self.out, "{}  {command}", entry.log_id)?,
                EntryPayload::Membership(membership) => {
                    writeln!(self.out, "{}  membership {membership}", entry.log_id)?;
                }
            },
            Err(error) if self.json => {
                self.line(&json!({ "group": key_json(group), "error": with_sources(error) }))?;
            }
            Err(error) => writeln!(self.out, "error: {}", with_sources(error))?,
        }
        Ok(entry.is_ok())
    }

    /// Prints the problems. Returns whether there are none.
    pub fn verify(mut self, groups: Vec<VerifiedGroup>) -> anyhow::Result<bool> {
        let wrong = groups.iter().filter(|group| !group.problems.is_empty()).count();
        for VerifiedGroup {
            keys,
            entries,
            problems,
            ..
        } in &groups
        {
            if self.json {
                let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
                self.line(&json!({ "group": key_json(*keys), "entries": entries, "problems": problems }))?;
                continue;
            }
            for problem in problems {
                writeln!(self.out, "group {keys}: {problem}")?;
            }
        }
        if !self.json {
            let entries: u64 = groups.iter().map(|group| group.entries).sum();
            let verdict = match wrong {
                0 => "all is right".to_owned(),
                wrong => format!("PROBLEMS in {}", count(wrong)),
            };
            writeln!(self.out, "{}, {entries} entries read: {verdict}", count(groups.len()))?;
        }
        self.out.flush()?;
        Ok(wrong == 0)
    }
}

fn count(groups: usize) -> String {
    match groups {
        1 => "1 group".to_owned(),
        groups => format!("{groups} groups"),
    }
}

fn row(keys: GroupKeys, state: &StoredState<TypeConfig>) -> [String; 6] {
    fn cell(value: Option<&impl Display>) -> String {
        value.map_or_else(|| "-".to_owned(), ToString::to_string)
    }
    [
        keys.to_string(),
        cell(state.first.as_ref()),
        cell(state.last.as_ref()),
        cell(state.purged.as_ref()),
        cell(state.committed.as_ref()),
        cell(state.vote.as_ref()),
    ]
}

fn stored_json(group: &StoredGroup<TypeConfig>) -> anyhow::Result<Value> {
    let keys = key_json(group.keys);
    Ok(match &group.state {
        Ok(state) => json!({
            "group": keys,
            "first": state.first,
            "last": state.last,
            "purged": state.purged,
            "committed": state.committed,
            "vote": state.vote,
        }),
        Err(error) => json!({ "group": keys, "error": with_sources(error) }),
    })
}

fn key_json(keys: GroupKeys) -> Value {
    match keys {
        GroupKeys::Flat => json!("flat"),
        GroupKeys::Prefixed(id) => json!(id),
    }
}

/// Returns the error and its sources, in one line.
fn with_sources(error: &RocksdbLogStoreError) -> String {
    let errors: Vec<String> = anyhow::Chain::new(error).map(ToString::to_string).collect();
    errors.join(": ")
}
