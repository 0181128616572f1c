//! Damage to any file is an error, or harms nothing. It never makes a log that opens and lacks
//! something.

use std::fmt;
use std::ops::AddAssign;

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, META_CF};
use rocksdb::DB;
use tempfile::TempDir;

use super::{Image, read_groups, soak};
use crate::log_store::{open, open_dir};
use crate::model::{Model, Op};

const GROUPS: [u64; 3] = [0, 7, u64::MAX];

/// Of how many places the short form takes one: an odd number, so that all bits have their turn.
fn stride(short: usize) -> usize {
    if soak() { 1 } else { short }
}

/// What came of opening and reading damaged databases.
#[derive(Default)]
struct Outcome {
    refused: u64,
    unharmed: u64,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.refused += other.refused;
        self.unharmed += other.unharmed;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.refused + self.unharmed;
        write!(
            f,
            "{all} damaged databases: {} refused, {} unharmed, 0 lost",
            self.refused, self.unharmed
        )
    }
}

/// A database, and what it holds.
struct Written {
    image: Image,
    models: Vec<Model>,
}

impl Written {
    async fn check(&self, damaged: &Image, what: fmt::Arguments<'_>) -> Outcome {
        let dir = damaged.write();
        match read_groups(dir.path(), &GROUPS).await {
            Err(e) => {
                // For whoever has to find out what happened.
                let after = Image::of(dir.path());
                for (name, bytes) in damaged.0.iter().filter(|(name, _)| name.ends_with(".log")) {
                    let found = after.0.get(name);
                    assert!(
                        found.is_none_or(|found| found == bytes),
                        "{what}: {e}, and {name} was changed"
                    );
                }
                Outcome {
                    refused: 1,
                    unharmed: 0,
                }
            }
            Ok(models) => {
                assert!(models == self.models, "{what} lost something, without an error");
                Outcome {
                    refused: 0,
                    unharmed: 1,
                }
            }
        }
    }

    /// The files whose bytes count: RocksDB writes its options down and does not read them.
    fn files(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.image.0.iter().filter(|(name, _)| !name.starts_with("OPTIONS"))
    }

    /// The WAL that was written last.
    fn wal(&self) -> &str {
        self.image.0.keys().filter(|name| name.ends_with(".log")).max().unwrap()
    }

    async fn flip(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for (name, bytes) in self.files() {
            for at in (0..bytes.len()).step_by(stride(11)) {
                let flip = 1 << (at % 8);
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                let damaged = self.image.with(name, Some(bytes));
                outcome += self.check(&damaged, format_args!("{name}: {flip:#x} at {at}")).await;
            }
        }
        outcome
    }

    async fn flip_every_bit(&self, name: &str) -> Outcome {
        let mut outcome = Outcome::default();
        for at in (0..self.image.0[name].len() * 8).step_by(stride(13)) {
            let mut bytes = self.image.0[name].clone();
            bytes[at / 8] ^= 1 << (at % 8);
            let damaged = self.image.with(name, Some(bytes));
            outcome += self.check(&damaged, format_args!("{name}: bit {at}")).await;
        }
        outcome
    }

    async fn truncate_and_delete(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for name in self.image.0.keys() {
            outcome += self
                .check(&self.image.with(name, None), format_args!("{name} deleted"))
                .await;
        }
        for (name, bytes) in self.files() {
            for length in (0..bytes.len()).step_by(stride(21)) {
                let damaged = self.image.with(name, Some(bytes[..length].to_vec()));
                outcome += self.check(&damaged, format_args!("{name} cut to {length}")).await;
            }
        }
        outcome
    }

    /// Whole pages that read as zeros, as after a lost write.
    async fn zero_pages(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for (name, bytes) in self.files() {
            for page in [512, 4096] {
                for start in (0..bytes.len()).step_by(page) {
                    let mut bytes = bytes.clone();
                    let end = bytes.len().min(start + page);
                    bytes[start..end].fill(0);
                    let damaged = self.image.with(name, Some(bytes));
                    outcome += self
                        .check(&damaged, format_args!("{name}: zeros from {start} to {end}"))
                        .await;
                }
            }
        }
        outcome
    }
}

fn append(count: u64, bytes: usize) -> Op {
    Op::Append {
        count,
        bytes,
        wait: true,
    }
}

/// Some of everything.
const OPS: [Op; 8] = [
    Op::Vote { committed: true },
    Op::Append {
        count: 3,
        bytes: 20,
        wait: true,
    },
    Op::Truncate { count: 1 },
    Op::Append {
        count: 2,
        bytes: 1,
        wait: true,
    },
    Op::Committed { some: true },
    Op::Purge { count: 1 },
    Op::Append {
        count: 1,
        bytes: 40,
        wait: true,
    },
    Op::Vote { committed: false },
];

async fn apply(db: &std::sync::Arc<DB>, models: &mut [Model], ops: &[Op]) {
    for (group, model) in GROUPS.into_iter().zip(models) {
        let mut store = open(db, GroupPrefixed::new(group));
        for op in ops {
            model.apply(op, &mut store).await.unwrap();
        }
    }
}

/// All of it in the WAL, of a process that was killed.
async fn in_wal() -> Written {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    apply(&db, &mut models, &OPS).await;
    Written {
        image: Image::of(dir.path()),
        models,
    }
}

/// In tables, WALs and MANIFEST, after flushes and a reopening.
async fn in_tables() -> Written {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    apply(&db, &mut models, &OPS).await;
    db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    apply(&db, &mut models, &OPS).await;
    drop(db);
    let db = open_dir(&dir);
    apply(&db, &mut models, &OPS[..4]).await;
    db.flush_cf(&db.cf_handle(META_CF).unwrap()).unwrap();
    apply(&db, &mut models, &OPS[1..]).await;
    drop(db);
    Written {
        image: Image::of(dir.path()),
        models,
    }
}

/// Records in several fragments and blocks, and a last one that fills its block but for a few
/// bytes.
async fn in_blocks() -> Written {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    apply(&db, &mut models, &[append(1, 10), append(2, 15_000), append(1, 100)]).await;
    drop(db);
    Written {
        image: Image::of(dir.path()),
        models,
    }
}

#[tokio::test]
async fn a_flipped_bit_in_any_file_is_an_error_or_harms_nothing() {
    let in_wal = in_wal().await;
    let mut outcome = in_wal.flip().await;
    outcome += in_wal.flip_every_bit(in_wal.wal()).await;
    outcome += in_tables().await.flip().await;
    println!("flipped bits: {outcome}");
    assert!(outcome.refused > 0 && outcome.unharmed > 0);
}

#[tokio::test]
async fn a_file_that_is_missing_or_too_short_is_an_error_or_harms_nothing() {
    let mut outcome = in_wal().await.truncate_and_delete().await;
    outcome += in_tables().await.truncate_and_delete().await;
    println!("missing and short files: {outcome}");
    assert!(outcome.refused > 0 && outcome.unharmed > 0);
}

#[tokio::test]
async fn pages_of_zeros_are_an_error_or_harm_nothing() {
    let mut outcome = in_wal().await.zero_pages().await;
    outcome += in_tables().await.zero_pages().await;
    outcome += in_blocks().await.zero_pages().await;
    println!("pages of zeros: {outcome}");
    assert!(outcome.refused > 0);
}
