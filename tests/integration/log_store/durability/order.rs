//! After a crash the log is one consecutive run that ends where some prefix of the calls has it,
//! and callbacks come in the order of the calls.

use std::fs;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use openraft_toolkit::log_store::{Flat, LogDbOptions, open_db};
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use tempfile::TempDir;

use super::power_cut::{SYNCED, newest_wal};
use super::{Image, Rng, seed, soak};
use crate::log_store::{Types, entries, log_id, open, open_dir};

#[tokio::test]
async fn a_crash_between_truncate_and_append_leaves_one_run_of_entries() {
    let mut rng = Rng::new(seed());
    let mut crashes = 0;
    for round in 0..if soak() { 40 } else { 4 } {
        let dir = TempDir::new().unwrap();
        let mut store = open(&open_dir(&dir), Flat);
        store.blocking_append(entries(1, 0..=9)).await.unwrap();
        let before = Image::of(dir.path());
        let wal = newest_wal(dir.path());

        // Nobody waits for the truncation before the append is on its way.
        let (kept, new) = (rng.below(9), rng.below(8));
        let mut writer = store.clone();
        let (tx, durable) = Types::oneshot();
        {
            let mut truncate = pin!(store.truncate_after(Some(log_id(1, kept))));
            let truncated = truncate.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            writer
                .append(entries(2, kept + 1..=kept + 1 + new), IOFlushed::signal(tx))
                .await
                .unwrap();
            match truncated {
                Poll::Ready(truncated) => truncated.unwrap(),
                Poll::Pending => truncate.await.unwrap(),
            }
        }
        durable.await.unwrap().unwrap();
        let written = fs::read(dir.path().join(&wal)).unwrap();

        let truncated = entries(1, 0..=kept);
        let appended = [truncated.clone(), entries(2, kept + 1..=kept + 1 + new)].concat();
        let states = [entries(1, 0..=9), truncated, appended];
        let mut seen = 0;
        for length in (before.0[&wal].len()..=written.len()).step_by(if soak() { 1 } else { 5 }) {
            let account = (length % 2 == 0).then(|| before.0[SYNCED].clone());
            let crashed = before
                .with(&wal, Some(written[..length].to_vec()))
                .with(SYNCED, account)
                .write();
            let mut store = open(&open_db(crashed.path(), LogDbOptions::default()).unwrap(), Flat);
            let found = store.try_get_log_entries(..).await.unwrap();
            let state = states.iter().position(|state| *state == found);
            let state = state.unwrap_or_else(|| panic!("round {round}, cut to {length}: {found:?}"));
            assert!(state >= seen, "a longer WAL has less");
            seen = state;
            crashes += 1;
        }
    }
    println!("crashes between truncate and append: {crashes}, 0 with another log than some prefix of the calls has");
}

#[tokio::test]
async fn a_vote_is_saved_after_the_callbacks_of_all_appends_before_it() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&open_dir(&dir), Flat);
    for term in 1..=200 {
        let (tx, durable) = Types::oneshot();
        store
            .append(entries(term, term - 1..=term - 1), IOFlushed::signal(tx))
            .await
            .unwrap();
        store.save_vote(&VoteOf::<Types>::new(term + 1, 1)).await.unwrap();
        let called = pin!(durable).poll(&mut Context::from_waker(Waker::noop()));
        assert!(
            called.is_ready(),
            "the callback of term {term} comes after a newer vote"
        );
    }
}
