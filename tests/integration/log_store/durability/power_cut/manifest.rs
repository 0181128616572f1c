//! The part of the MANIFEST that was not durable is lost, in part or completely.

use openraft_toolkit::log_store::{LogDbOptions, RocksdbLogStoreError, open_db};
use openraft_toolkit_tests::image::ACCOUNT;
use openraft_toolkit_tests::model::read_groups;
use openraft_toolkit_tests::run::rng;

use super::{GROUPS, Running};

#[tokio::test]
async fn a_manifest_that_is_cut_anywhere_behind_what_was_durable_opens_by_itself() {
    let running = Running::start().await;
    let before = running.image();
    running.flush();
    let mut after = running.image().with(ACCOUNT, Some(before.0[ACCOUNT].clone()));
    // RocksDB deletes the old WAL only when the MANIFEST is durable.
    let wal = before.newest_wal();
    after.0.insert(wal.to_owned(), before.0[wal].clone());
    let manifest = before.0.keys().find(|name| name.starts_with("MANIFEST")).unwrap();

    let (durable, written) = (before.0[manifest].len(), &after.0[manifest]);
    let mut rng = rng();
    for cut in durable..=written.len() {
        let mut bytes = written[..cut].to_vec();
        match cut % 3 {
            0 => {}
            1 => bytes[durable..].fill(0),
            _ => rng.fill(&mut bytes[durable..]),
        }
        let damaged = after.with(manifest, Some(bytes)).write();
        let found = read_groups(&damaged, &GROUPS).await;
        let found = found.unwrap_or_else(|e| panic!("cut to {cut}: an operator is needed: {e}"));
        assert_eq!(found, running.models, "cut to {cut}");
    }

    // This is the limit: RocksDB wrote more than one record before the sync. A lost record before an intact record
    // looks like damage to durable data.
    let mut bytes = written.clone();
    bytes[durable + 7] ^= 1;
    let damaged = after.with(manifest, Some(bytes)).write();
    let error = open_db(damaged.path(), LogDbOptions::default()).unwrap_err();
    assert!(matches!(error, RocksdbLogStoreError::Damaged { .. }), "{error}");
}
