//! Configurations of RocksDB with which a log store must lose nothing.

use fastrand::Rng;
use openraft_toolkit::log_store::db_options;
use rocksdb::Options;

/// A name, and options as `Options::get_options_from_string` reads them. They are set on top of `db_options`, and for
/// all column families.
pub type Configuration = (&'static str, &'static str);

/// One configuration for each option that changes how RocksDB writes, flushes, keeps or reads files.
pub const CONFIGURATIONS: &[Configuration] = &[
    ("defaults", ""),
    ("manual WAL flush", "manual_wal_flush=true"),
    ("unordered write", "unordered_write=true"),
    ("pipelined write", "enable_pipelined_write=true"),
    ("two write queues", "two_write_queues=true"),
    ("no concurrent memtable write", "allow_concurrent_memtable_write=false"),
    ("atomic flush", "atomic_flush=true"),
    ("mmap reads", "allow_mmap_reads=true"),
    ("mmap writes", "allow_mmap_writes=true"),
    (
        "recycled WALs",
        "recycle_log_file_num=3;wal_recovery_mode=kPointInTimeRecovery",
    ),
    ("recycled WALs that RocksDB turns off", "recycle_log_file_num=3"),
    ("point-in-time recovery", "wal_recovery_mode=kPointInTimeRecovery"),
    ("small MANIFESTs", "max_manifest_file_size=1"),
    (
        "small MANIFESTs without slack",
        "max_manifest_file_size=1;max_manifest_space_amp_pct=0",
    ),
    ("WAL TTL", "WAL_ttl_seconds=1"),
    ("WAL size limit", "WAL_size_limit_MB=1"),
    ("precreated WALs", "async_wal_precreate=true"),
    ("verified WALs", "track_and_verify_wals=true"),
    ("unverified WALs", "track_and_verify_wals_in_manifest=false"),
    ("WAL synced in steps", "wal_bytes_per_sync=4096"),
    ("tables synced in steps", "bytes_per_sync=4096"),
    ("fsync", "use_fsync=true"),
    ("no preallocation", "allow_fallocate=false"),
    ("small buffers of files", "writable_file_max_buffer_size=4096"),
    ("direct I/O for tables", "use_direct_io_for_flush_and_compaction=true"),
    ("direct reads", "use_direct_reads=true"),
    ("small memtables", "write_buffer_size=65536"),
    ("small memory for all memtables", "db_write_buffer_size=131072"),
    ("few WALs", "max_total_wal_size=65536"),
    ("few open files", "max_open_files=20"),
    ("late deletion", "avoid_unnecessary_blocking_io=true"),
    ("no flush at shutdown", "avoid_flush_during_shutdown=true"),
    ("universal compaction", "compaction_style=kCompactionStyleUniversal"),
    ("no compaction", "disable_auto_compactions=true"),
    (
        "blob files",
        "enable_blob_files=true;enable_blob_garbage_collection=true;min_blob_size=100",
    ),
    ("short MANIFEST at recovery", "optimize_manifest_for_recovery=true"),
    (
        "small and pipelined",
        "write_buffer_size=65536;enable_pipelined_write=true;max_manifest_file_size=1;WAL_ttl_seconds=1",
    ),
    (
        "manual, atomic and late",
        "manual_wal_flush=true;atomic_flush=true;avoid_unnecessary_blocking_io=true;write_buffer_size=65536",
    ),
];

/// Returns the options of a configuration.
pub fn options_of((_, options): Configuration) -> Options {
    db_options().get_options_from_string(options).unwrap()
}

/// Returns `count` configurations in a random order, each of them at most once.
pub fn pick(rng: &mut Rng, count: usize) -> Vec<Configuration> {
    let mut all = CONFIGURATIONS.to_vec();
    rng.shuffle(&mut all);
    all.truncate(count);
    all
}
