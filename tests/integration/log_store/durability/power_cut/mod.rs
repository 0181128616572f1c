//! A power failure loses any part of what was not synced. All that was acknowledged is there
//! then, and what is there beyond is a prefix of what was issued.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use std::{fs, ops};

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, RocksdbLogStoreError, open_db};
use openraft_toolkit::openraft::storage::RaftLogStorageExt;
use rocksdb::{DB, WriteBatch};
use tempfile::TempDir;

use super::{Image, Rng, read_groups, seed, soak};
use crate::log_store::{entry, open, open_dir};
use crate::model::{Model, Op};

const GROUPS: [u64; 2] = [3, u64::MAX];
pub const SYNCED: &str = "RAFT_SYNCED";
/// The length of a batch without operations in the WAL: its headers, and what was synced before it.
const MARK: usize = 7 + 12 + 34;

/// A moment of a run: what was synced, what was written and not synced, and what was acknowledged.
struct Moment {
    /// The files as they were synced.
    synced: Image,
    wal: String,
    /// The WAL with what was written after that.
    written: Vec<u8>,
    /// The state that was acknowledged, and those that follow, a call each.
    states: Vec<Vec<Model>>,
}

impl Moment {
    fn unsynced(&self) -> ops::RangeInclusive<usize> {
        self.synced.0[&self.wal].len()..=self.written.len()
    }

    /// Opens the database as the power failure left it. An account of an earlier moment, or none,
    /// is what remains where the newest one was not on disk yet.
    async fn check(&self, wal: Vec<u8>, account: Option<&Vec<u8>>, what: &str) {
        let image = self.synced.with(&self.wal, Some(wal)).with(SYNCED, account.cloned());
        self.check_image(&image, what).await;
    }

    async fn check_image(&self, image: &Image, what: &str) {
        let dir = image.write();
        let models = read_groups(dir.path(), &GROUPS).await;
        let models = models.unwrap_or_else(|e| panic!("{what}: an operator is needed: {e}"));
        assert!(self.states.contains(&models), "{what}: lost what was acknowledged");

        // The store is usable, and what was dropped does not come back.
        let next = models[0].last.map_or(0, |last| last.index + 1);
        let db = open_db(dir.path(), LogDbOptions::default()).unwrap();
        let mut store = open(&db, GroupPrefixed::new(GROUPS[0]));
        store.blocking_append([entry(1000, next, "next")]).await.unwrap();
        drop((store, db));
        let after = read_groups(dir.path(), &GROUPS).await.unwrap();
        assert_eq!(after[0].entries.split_last().unwrap().1, models[0].entries, "{what}");
        assert_eq!(after[1], models[1], "{what}");
    }
}

pub fn newest_wal(dir: &Path) -> String {
    newest_wal_of(&Image::of(dir))
}

fn newest_wal_of(image: &Image) -> String {
    let wals = image.0.keys().filter(|name| name.ends_with(".log"));
    wals.max().unwrap().clone()
}

fn wait_for_growth(path: &Path, length: u64) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::metadata(path).unwrap().len() <= length {
        assert!(Instant::now() < deadline, "nothing was written");
        std::thread::yield_now();
    }
}

fn synced_op(rng: &mut Rng) -> Op {
    match rng.below(8) {
        0 => Op::Vote {
            committed: rng.below(2) == 0,
        },
        1 => Op::Truncate {
            count: 1 + rng.below(3),
        },
        n => Op::Append {
            count: 1 + rng.below(3),
            bytes: if n == 2 && soak() {
                20_000
            } else {
                rng.below(60) as usize
            },
            wait: true,
        },
    }
}

/// Runs `calls` synced calls, with others between them that nobody waits for.
async fn record(rng: &mut Rng, calls: usize) -> Vec<Moment> {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut stores = GROUPS.map(|group| open(&db, GroupPrefixed::new(group)));
    let mut models = vec![Model::default(); GROUPS.len()];
    let append = Op::Append {
        count: 4,
        bytes: 30,
        wait: true,
    };
    for (store, model) in stores.iter_mut().zip(&mut models) {
        model.apply(&append, store).await.unwrap();
    }

    let mut moments = Vec::new();
    for call in 0..calls {
        if call == calls / 2 {
            db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
            models[0].apply(&append, &mut stores[0]).await.unwrap();
        }
        let synced = Image::of(dir.path());
        let mut states = vec![models.clone()];
        let wal = newest_wal(dir.path());
        let path = dir.path().join(&wal);
        for _ in 0..call % 3 {
            let group = rng.below(2) as usize;
            let length = fs::metadata(&path).unwrap().len();
            let op = match rng.below(2) {
                0 => Op::Purge { count: rng.below(3) },
                _ => Op::Committed { some: rng.below(3) > 0 },
            };
            models[group].apply(&op, &mut stores[group]).await.unwrap();
            wait_for_growth(&path, length);
            states.push(models.clone());
        }
        let group = rng.below(2) as usize;
        models[group].apply(&synced_op(rng), &mut stores[group]).await.unwrap();
        states.push(models.clone());
        assert_eq!(newest_wal(dir.path()), wal);
        moments.push(Moment {
            synced,
            written: fs::read(&path).unwrap(),
            wal,
            states,
        });
    }
    moments
}

