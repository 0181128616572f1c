//! Appends to the log store, against a synced `WriteBatch` inside each append.
//!
//! Every figure is with a real fdatasync before an append counts as done.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use openraft_toolkit::log_store::{
    Flat, KeySpace, LOG_CF, LogDbOptions, META_CF, RocksdbLogStore, db_options, log_cf_options, meta_cf_options,
    open_db,
};
use openraft_toolkit::openraft::alias::{EntryOf, LeaderIdOf};
use openraft_toolkit::openraft::entry::RaftEntry;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit::openraft::vote::RaftLeaderId;
use openraft_toolkit::openraft::{EntryPayload, LogId};
use openraft_toolkit::{declare_raft_types_ext, encode};
use rocksdb::{ColumnFamilyDescriptor, DB, WriteBatch, WriteOptions};
use tokio::runtime::Runtime;

declare_raft_types_ext! {
    Types: Node = (), AppData = String, AppDataResponse = ()
}

const IN_FLIGHT: [u64; 3] = [1, 64, 1024];

fn entry(index: u64, payload: &str) -> EntryOf<Types> {
    let log_id = LogId::new(LeaderIdOf::<Types>::new(1, 1).to_committed(), index);
    Entry::new(log_id, EntryPayload::Normal(payload.to_string()))
}

type Entry = EntryOf<Types>;

fn append(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for bytes in [128, 4096] {
        let payload = "x".repeat(bytes);
        let mut group = c.benchmark_group(format!("append {bytes} B"));
        group
            .throughput(Throughput::Elements(1))
            .sample_size(10)
            .measurement_time(Duration::from_secs(3));

        for in_flight in IN_FLIGHT {
            let dir = tempfile::tempdir().unwrap();
            let db = open_db(dir.path(), LogDbOptions::default()).unwrap();
            let mut store = RocksdbLogStore::<Types, _>::open(db, LOG_CF, META_CF, Flat).unwrap();
            let mut next = 0;
            group.bench_with_input(BenchmarkId::new("toolkit, in flight", in_flight), &in_flight, |b, _| {
                b.iter_custom(|iterations| {
                    let taken = runtime.block_on(appends(&mut store, &mut next, iterations, in_flight, &payload));
                    runtime.block_on(store.purge(entry(next - 1, "").log_id)).unwrap();
                    taken
                })
            });
        }

        // However many are in flight, each waits for the one before it.
        let dir = tempfile::tempdir().unwrap();
        let column_families = [
            ColumnFamilyDescriptor::new(LOG_CF, log_cf_options()),
            ColumnFamilyDescriptor::new(META_CF, meta_cf_options()),
        ];
        let db = DB::open_cf_descriptors(&db_options(), dir.path(), column_families).unwrap();
        let mut next = 0;
        group.bench_function("a sync in each append", |b| {
            b.iter(|| {
                let mut batch = WriteBatch::default();
                let value = encode(1, &entry(next, &payload)).unwrap();
                batch.put_cf(&db.cf_handle(LOG_CF).unwrap(), Flat.log_key(next), value);
                let mut options = WriteOptions::default();
                options.set_sync(true);
                db.write_opt(batch, &options).unwrap();
                next += 1;
            })
        });
        group.finish();
    }
}

/// Appends with at most `in_flight` of them not durable yet.
async fn appends(
    store: &mut RocksdbLogStore<Types, Flat>,
    next: &mut u64,
    count: u64,
    in_flight: u64,
    payload: &str,
) -> Duration {
    let mut pending = std::collections::VecDeque::new();
    let start = Instant::now();
    for _ in 0..count {
        if pending.len() as u64 == in_flight {
            wait(pending.pop_front()).await;
        }
        let (tx, rx) = Types::oneshot();
        store
            .append([entry(*next, payload)], IOFlushed::signal(tx))
            .await
            .unwrap();
        pending.push_back(rx);
        *next += 1;
    }
    while !pending.is_empty() {
        wait(pending.pop_front()).await;
    }
    start.elapsed()
}

async fn wait<F, E: std::fmt::Debug>(pending: Option<F>)
where
    F: Future<Output = Result<std::io::Result<()>, E>>,
{
    if let Some(pending) = pending {
        pending.await.unwrap().unwrap();
    }
}

fn read(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let db = open_db(dir.path(), LogDbOptions::default()).unwrap();
    let mut store = RocksdbLogStore::<Types, _>::open(db.clone(), LOG_CF, META_CF, Flat).unwrap();
    let payload = "x".repeat(128);
    let mut next = 0;
    runtime.block_on(appends(&mut store, &mut next, 100_000, 1024, &payload));

    let mut group = c.benchmark_group("read 64 entries of 128 B");
    group
        .throughput(Throughput::Elements(64))
        .sample_size(20)
        .measurement_time(Duration::from_secs(2));
    let mut read = |name: &str, store: &mut RocksdbLogStore<Types, Flat>, first: u64| {
        group.bench_function(name, |b| {
            b.iter(|| black_box(runtime.block_on(store.try_get_log_entries(first..first + 64)).unwrap()))
        });
    };
    read("from memory", &mut store, next - 64);
    drop(store);
    let mut store = RocksdbLogStore::open(db, LOG_CF, META_CF, Flat).unwrap();
    read("from RocksDB", &mut store, next / 2);
    group.finish();
}

criterion_group!(benches, append, read);
criterion_main!(benches);
