//! Recovery without a current account. After a power failure, the account may be older than the WAL, or missing. The
//! mark of each batch in the WAL then shows how far the earlier batches were durable.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use openraft_toolkit::log_store::GroupPrefixed;
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{open, open_dir};
use openraft_toolkit_tests::model::{Call, Model, read_groups};
use rocksdb::{DB, WriteBatch};
use tempfile::TempDir;

use super::GROUPS;

#[tokio::test]
async fn without_an_account_damage_before_the_last_batch_is_an_error() {
    let dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(GROUPS[0]));
    for _ in 0..4 {
        models[0].apply(&Call::append(1, 10), &mut store).await.unwrap();
    }
    let but_last = models.clone();
    let image = Image::of(&dir);
    let wal = image.newest_wal().to_owned();
    let last_batch = image.0[&wal].len();
    models[0].apply(&Call::append(1, 10), &mut store).await.unwrap();
    let image = Image::of(&dir).with(ACCOUNT, None);

    let mut refused = 0;
    for at in 0..image.0[&wal].len() {
        let mut bytes = image.0[&wal].clone();
        bytes[at] ^= 1 << (at % 8);
        let damaged = image.with(&wal, Some(bytes)).write();
        match read_groups(&damaged, &GROUPS).await {
            Err(_) => refused += 1,
            Ok(found) if at < last_batch => assert_eq!(found, models, "flipped a bit at {at}"),
            // This is the limit: no later mark shows that the last batch was durable.
            Ok(found) => assert_eq!(found, but_last, "flipped a bit at {at}"),
        }
    }
    assert!(refused >= last_batch - 40, "{refused} of {last_batch}");

    // The same limit applies if the disk cut the WAL off at the end of a batch.
    let cut = image.with(&wal, Some(image.0[&wal][..last_batch].to_vec())).write();
    assert_eq!(read_groups(&cut, &GROUPS).await.unwrap(), but_last);
}

/// A state machine in the same database writes at any time, and syncs nothing.
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
        models[0].apply(&Call::append(1, 300), &mut store).await.unwrap();
    }
    stop.store(true, Relaxed);
    others.join().unwrap();

    // Take the files as a killed process leaves them.
    let image = Image::of(&dir);
    let killed = image.write();
    assert_eq!(read_groups(&killed, &GROUPS).await.unwrap(), models);
    // The last write of the other writer may be torn too.
    write(&db, 99);
    let wal = image.newest_wal();
    let mut bytes = fs::read(dir.path().join(wal)).unwrap();
    bytes.truncate(bytes.len() - 10);
    let killed = image.with(wal, Some(bytes)).write();
    assert_eq!(read_groups(&killed, &GROUPS).await.unwrap(), models);
}
