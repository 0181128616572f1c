//! Damage to any file is an error, or harms nothing. It never leaves a log that opens and lacks an entry.

use std::fmt;
use std::ops::AddAssign;

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, META_CF};
use openraft_toolkit_tests::image::Image;
use openraft_toolkit_tests::log::{open, open_dir};
use openraft_toolkit_tests::model::{Call, Model, read_groups};
use openraft_toolkit_tests::run::stride;
use rocksdb::DB;
use tempfile::TempDir;

const GROUPS: [u64; 3] = [0, 7, u64::MAX];

/// How often opening and reading a damaged database had each outcome.
#[derive(Default)]
struct Outcome {
    /// The database did not open, or reading it was an error.
    refused: u64,
    /// The database holds everything that was written.
    unharmed: u64,
    /// The database opens and holds something else.
    lost: u64,
}

impl Outcome {
    /// Asserts that no database lost anything, after printing what happened to `what`.
    fn assert_nothing_lost(&self, what: &str) {
        println!("{what}: {self}");
        assert_eq!(self.lost, 0);
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.refused += other.refused;
        self.unharmed += other.unharmed;
        self.lost += other.lost;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            refused,
            unharmed,
            lost,
        } = self;
        let all = refused + unharmed + lost;
        write!(
            f,
            "{all} damaged databases: {refused} refused, {unharmed} unharmed, {lost} lost"
        )
    }
}

/// A database, and what it holds.
struct Written {
    image: Image,
    models: Vec<Model>,
}

impl Written {
    /// Opens and reads `damaged`, to which `what` was done.
    async fn check(&self, damaged: &Image, what: fmt::Arguments<'_>) -> Outcome {
        let dir = damaged.write();
        let mut outcome = Outcome::default();
        match read_groups(dir.path(), &GROUPS).await {
            Err(e) => {
                // A refused WAL stays as it is, because an operator may have to find out what happened.
                let after = Image::of(&dir);
                for (name, bytes) in damaged.0.iter().filter(|(name, _)| name.ends_with(".log")) {
                    let found = after.0.get(name);
                    assert!(
                        found.is_none_or(|found| found == bytes),
                        "{what}: {e}, and {name} was changed"
                    );
                }
                outcome.refused = 1;
            }
            Ok(models) if models == self.models => outcome.unharmed = 1,
            Ok(models) => {
                eprintln!("{what}: no error, and the database holds {models:?}");
                outcome.lost = 1;
            }
        }
        outcome
    }

    /// Returns the files whose bytes matter. RocksDB writes its options to a file and does not read them.
    fn files(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.image.0.iter().filter(|(name, _)| !name.starts_with("OPTIONS"))
    }

    /// Flips one bit in bytes of all files, a different bit in each byte.
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

    /// Deletes each file, and cuts each file to shorter lengths.
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

    /// Fills whole pages with zeros, as a lost write may leave them.
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

/// Calls with at least one of each kind.
const CALLS: [Call; 8] = [
    Call::Vote { committed: true },
    Call::append(3, 20),
    Call::Truncate { count: 1 },
    Call::append(2, 1),
    Call::Committed { some: true },
    Call::Purge { count: 1 },
    Call::append(1, 40),
    Call::Vote { committed: false },
];

async fn apply(db: &std::sync::Arc<DB>, models: &mut [Model], calls: &[Call]) {
    for (group, model) in GROUPS.into_iter().zip(models) {
        let mut store = open(db, GroupPrefixed::new(group));
        for call in calls {
            model.apply(call, &mut store).await.unwrap();
        }
    }
}

/// A database whose process was killed, so that all records are in the WAL.
async fn in_wal() -> Written {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    apply(&db, &mut models, &CALLS).await;
    Written {
        image: Image::of(&dir),
        models,
    }
}

/// A database that was flushed and reopened, so that the records are in tables and in WALs.
async fn in_tables() -> Written {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    apply(&db, &mut models, &CALLS).await;
    db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    apply(&db, &mut models, &CALLS).await;
    drop(db);
    let db = open_dir(&dir);
    apply(&db, &mut models, &CALLS[..4]).await;
    db.flush_cf(&db.cf_handle(META_CF).unwrap()).unwrap();
    apply(&db, &mut models, &CALLS[1..]).await;
    drop(db);
    Written {
        image: Image::of(&dir),
        models,
    }
}

/// A database whose WAL records span several blocks, and whose last record fills its block up to a few bytes.
async fn in_blocks() -> Written {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    apply(
        &db,
        &mut models,
        &[Call::append(1, 10), Call::append(2, 15_000), Call::append(1, 100)],
    )
    .await;
    drop(db);
    Written {
        image: Image::of(&dir),
        models,
    }
}

#[tokio::test]
async fn a_flipped_bit_in_any_file_is_an_error_or_harms_nothing() {
    let in_wal = in_wal().await;
    let mut outcome = in_wal.flip().await;
    outcome += in_wal.flip_every_bit(in_wal.image.newest_wal()).await;
    outcome += in_tables().await.flip().await;
    outcome.assert_nothing_lost("flipped bits");
    assert!(outcome.refused > 0 && outcome.unharmed > 0);
}

#[tokio::test]
async fn a_file_that_is_missing_or_too_short_is_an_error_or_harms_nothing() {
    let mut outcome = in_wal().await.truncate_and_delete().await;
    outcome += in_tables().await.truncate_and_delete().await;
    outcome.assert_nothing_lost("missing and short files");
    assert!(outcome.refused > 0 && outcome.unharmed > 0);
}

#[tokio::test]
async fn pages_of_zeros_are_an_error_or_harm_nothing() {
    let mut outcome = in_wal().await.zero_pages().await;
    outcome += in_tables().await.zero_pages().await;
    outcome += in_blocks().await.zero_pages().await;
    outcome.assert_nothing_lost("pages of zeros");
    assert!(outcome.refused > 0);
}
