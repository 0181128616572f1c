//! After any sequence of calls, several groups of one database or a log in memory hold what the model holds.

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, META_CF};
use openraft_toolkit::openraft::storage::RaftLogReader;
use openraft_toolkit::test_fakes::MemLogStore;
use openraft_toolkit_tests::log::{Store, open, open_dir};
use openraft_toolkit_tests::model::{Call, Model};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

#[derive(Clone, Debug)]
enum Step {
    Call(usize, Call),
    /// Closes and opens one group, or the whole database if the field is `None`.
    Reopen(Option<usize>),
    /// Reads a range of indexes of a group.
    Read(usize, u64, u64),
}

/// The first group, and the two at the end of the key space.
const GROUPS: [u64; 3] = [0, u64::MAX - 1, u64::MAX];

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        5 => (0..20u64, 0..300usize, any::<bool>()).prop_map(|(count, bytes, wait)| Call::Append { count, bytes, wait }),
        2 => (0..15u64).prop_map(|count| Call::Truncate { count }),
        2 => (0..15u64).prop_map(|count| Call::Purge { count }),
        1 => any::<bool>().prop_map(|committed| Call::Vote { committed }),
        1 => any::<bool>().prop_map(|some| Call::Committed { some }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let group = 0..GROUPS.len();
    prop_oneof![
        8 => (group.clone(), call()).prop_map(|(group, call)| Step::Call(group, call)),
        1 => proptest::option::of(group.clone()).prop_map(Step::Reopen),
        4 => (group, 0..80u64, 0..80u64).prop_map(|(group, start, end)| Step::Read(group, start, end)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_leaves_what_the_model_says(steps in vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps))?;
    }

    #[test]
    fn a_log_in_memory_is_what_the_model_says_and_after_a_crash_what_was_synced(calls in vec(call(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run_in_memory(calls))?;
    }
}

async fn run_in_memory(calls: Vec<Call>) -> Result<(), TestCaseError> {
    let mut store = MemLogStore::new();
    let mut model = Model::default();
    let mut synced = model.clone();
    for call in calls {
        let last = model.last;
        model.apply(&call, &mut store).await.unwrap();
        prop_assert_eq!(&Model::of(&mut store).await, &model);
        // A committed log id, and a purge within the log, are synced together with the next call of another kind. All
        // other calls are synced at once.
        let waits = match call {
            Call::Committed { .. } => false,
            Call::Purge { .. } => model.last != last,
            _ => true,
        };
        if waits {
            synced = model.clone();
        }
    }
    prop_assert_eq!(&Model::of(&mut store.crash_keeping(usize::MAX)).await, &model);
    prop_assert_eq!(&Model::of(&mut store.crash()).await, &synced);
    Ok(())
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let dir = TempDir::new().unwrap();
    let open_all = || {
        let db = open_dir(&dir);
        let stores: Vec<_> = GROUPS
            .iter()
            .map(|id| Some(open(&db, GroupPrefixed::new(*id))))
            .collect();
        (db, stores)
    };
    let (mut db, mut stores) = open_all();
    let mut models = vec![Model::default(); GROUPS.len()];

    for step in steps {
        match step {
            Step::Call(group, call) => models[group]
                .apply(&call, stores[group].as_mut().unwrap())
                .await
                .unwrap(),
            Step::Reopen(Some(group)) => {
                stores[group] = None;
                stores[group] = Some(open(&db, GroupPrefixed::new(GROUPS[group])));
            }
            Step::Reopen(None) => {
                drop((db, stores));
                (db, stores) = open_all();
            }
            Step::Read(group, start, end) => {
                let store: &mut Store<_> = stores[group].as_mut().unwrap();
                let expected: Vec<_> = models[group]
                    .entries
                    .iter()
                    .filter(|entry| (start..end).contains(&entry.log_id.index))
                    .cloned()
                    .collect();
                prop_assert_eq!(store.try_get_log_entries(start..end).await.unwrap(), expected);
            }
        }
        for (store, model) in stores.iter_mut().zip(&models) {
            prop_assert_eq!(&Model::of(store.as_mut().unwrap()).await, model);
        }
    }

    // RocksDB holds the records of the models, and no other records.
    drop(stores);
    let (log, meta) = (db.cf_handle(LOG_CF).unwrap(), db.cf_handle(META_CF).unwrap());
    let keys = db.iterator_cf(&log, rocksdb::IteratorMode::Start).count();
    prop_assert_eq!(keys, models.iter().map(|model| model.entries.len()).sum::<usize>());
    let records = models
        .iter()
        .map(|m| m.vote.iter().count() + m.committed.iter().count() + m.purged.iter().count());
    prop_assert_eq!(
        db.iterator_cf(&meta, rocksdb::IteratorMode::Start).count(),
        records.sum::<usize>()
    );
    Ok(())
}
