//! A power failure loses any part of the data that was not durable. Afterwards, the database has the effect of all
//! acknowledged calls, and of none or more of the calls after them, in order and without a gap.
//!
//! A test records [`Moment`]s of a run, and opens the files as a power failure at such a moment may leave them: with
//! the WAL cut short or overwritten (`wal`), with the MANIFEST cut short (`manifest`), or without the account
//! (`account`). `purge` tests purges past the last entry, which a crash must not undo.

mod account;
mod manifest;
mod purge;
mod wal;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, ops};

use fastrand::Rng;
use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF};
use openraft_toolkit::openraft::storage::RaftLogStorageExt;
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{Store, entry, open, open_dir};
use openraft_toolkit_tests::model::{Call, Model, read_groups};
use openraft_toolkit_tests::run::{Length, length};
use rocksdb::DB;
use tempfile::TempDir;

const GROUPS: [u64; 2] = [3, u64::MAX];

/// A database with both groups.
struct Running {
    dir: TempDir,
    db: Arc<DB>,
    stores: [Store<GroupPrefixed>; 2],
    /// What the groups hold.
    models: Vec<Model>,
}

impl Running {
    /// Creates a database whose groups have four entries each.
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let db = open_dir(&dir);
        let stores = GROUPS.map(|group| open(&db, GroupPrefixed::new(group)));
        let mut this = Self {
            dir,
            db,
            stores,
            models: vec![Model::default(); GROUPS.len()],
        };
        for group in 0..GROUPS.len() {
            this.call(group, &Call::append(4, 30)).await;
        }
        this
    }

    async fn call(&mut self, group: usize, call: &Call) {
        let store = &mut self.stores[group];
        self.models[group].apply(call, store).await.unwrap();
    }

    /// Makes a call that is not acknowledged, and waits until the writer has written it.
    async fn call_and_wait_for_growth(&mut self, group: usize, call: &Call, wal: &Path) {
        let length = fs::metadata(wal).unwrap().len();
        self.call(group, call).await;
        let deadline = Instant::now() + Duration::from_secs(10);
        while fs::metadata(wal).unwrap().len() <= length {
            assert!(Instant::now() < deadline, "nothing was written");
            std::thread::yield_now();
        }
    }

    fn flush(&self) {
        self.db.flush_cf(&self.db.cf_handle(LOG_CF).unwrap()).unwrap();
    }

    fn image(&self) -> Image {
        Image::of(&self.dir)
    }
}

/// A moment of a run.
struct Moment {
    /// The files when all calls so far were durable.
    durable: Image,
    /// The name of the newest WAL.
    wal: String,
    /// The same WAL with later calls, which are written but not durable.
    written: Vec<u8>,
    /// What the groups held when all calls were durable, and after each later call.
    states: Vec<Vec<Model>>,
}

impl Moment {
    /// Returns the lengths of the WAL at which a power failure may cut it.
    fn cuts(&self) -> ops::RangeInclusive<usize> {
        self.durable.0[&self.wal].len()..=self.written.len()
    }

    /// Checks the database with `wal` in place of its newest WAL, and with `account`. A power failure leaves an older
    /// account, or none, if the newest account was not durable.
    ///
    /// Returns whether all acknowledged writes are there.
    async fn check(&self, wal: Vec<u8>, account: Option<&Vec<u8>>, what: &str) -> bool {
        let image = self.durable.with(&self.wal, Some(wal)).with(ACCOUNT, account.cloned());
        self.check_image(&image, what).await
    }

    /// Checks that the database opens without an operator, and works. Returns whether all acknowledged writes are
    /// there.
    async fn check_image(&self, image: &Image, what: &str) -> bool {
        let dir = image.write();
        let models = read_groups(&dir, &GROUPS).await;
        let models = models.unwrap_or_else(|e| panic!("{what}: an operator is needed: {e}"));
        if !self.states.contains(&models) {
            eprintln!("{what}: lost what was acknowledged: {models:?}");
            return false;
        }

        // The store accepts an append, and dropped data does not come back.
        let next = models[0].last.map_or(0, |last| last.index + 1);
        let db = open_dir(&dir);
        let mut store = open(&db, GroupPrefixed::new(GROUPS[0]));
        store.blocking_append([entry(1000, next, "next")]).await.unwrap();
        drop((store, db));
        let after = read_groups(&dir, &GROUPS).await.unwrap();
        assert_eq!(after[0].entries.split_last().unwrap().1, models[0].entries, "{what}");
        assert_eq!(after[1], models[1], "{what}");
        true
    }
}

/// Returns a call that is durable when it returns.
fn durable_call(rng: &mut Rng) -> Call {
    match rng.u8(..8) {
        0 => Call::Vote { committed: rng.bool() },
        1 => Call::Truncate { count: rng.u64(1..=3) },
        // Only a soak uses records of several blocks, because cutting them at every byte takes long.
        2 if length() == Length::Soak => Call::append(rng.u64(1..=3), 20_000),
        _ => Call::append(rng.u64(1..=3), rng.usize(..60)),
    }
}

/// Records the moment before each of `calls` durable calls. Before some of these, calls are made that are not
/// acknowledged.
async fn record(rng: &mut Rng, calls: u64) -> Vec<Moment> {
    let mut running = Running::start().await;
    let mut moments = Vec::new();
    for call in 0..calls {
        if call == calls / 2 {
            running.flush();
            running.call(0, &Call::append(4, 30)).await;
        }
        let durable = running.image();
        let wal = durable.newest_wal().to_owned();
        let path = running.dir.path().join(&wal);
        let mut states = vec![running.models.clone()];
        for _ in 0..call % 3 {
            let group = rng.usize(..GROUPS.len());
            // A purge past the last entry would be durable when it returns.
            let entries = running.models[group].entries.len() as u64;
            let call = match rng.bool() {
                true if entries > 0 => Call::Purge {
                    count: rng.u64(..entries.min(3)),
                },
                _ => Call::Committed { some: rng.u8(..3) > 0 },
            };
            running.call_and_wait_for_growth(group, &call, &path).await;
            states.push(running.models.clone());
        }
        running.call(rng.usize(..GROUPS.len()), &durable_call(rng)).await;
        states.push(running.models.clone());
        assert_eq!(running.image().newest_wal(), wal);
        moments.push(Moment {
            durable,
            written: fs::read(&path).unwrap(),
            wal,
            states,
        });
    }
    moments
}
