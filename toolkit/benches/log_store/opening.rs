//! Measures opening a long log of which most is purged, and opening a database with many groups.

use std::fs;
use std::path::Path;
use std::time::Instant;

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, META_CF, open_db};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::allocator::counted;
use super::figures::number;
use super::harness::{median, take_turns};
use super::report::{Report, Target};
use super::{Database, Settings, Store, Types, entry, fill, log_id, open_rocksdb, tempdir};

pub(crate) fn run(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    long_log(settings, runtime, report);
    many_groups(settings, runtime, report);
}

fn long_log(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let entries = settings.scaled(1_000_000);
    let name = format!("open a log of {}, a tenth not purged", number(entries as f64, ""));
    if !settings.args.picks(&name) {
        return;
    }
    let left = Database::new();
    let mut store = left.store(1);
    runtime.block_on(async {
        fill(&mut store, 0..entries).await;
        store.purge(log_id(entries / 10 * 9 - 1)).await.unwrap();
        store.save_vote(&VoteOf::<Types>::new(1, 1)).await.unwrap();
    });
    drop(store);
    let Database { db, dir, .. } = left;
    drop(db);

    // Each side opens a copy of the same files, because opening a database moves the WAL's content into tables.
    let times = take_turns(settings.rounds.min(5), &[true, false], |own| {
        let dir = copy(&dir);
        let start = Instant::now();
        if !own {
            let db = open_rocksdb(dir.path()).0;
            let millis = start.elapsed().as_secs_f64() * 1e3;
            drop(db);
            return millis;
        }
        let db = open_db(dir.path(), LogDbOptions::default()).unwrap();
        let mut store = Store::open(db, LOG_CF, META_CF, GroupPrefixed::new(1)).unwrap();
        let (state, vote) = runtime.block_on(async {
            let state = store.get_log_state().await.unwrap();
            (state, store.read_vote().await.unwrap())
        });
        let millis = start.elapsed().as_secs_f64() * 1e3;
        assert_eq!(state.last_log_id, Some(log_id(entries - 1)));
        assert_eq!(vote, Some(VoteOf::<Types>::new(1, 1)));
        millis
    });
    let beyond: Vec<_> = times[0].iter().zip(&times[1]).map(|(own, raw)| own - raw).collect();
    let [own, raw] = [&times[0], &times[1]].map(|times| number(median(times), " ms"));
    let figures = format!("{own} against {raw}");
    report.row(
        &name,
        "beyond RocksDB's own open",
        Target::Under(20.0),
        &beyond,
        " ms",
        figures,
    );
}

fn copy(from: &TempDir) -> TempDir {
    let to = tempdir();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    sync(to.path());
    to
}

/// Syncs the files of a directory, so that the kernel does not write them to the disk during a measurement.
fn sync(dir: &Path) {
    for file in fs::read_dir(dir).unwrap() {
        fs::File::open(file.unwrap().path()).unwrap().sync_all().unwrap();
    }
}

fn many_groups(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let groups = settings.scaled(10_000);
    let name = format!("open {} groups", number(groups as f64, ""));
    if !settings.args.picks(&name) {
        return;
    }
    let database = Database::new();
    let mut stores: Vec<_> = (0..groups).map(|group| database.store(group)).collect();
    runtime.block_on(async {
        for store in &mut stores {
            store.append([entry(0, "x")], IOFlushed::noop()).await.unwrap();
            store.save_committed(Some(log_id(0))).await.unwrap();
        }
    });
    drop(stores);
    let Database { db, dir, .. } = database;
    drop(db);

    let database = Database::at(dir);
    let mut stores = Vec::with_capacity(groups as usize);
    // Open the first group before counting, because opening it also starts the writer of the database.
    stores.push(database.store(0));
    let part = groups / 10;
    let mut micros = Vec::new();
    let allocated = counted(|| {
        for tenth in 0..10 {
            let start = Instant::now();
            let first = stores.len() as u64;
            stores.extend((first.max(tenth * part)..(tenth + 1) * part).map(|group| database.store(group)));
            micros.push(start.elapsed().as_secs_f64() * 1e6 / (stores.len() as u64 - first) as f64);
        }
    });
    let figures = "median of tenths";
    report.row(&name, "time for a group", Target::Under(50.0), &micros, " µs", figures);
    let (first, last) = (micros[0], micros[9]);
    let figures = format!("{} after {}", number(last, " µs"), number(first, " µs"));
    report.row(
        &name,
        "the last tenth to the first",
        Target::Under(1.5),
        &[last / first],
        "",
        figures,
    );
    // Add the handle itself. It is in the buffer of `stores`, which was allocated before the counting started.
    let bytes = (allocated.bytes / groups as i64) as f64 + size_of::<Store>() as f64;
    report.row(
        &name,
        "memory of an idle group",
        Target::Under(4096.0),
        &[bytes],
        " B",
        "with one entry",
    );
}