#[tokio::test]
async fn a_wal_that_is_cut_anywhere_behind_what_was_synced_opens_by_itself() {
    let mut rng = Rng::new(seed());
    let moments = record(&mut rng, if soak() { 25 } else { 6 }).await;
    let mut cuts = 0;
    for (n, moment) in moments.iter().enumerate() {
        let step = match soak() {
            true => (moment.unsynced().count() / 400).max(1),
            false => 5,
        };
        for length in moment.unsynced().step_by(step) {
            let earlier = &moments[rng.below(n as u64 + 1) as usize];
            let account = [Some(moment), Some(earlier), None][cuts % 3].map(|moment| &moment.synced.0[SYNCED]);
            let what = format!("call {n}, the WAL cut to {length}");
            moment.check(moment.written[..length].to_vec(), account, &what).await;
            cuts += 1;
        }
    }
    println!(
        "power cuts: {cuts} at every byte of what {} calls did not sync, 0 lost",
        moments.len()
    );
    assert!(cuts > 100);
}

#[tokio::test]
async fn sectors_that_were_not_synced_may_be_lost_or_hold_anything() {
    let mut rng = Rng::new(seed());
    let moments = record(&mut rng, if soak() { 200 } else { 30 }).await;
    let mut images = 0;
    for (n, moment) in moments.iter().enumerate() {
        let synced = *moment.unsynced().start();
        // Zeros, as of a page that was never written; garbage; and the one or the other in a part.
        for sector in [16, 64, 512] {
            let mut wal = moment.written.clone();
            for part in wal[synced..].chunks_mut(sector) {
                match rng.below(3) {
                    0 => part.fill(0),
                    1 => part.fill_with(|| rng.below(256) as u8),
                    _ => {}
                }
            }
            let account = [Some(&moment.synced.0[SYNCED]), None][images % 2];
            moment
                .check(wal, account, &format!("call {n}, sectors of {sector} lost"))
                .await;
            images += 1;
        }
    }
    println!("lost sectors: {images} databases, 0 lost");
}

#[tokio::test]
async fn a_wal_that_was_not_synced_takes_the_next_one_with_it() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut stores = GROUPS.map(|group| open(&db, GroupPrefixed::new(group)));
    let mut models = vec![Model::default(); GROUPS.len()];
    for (store, model) in stores.iter_mut().zip(&mut models) {
        model
            .apply(
                &Op::Append {
                    count: 4,
                    bytes: 30,
                    wait: true,
                },
                store,
            )
            .await
            .unwrap();
    }
    let synced = Image::of(dir.path());
    let mut states = vec![models.clone()];
    let wal = newest_wal(dir.path());
    let path = dir.path().join(&wal);

    // Nobody waits for the first, and the second one is in a new WAL when the power fails.
    let length = fs::metadata(&path).unwrap().len();
    models[0].apply(&Op::Purge { count: 1 }, &mut stores[0]).await.unwrap();
    wait_for_growth(&path, length);
    states.push(models.clone());
    let written = fs::read(&path).unwrap();
    db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    models[0]
        .apply(
            &Op::Append {
                count: 1,
                bytes: 30,
                wait: true,
            },
            &mut stores[0],
        )
        .await
        .unwrap();
    states.push(models.clone());
    let next = newest_wal(dir.path());
    assert_ne!(wal, next);
    // Behind the batch lies a mark that says that it was synced.
    let mut next_written = fs::read(dir.path().join(&next)).unwrap();
    next_written.truncate(next_written.len() - MARK);

    let moment = Moment {
        synced,
        wal,
        written,
        states,
    };
    for length in moment.unsynced().step_by(if soak() { 1 } else { 3 }) {
        for next_length in [0, 3, next_written.len()].into_iter().skip(length % 3).step_by(3) {
            let image = moment
                .synced
                .with(&moment.wal, Some(moment.written[..length].to_vec()))
                .with(&next, Some(next_written[..next_length].to_vec()));
            moment
                .check_image(&image, &format!("cut to {length} and {next_length}"))
                .await;
        }
    }
}

