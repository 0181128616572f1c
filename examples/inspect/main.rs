//! Shows the raft logs of a node: its groups, their entries, and whether everything that is stored can be read. Works
//! even while the node runs.
//!
//! This program reads the logs of `examples/kv`. To read the logs of your own service, put your type config into
//! `types`.
//!
//! Exit codes: 0 if no problem was found, 1 if a problem was found, and 2 if the arguments are wrong or the database
//! cannot be opened.

mod arguments;
/// The commands of `kv`, which its entries hold. This program does not use all of the module.
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
use openraft_toolkit::rocksdb::DB;

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
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand)]
enum Question {
    /// List the groups, each with its first, last, purged and committed log id, and its vote
    List,
    /// Show the entries of a group
    Show {
        /// The id of the group, or `flat` if the database has only one
        #[arg(value_parser = arguments::group)]
        group: GroupKeys,
        /// Which indexes, as in `100..200`, `100..`, `..=200` or `100`
        #[arg(default_value = "..", value_parser = arguments::indexes)]
        indexes: Indexes,
    },
    /// Read everything, and report every problem
    Verify {
        /// The id of a group, or `flat`; by default all groups
        #[arg(value_parser = arguments::group)]
        group: Option<GroupKeys>,
    },
    /// Print all entries of a group, or of all groups, as JSON
    Dump {
        /// The id of a group, or `flat`; by default all groups
        #[arg(value_parser = arguments::group)]
        group: Option<GroupKeys>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match answer(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // The program that reads the output, such as `head`, has closed it. This is not an error.
        Err(error) if report::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the command and prints its answer. Returns whether all data that was read is valid.
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

/// Fails if there is no such group: an unknown id is a mistake in the arguments, not an empty log.
fn known(found: &[StoredGroup<TypeConfig>], group: GroupKeys) -> anyhow::Result<()> {
    if found.iter().any(|found| found.keys == group) {
        return Ok(());
    }
    anyhow::bail!("there is no group {group}; `list` shows those that are there")
}

/// Prints entries of a group. Returns whether all these entries can be read.
fn show(db: &DB, group: GroupKeys, indexes: Indexes, report: &mut Report) -> anyhow::Result<bool> {
    let mut right = true;
    for entry in log_store::stored_entries::<TypeConfig>(db, LOG_CF, META_CF, group, indexes)? {
        right &= report.entry(group, entry)?;
    }
    Ok(right)
}
