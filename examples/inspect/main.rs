//! Looks into the raft logs of a node, also while the node runs: what groups there are, what is in
//! them, and whether all is right.
//!
//! It reads the logs of `examples/kv`. For those of your service, put your own type config into `types`.
//!
//! Exit codes: 0, all is right; 1, something that is stored is wrong; 2, the question could not be
//! asked: wrong arguments, or a database that cannot be opened.

mod arguments;
/// What the entries hold; `kv` has more use for it.
#[allow(dead_code)]
#[path = "../kv/command.rs"]
mod command;
mod report;
mod types;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use openraft_toolkit::log_store::{self, GroupKeys, LOG_CF, META_CF, StoredGroup, open_db_read_only};
use rocksdb::DB;

use crate::arguments::Indexes;
use crate::report::Report;
use crate::types::TypeConfig;

#[derive(Parser)]
#[command(
    name = "inspect",
    about = "Look into the raft logs of a node, also while it runs",
    version
)]
#[command(after_help = "Exit codes: 0 all is right, 1 something stored is wrong, 2 the database cannot be opened")]
struct Arguments {
    /// The directory of the database with the logs
    db: PathBuf,
    /// Print JSON, an object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand)]
enum Question {
    /// The groups, each with its first, last, purged and committed log id, and its vote
    List,
    /// The entries of a group
    Show {
        /// The id of the group, or `flat` where the database has only one
        #[arg(value_parser = arguments::group)]
        group: GroupKeys,
        /// Which indexes, as in `100..200`, `100..`, `..=200` or `100`
        #[arg(default_value = "..", value_parser = arguments::indexes)]
        indexes: Indexes,
    },
    /// Read everything, and report all that is wrong
    Verify {
        /// The id of a group, or `flat`; all groups without it
        #[arg(value_parser = arguments::group)]
        group: Option<GroupKeys>,
    },
    /// All entries of a group, or of all groups, as JSON
    Dump {
        /// The id of a group, or `flat`; all groups without it
        #[arg(value_parser = arguments::group)]
        group: Option<GroupKeys>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match answer(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // The reader has seen enough, as `head` has.
        Err(error) if report::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all is right, as far as was asked.
fn answer(arguments: &Arguments) -> anyhow::Result<bool> {
    let path = &arguments.db;
    let db = open_db_read_only(path).with_context(|| format!("cannot open {}", path.display()))?;
    let groups = || log_store::groups::<TypeConfig>(&db, LOG_CF, META_CF);
    let mut report = Report::new(arguments.json);
    match &arguments.question {
        Question::List => report.list(groups()?),
        Question::Show { group, indexes } => {
            known(&groups()?, *group)?;
            show(&db, *group, *indexes, &mut report)
        }
        Question::Verify { group } => {
            if let Some(group) = group {
                known(&groups()?, *group)?;
            }
            report.verify(log_store::verify::<TypeConfig>(&db, LOG_CF, META_CF, *group)?)
        }
        Question::Dump { group } => {
            let mut report = Report::new(true);
            let mut right = true;
            let found = groups()?;
            if let Some(group) = group {
                known(&found, *group)?;
            }
            for found in found
                .iter()
                .filter(|found| group.is_none_or(|group| group == found.keys))
            {
                right &= show(&db, found.keys, Indexes::ALL, &mut report)?;
            }
            Ok(right)
        }
    }
}

/// A group that is not there is a mistake in the question, and no empty log.
fn known(found: &[StoredGroup<TypeConfig>], group: GroupKeys) -> anyhow::Result<()> {
    if found.iter().any(|found| found.keys == group) {
        return Ok(());
    }
    anyhow::bail!("there is no group {group}; `list` shows those that are there")
}

fn show(db: &DB, group: GroupKeys, indexes: Indexes, report: &mut Report) -> anyhow::Result<bool> {
    let mut right = true;
    for entry in log_store::stored_entries::<TypeConfig>(db, LOG_CF, META_CF, group, indexes)? {
        right &= report.entry(group, entry)?;
    }
    Ok(right)
}
