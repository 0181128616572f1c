//! Any sequence of calls, on several groups of one database, leaves what the model says.

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, META_CF};
use openraft_toolkit::openraft::storage::RaftLogReader;
use openraft_toolkit::test_fakes::MemLogStore;
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::log_store::{Store, open, open_dir};
use crate::model::{Model, Op};

#[derive(Clone, Debug)]
enum Step {
    Call(usize, Op),
    /// Closes and opens one group, or the whole database.
    Reopen(Option<usize>),
    Read(usize, u64, u64),
}

/// Adjacent groups, at the end of the key space.
const GROUPS: [u64; 3] = [0, u64::MAX - 1, u64::MAX];

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0..20u64, 0..300usize, any::<bool>()).prop_map(|(count, bytes, wait)| Op::Append { count, bytes, wait }),
        2 => (0..15u64).prop_map(|count| Op::Truncate { count }),
        2 => (0..15u64).prop_map(|count| Op::Purge { count }),
        1 => any::<bool>().prop_map(|committed| Op::Vote { committed }),
        1 => any::<bool>().prop_map(|some| Op::Committed { some }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let group = 0..GROUPS.len();
    prop_oneof![
        8 => (group.clone(), op()).prop_map(|(group, op)| Step::Call(group, op)),
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
    fn a_log_in_memory_is_what_the_model_says_and_after_a_crash_what_was_synced(ops in vec(op(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run_in_memory(ops))?;
    }
}

async fn run_in_memory(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let mut store = MemLogStore::new();
    let mut model = Model::default();
    let mut synced = model.clone();
    for op in ops {
        model.apply(&op, &mut store).await.unwrap();
        prop_assert_eq!(&Model::of(&mut store).await, &model);
        // With nobody in its way, an append is synced at once; what is not synced is synced with the next.
        if !matches!(op, Op::Purge { .. } | Op::Committed { .. }) {
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
            Step::Call(group, op) => models[group].apply(&op, stores[group].as_mut().unwrap()).await.unwrap(),
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

    // Nothing is left on disk but what the model has.
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
