use std::fs;
use std::path::{Path, PathBuf};

/// The options of the database opened last in `dir` with which the log store's promise is weaker:
/// RocksDB writes all of them down, and its C interface tells none.
pub(super) fn weak_options(dir: &Path) -> Vec<String> {
    let Some(options) = newest_options(dir).and_then(|path| fs::read_to_string(path).ok()) else {
        return Vec::new();
    };
    let is_weak = |option: &str| {
        let (name, value) = option.split_once('=')?;
        let strong = match name {
            "wal_recovery_mode" => ["kTolerateCorruptedTailRecords", "kAbsoluteConsistency"].contains(&value),
            "track_and_verify_wals_in_manifest" | "paranoid_checks" => value == "true",
            "recycle_log_file_num" => value == "0",
            "wal_compression" => value == "kNoCompression",
            // It keeps a WAL with a torn end, which looks like damage once there is a later one.
            "avoid_flush_during_recovery" => value == "false",
            "wal_dir" => value.is_empty() || Path::new(value.trim_end_matches('/')) == dir,
            _ => true,
        };
        (!strong).then(|| option.to_string())
    };
    options.lines().filter_map(|line| is_weak(line.trim())).collect()
}

/// Whether the length of the WAL tells nothing with this option of [`weak_options`]: a file that is used
/// again does not grow, one that is compressed grows by less than is written.
pub(super) fn hides_wal(option: &str) -> bool {
    ["recycle_log_file_num=", "wal_compression="]
        .iter()
        .any(|name| option.starts_with(name))
}

fn newest_options(dir: &Path) -> Option<PathBuf> {
    let number = |path: &Path| {
        path.file_name()?
            .to_str()?
            .strip_prefix("OPTIONS-")?
            .parse::<u64>()
            .ok()
    };
    let files = fs::read_dir(dir).ok()?.filter_map(|file| Some(file.ok()?.path()));
    files
        .filter_map(|path| Some((number(&path)?, path)))
        .max()
        .map(|(_, path)| path)
}
