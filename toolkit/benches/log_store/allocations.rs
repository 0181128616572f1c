//! Counts how often appends and reads allocate memory on Rust's heap, in all threads together. Memory that RocksDB's
//! C++ code allocates is not counted.

use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use tokio::runtime::Runtime;

use super::allocator::counted;
use super::report::{Report, Target};
use super::{Database, Entry, Settings, entry};

pub(crate) fn run(settings: &Settings, runtime: &Runtime, report: &mut Report) {
    let name = "allocations for an entry of 128 B";
    if !settings.args.picks(name) {
        return;
    }
    let database = Database::new();
    let mut store = database.store(1);
    let payload = "x".repeat(128);
    let mut next = 0;
    let mut per_entry = |what: &str, target, appends: u64, entries: u64| {
        let batches: Vec<Vec<Entry>> = (0..appends)
            .map(|_| {
                let indexes = next..next + entries;
                next = indexes.end;
                indexes.map(|index| entry(index, &payload)).collect()
            })
            .collect();
        let allocated = counted(|| {
            runtime.block_on(async {
                for batch in batches {
                    store.append(batch, IOFlushed::noop()).await.unwrap();
                }
                store.blocking_append([]).await.unwrap();
            });
        });
        let count = allocated.count as f64 / (appends * entries) as f64;
        report.row(name, what, target, &[count], "", "with its callback");
    };
    per_entry("appended alone", Target::None, 6400, 1);
    per_entry("appended with 63 others", Target::AtMost(1.0), 100, 64);
    let allocated = counted(|| {
        runtime.block_on(async {
            for _ in 0..100 {
                let entries = store.try_get_log_entries(next - 64..next).await.unwrap();
                assert_eq!(entries.len(), 64);
            }
        });
    });
    let count = allocated.count as f64 / 6400.0;
    let figures = "that of its payload included";
    report.row(name, "read with 63 others", Target::AtMost(1.1), &[count], "", figures);
}
