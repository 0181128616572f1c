//! Computes what a crash leaves of a node's disk.

use std::fs;
use std::path::Path;
use std::time::Instant;

use fastrand::Rng;
use openraft_toolkit_tests::image::{ACCOUNT, Account, Image};
use openraft_toolkit_tests::node::DEADLINE;
use tempfile::TempDir;

use super::registers::Kv;

/// How a node ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed. Everything that it has written stays.
    Kill,
    /// The power fails. Data that was not durable is lost, in part or completely.
    PowerCut,
}

/// The files of a node at one moment.
pub struct Disk {
    log: Image,
    snapshot: Option<Vec<u8>>,
}

impl Disk {
    /// Returns what `crash` leaves of the files in `dir`, which are in use.
    ///
    /// The result has everything that the node acknowledged before this call. Writes during this call may be missing,
    /// so their acknowledgements must reach nobody. `first_account` is the account when the node had opened its log.
    pub fn after(crash: Crash, dir: &Path, first_account: &[u8], kv: &Kv, rng: &mut Rng) -> Self {
        // Keep the snapshot as it is: the log may be purged up to this snapshot, but not up to a later snapshot.
        let snapshot = kv.snapshot_path();
        let started = Instant::now();
        let log = loop {
            assert!(started.elapsed() < DEADLINE, "there is no whole account");
            let image = Image::of_running(dir.join("log"));
            match (image.account(), crash) {
                // A store is writing the account.
                (None, _) => {}
                (Some(_), Crash::Kill) => break image,
                (Some(account), Crash::PowerCut) => break cut(account, image, first_account, rng),
            }
        };
        Self {
            log,
            snapshot: fs::read(&*snapshot).ok(),
        }
    }

    /// Returns a directory with these files, for the next process.
    pub fn restore(self) -> TempDir {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("log")).unwrap();
        self.log.write_to(&dir.path().join("log"));
        if let Some(snapshot) = self.snapshot {
            fs::write(dir.path().join("snapshot"), snapshot).unwrap();
        }
        dir
    }
}

/// Removes data that was not durable according to `account`, all of it or a part. The MANIFEST stays, because
/// RocksDB syncs it. The account may become `first`, which is durable.
fn cut(account: Account, mut image: Image, first: &[u8], rng: &mut Rng) -> Image {
    let number = |name: &str| name.strip_suffix(".log")?.parse::<u64>().ok();
    let wals = image
        .0
        .iter_mut()
        .filter_map(|(name, bytes)| Some((number(name)?, bytes)));
    let mut wals: Vec<_> = wals.filter(|(number, _)| *number >= account.wal).collect();
    wals.sort_unstable_by_key(|(number, _)| *number);

    // At worst, everything that was not durable is lost.
    let written: usize = wals.iter().map(|(_, bytes)| bytes.len()).sum();
    // RocksDB syncs a WAL before it records the length of the WAL in the MANIFEST, which it does some time after it
    // has begun the next one.
    let synced = match wals.split_last() {
        Some(((number, _), _)) if *number == account.wal => account.wal_length,
        Some((_, earlier)) => earlier.iter().map(|(_, bytes)| bytes.len()).sum(),
        None => 0,
    };
    assert!(
        synced <= written,
        "{written} bytes are there, of which {synced} were synced"
    );
    let mut kept = match rng.u64(..2) {
        0 => synced,
        _ => synced + rng.usize(..=written - synced),
    };
    // Cut the WALs as if they were one file: earlier WALs are durable before a later WAL has a batch, so a later
    // batch cannot survive without them.
    for (_, bytes) in wals {
        let end = kept.min(bytes.len());
        match rng.u64(..3) {
            0 => bytes[end..].fill(0),
            1 => rng.fill(&mut bytes[end..]),
            _ => bytes.truncate(end),
        }
        kept -= end;
    }
    // The account is not synced when it is overwritten, so the disk may have an earlier one.
    match rng.u8(..4) {
        0 => image.with(ACCOUNT, Some(first.to_vec())),
        _ => image,
    }
}
