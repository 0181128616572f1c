//! Nothing that happens to one group affects another group.

use std::sync::Arc;

use fastrand::Rng;
use openraft_toolkit::log_store::{
    GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel, RecordId, RocksdbLogStoreError,
};
use openraft_toolkit_tests::log::{Store, into_store_error, open, open_dir};
use openraft_toolkit_tests::model::{Call, Model};
use openraft_toolkit_tests::run::{rng, rounds};
use rocksdb::DB;
use tempfile::TempDir;

const GROUPS: [u64; 8] = [0, 1, 2, 255, 256, 1 << 63, u64::MAX - 1, u64::MAX];

/// What a group must look like when it is opened.
#[derive(Clone, Debug)]
enum Expected {
    /// The group opens, and holds exactly this state.
    Healthy(Model),
    /// Opening or reading the group fails with an error that names the group and this record.
    Damaged(RecordId),
}

/// What happens to a group.
#[derive(Clone, Copy, Debug)]
enum Event {
    TruncateAll,
    PurgeAll,
    DamageLastEntry,
    DamageVote,
    Destroy,
}

impl Event {
    fn random(rng: &mut Rng) -> Self {
        match rng.u8(..5) {
            0 => Self::TruncateAll,
            1 => Self::PurgeAll,
            2 => Self::DamageLastEntry,
            3 => Self::DamageVote,
            _ => Self::Destroy,
        }
    }

    /// Makes the event happen to `group`, which holds `model`. Returns what the group must look like afterwards.
    async fn happen(self, db: &Arc<DB>, group: u64, mut model: Model) -> Expected {
        let keys = GroupPrefixed::new(group);
        let damage = |cf: &str, key: &dyn AsRef<[u8]>| db.put_cf(&db.cf_handle(cf).unwrap(), key, b"?").unwrap();
        match self {
            Self::TruncateAll => {
                let truncate = Call::Truncate { count: u64::MAX };
                model.apply(&truncate, &mut open(db, keys)).await.unwrap();
                Expected::Healthy(model)
            }
            Self::PurgeAll => {
                let first = model.purged.unwrap().index + 1;
                let up_to_max = Call::Purge {
                    count: u64::MAX - first,
                };
                model.apply(&up_to_max, &mut open(db, keys)).await.unwrap();
                Expected::Healthy(model)
            }
            Self::DamageLastEntry => {
                let last = model.last.unwrap().index;
                damage(LOG_CF, &keys.log_key(last));
                Expected::Damaged(RecordId::Entry(last))
            }
            Self::DamageVote => {
                damage(META_CF, &keys.meta_key(MetaLabel::Vote));
                Expected::Damaged(RecordId::Meta(MetaLabel::Vote))
            }
            Self::Destroy => {
                Store::destroy(db.clone(), LOG_CF, META_CF, keys).unwrap();
                Expected::Healthy(Model::default())
            }
        }
    }
}

/// Opens `group` and reads all of it.
async fn read(db: &Arc<DB>, group: u64) -> Result<Model, RocksdbLogStoreError> {
    let mut store = Store::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(group))?;
    let model = Model::try_of(&mut store).await;
    model.map_err(into_store_error)
}

/// Checks that `group` is as `expected`. If not, returns what was found instead.
async fn check(db: &Arc<DB>, group: u64, expected: &Expected) -> Result<(), String> {
    let found = read(db, group).await;
    let is_right = match (expected, &found) {
        (Expected::Healthy(model), Ok(found)) => found == model,
        (
            Expected::Damaged(damaged),
            Err(RocksdbLogStoreError::Corrupt {
                group: named, record, ..
            }),
        ) => record == damaged && named.contains(&format!("group_id: {group} ")),
        _ => false,
    };
    let differs = || format!("group {group} must be {expected:?}, and is {found:?}");
    is_right.then_some(()).ok_or_else(differs)
}

/// A group with a vote, some entries, purged entries before them, and a committed log id.
async fn write_group(db: &Arc<DB>, group: u64, rng: &mut Rng) -> Model {
    let mut model = Model::default();
    let mut store = open(db, GroupPrefixed::new(group));
    for call in [
        Call::Vote { committed: true },
        Call::append(rng.u64(5..10), 20),
        Call::Purge { count: 2 },
        Call::Committed { some: true },
    ] {
        model.apply(&call, &mut store).await.unwrap();
    }
    model
}

#[tokio::test]
async fn what_happens_to_one_group_touches_no_other() {
    let mut rng = rng();
    let (mut happened, mut touched) = (0, 0);
    for _ in 0..rounds(3, 60) {
        let dir = TempDir::new().unwrap();
        let db = open_dir(&dir);
        let mut expected = Vec::new();
        for group in GROUPS {
            expected.push(Expected::Healthy(write_group(&db, group, &mut rng).await));
        }

        for (n, group) in GROUPS.into_iter().enumerate() {
            let event = Event::random(&mut rng);
            let Expected::Healthy(model) = expected[n].clone() else {
                unreachable!("each group has one event");
            };
            expected[n] = event.happen(&db, group, model).await;
            happened += 1;

            for (other, expected) in GROUPS.into_iter().zip(&expected) {
                match check(&db, other, expected).await {
                    Ok(()) => {}
                    Err(differs) if other == group => panic!("after its own {event:?}: {differs}"),
                    Err(differs) => {
                        eprintln!("after {event:?} of group {group}: {differs}");
                        touched += 1;
                    }
                }
            }
        }
    }
    println!("truncated, purged, damaged or destroyed: {happened} groups, {touched} others touched");
    assert_eq!(touched, 0);
}
