//! `kv log`: prints a node's log, even while the node runs.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use openraft_toolkit::log_store::{GroupKeys, LOG_CF, META_CF, open_db_read_only, stored_entries, verify};
use openraft_toolkit::openraft::EntryPayload;
use openraft_toolkit::{Flat, KeySpace};

use crate::types::TypeConfig;

#[derive(clap::Args)]
pub struct Args {
    /// The node's folder
    #[arg(long)]
    dir: PathBuf,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let path = args.dir.join("log");
    let db = open_db_read_only(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let groups = verify::<TypeConfig>(&db, LOG_CF, META_CF, None)?;
    if let Some(problem) = groups.iter().find_map(|group| group.problems.first()) {
        bail!("{problem}");
    }

    let log_cf = db.cf_handle(LOG_CF).context("the log's column family is missing")?;
    let mut out = io::stdout().lock();
    for entry in stored_entries::<TypeConfig>(&db, LOG_CF, META_CF, GroupKeys::Flat, ..)? {
        let entry = entry?;
        let index = entry.log_id.index;
        match entry.payload {
            EntryPayload::Blank => writeln!(out, "{index} blank")?,
            EntryPayload::Membership(membership) => writeln!(out, "{index} membership {membership}")?,
            EntryPayload::Normal(command) => {
                let frame = db.get_pinned_cf(&log_cf, Flat.log_key(index))?;
                let version = frame.as_deref().and_then(command_version);
                let version = version.with_context(|| format!("entry {index} is too short"))?;
                writeln!(out, "{index} v{version} {command}")?;
            }
        }
    }
    Ok(())
}

/// Finds the version of the command in the frame of a normal entry.
///
/// ```text
/// frame version: u8 | term | leader's id | index | kind of payload | command version: u8 | ...
/// ```
///
/// The four fields after the frame version are integers of variable length.
fn command_version(frame: &[u8]) -> Option<u8> {
    let mut rest = frame.get(1..)?;
    for _ in 0..4 {
        let length = match rest.first()? {
            251 => 3,
            252 => 5,
            253 => 9,
            _ => 1,
        };
        rest = rest.get(length..)?;
    }
    rest.first().copied()
}
