//! After a crash, the log is one consecutive run of entries, as the first calls leave it without the rest. Callbacks
//! run in the order of the calls.

use std::fs;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use openraft_toolkit::log_store::Flat;
use openraft_toolkit::openraft::alias::VoteOf;
use openraft_toolkit::openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt};
use openraft_toolkit::openraft::type_config::TypeConfigExt;
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::{Types, entries, log_id, open, open_dir};
use openraft_toolkit_tests::run::{rng, rounds, stride};
use tempfile::TempDir;

#[tokio::test]
async fn a_crash_between_truncate_and_append_leaves_the_log_of_some_prefix_of_the_calls() {
    let mut rng = rng();
    // How many crashes left the log as it was before the calls, after the truncation, or after the append, and how many
    // left any other log.
    let [mut before_both, mut truncated, mut appended, mut others] = [0; 4];
    for round in 0..rounds(4, 40) {
        let dir = TempDir::new().unwrap();
        let mut store = open(&open_dir(&dir), Flat);
        store.blocking_append(entries(1, 0..=9)).await.unwrap();
        let before = Image::of(&dir);
        let wal = before.newest_wal();

        // Append without waiting for the truncation.
        let (kept, new) = (rng.u64(..9), rng.u64(..8));
        let new_entries = entries(2, kept + 1..=kept + 1 + new);
        let mut writer = store.clone();
        let (tx, durable) = Types::oneshot();
        {
            let mut truncate = pin!(store.truncate_after(Some(log_id(1, kept))));
            let polled = truncate.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            writer.append(new_entries.clone(), IOFlushed::signal(tx)).await.unwrap();
            match polled {
                Poll::Ready(outcome) => outcome.unwrap(),
                Poll::Pending => truncate.await.unwrap(),
            }
        }
        durable.await.unwrap().unwrap();
        let written = fs::read(dir.path().join(wal)).unwrap();

        let kept = entries(1, 0..=kept);
        let logs = [entries(1, 0..=9), kept.clone(), [kept, new_entries].concat()];
        let mut furthest = 0;
        let cuts = before.0[wal].len()..written.len();
        for length in cuts.step_by(stride(5)).chain([written.len()]) {
            // The account is the one from before the calls, or it is missing.
            let account = (length % 2 == 0).then(|| before.0[ACCOUNT].clone());
            let crashed = before
                .with(wal, Some(written[..length].to_vec()))
                .with(ACCOUNT, account)
                .write();
            let found = open(&open_dir(&crashed), Flat).try_get_log_entries(..).await.unwrap();
            let Some(state) = logs.iter().position(|log| *log == found) else {
                eprintln!("round {round}, cut to {length}: {found:?}");
                others += 1;
                continue;
            };
            assert!(
                state >= furthest,
                "round {round}, cut to {length}: a longer WAL has less"
            );
            furthest = state;
            *[&mut before_both, &mut truncated, &mut appended][state] += 1;
        }
        assert_eq!(furthest, 2, "round {round}: the whole WAL does not have the whole log");
    }
    println!(
        "crashes between truncate and append: {} ({before_both} before both, {truncated} between them, {appended} after \
         both), {others} with another log than some prefix of the calls has",
        before_both + truncated + appended + others
    );
    assert_eq!(others, 0);
    assert!(before_both > 0 && appended > 0, "one of the outcomes was never seen");
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