#[tokio::test]
async fn a_manifest_that_is_cut_anywhere_behind_what_was_synced_opens_by_itself() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut stores = GROUPS.map(|group| open(&db, GroupPrefixed::new(group)));
    let mut models = vec![Model::default(); GROUPS.len()];
    for (store, model) in stores.iter_mut().zip(&mut models) {
        let append = Op::Append {
            count: 4,
            bytes: 30,
            wait: true,
        };
        model.apply(&append, store).await.unwrap();
    }
    let before = Image::of(dir.path());
    db.flush_cf(&db.cf_handle(LOG_CF).unwrap()).unwrap();
    let mut after = Image::of(dir.path()).with(SYNCED, Some(before.0[SYNCED].clone()));
    // RocksDB deletes a WAL only when the MANIFEST is synced.
    let wal = newest_wal_of(&before);
    after.0.insert(wal.clone(), before.0[&wal].clone());
    let manifest = before.0.keys().find(|name| name.starts_with("MANIFEST")).unwrap();

    let (synced, written) = (&before.0[manifest], &after.0[manifest]);
    let mut rng = Rng::new(seed());
    for length in synced.len()..=written.len() {
        let mut bytes = written[..length].to_vec();
        match length % 3 {
            0 => {}
            1 => bytes[synced.len()..].fill(0),
            _ => bytes[synced.len()..].fill_with(|| rng.below(256) as u8),
        }
        let damaged = after.with(manifest, Some(bytes)).write();
        let found = read_groups(damaged.path(), &GROUPS).await;
        let found = found.unwrap_or_else(|e| panic!("cut to {length}: an operator is needed: {e}"));
        assert_eq!(found, models, "cut to {length}");
    }

    // RocksDB wrote more than one record before the sync. This is the limit: one that is lost before one
    // that is not looks like damage to what was synced.
    let mut bytes = written.clone();
    bytes[synced.len() + 7] ^= 1;
    let damaged = after.with(manifest, Some(bytes)).write();
    let error = open_db(damaged.path(), LogDbOptions::default()).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Damaged { .. }), "{error}");
}

/// The account may be older than the WAL after a power failure. The WAL vouches for itself then,
/// but for its last batch.
#[tokio::test]
async fn without_an_account_damage_before_the_last_batch_is_an_error() {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(GROUPS[0]));
    for _ in 0..4 {
        models[0]
            .apply(
                &Op::Append {
                    count: 1,
                    bytes: 10,
                    wait: true,
                },
                &mut store,
            )
            .await
            .unwrap();
    }
    let image = Image::of(dir.path());
    let wal = newest_wal(dir.path());
    let last_batch = image.0[&wal].len();
    let but_last = models.clone();
    models[0]
        .apply(
            &Op::Append {
                count: 1,
                bytes: 10,
                wait: true,
            },
            &mut store,
        )
        .await
        .unwrap();
    let image = Image::of(dir.path()).with(SYNCED, None);

    let mut refused = 0;
    for at in 0..image.0[&wal].len() {
        let mut bytes = image.0[&wal].clone();
        bytes[at] ^= 1 << (at % 8);
        let damaged = image.with(&wal, Some(bytes)).write();
        match read_groups(damaged.path(), &GROUPS).await {
            Err(_) => refused += 1,
            Ok(found) if at < last_batch => assert_eq!(found, models, "flipped a bit at {at}"),
            // This is the limit: nothing says that the last batch was synced.
            Ok(found) => assert_eq!(found, but_last, "flipped a bit at {at}"),
        }
    }
    assert!(refused >= last_batch - 40, "{refused} of {last_batch}");

    // So it is when the disk cut the WAL off where a batch ends.
    let cut = image.with(&wal, Some(image.0[&wal][..last_batch].to_vec())).write();
    assert_eq!(read_groups(cut.path(), &GROUPS).await.unwrap(), but_last);
}

/// A state machine in the same database writes when it likes, and syncs nothing.
#[tokio::test]
async fn other_writers_of_the_database_are_no_trouble() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(GROUPS[0]));
    let mut models = vec![Model::default(); GROUPS.len()];
    let stop = Arc::new(AtomicBool::new(false));
    let write = |db: &DB, n: u64| {
        let mut batch = WriteBatch::default();
        batch.put(n.to_be_bytes(), "x".repeat(n as usize % 100));
        db.write(batch).unwrap();
    };
    let others = {
        let db = db.clone();
        let stopped = stop.clone();
        std::thread::spawn(move || (0..).take_while(|_| !stopped.load(Relaxed)).for_each(|n| write(&db, n)))
    };
    for n in 0..200 {
        if n % 50 == 20 {
            db.flush().unwrap();
        }
        let append = Op::Append {
            count: 1,
            bytes: 300,
            wait: true,
        };
        models[0].apply(&append, &mut store).await.unwrap();
    }
    stop.store(true, Relaxed);
    others.join().unwrap();

    // A process that was killed, with the others' last write torn.
    let image = Image::of(dir.path());
    let wal = newest_wal(dir.path());
    let mut bytes = image.0[&wal].clone();
    let killed = image.write();
    assert_eq!(read_groups(killed.path(), &GROUPS).await.unwrap(), models);
    write(&db, 99);
    let written = fs::read(dir.path().join(&wal)).unwrap();
    bytes.extend(&written[bytes.len()..written.len() - 10]);
    let killed = image.with(&wal, Some(bytes)).write();
    assert_eq!(read_groups(killed.path(), &GROUPS).await.unwrap(), models);
}
