//! What happens to one group touches no other.

use openraft_toolkit::log_store::{Flat, GroupPrefixed, KeySpace, LOG_CF, META_CF, MetaLabel};
use openraft_toolkit::openraft::storage::{RaftLogReader, RaftLogStorage};
use tempfile::TempDir;

use super::{Rng, seed, soak};
use crate::log_store::{Store, log_id, open, open_dir};
use crate::model::{Model, Op};

const GROUPS: [u64; 8] = [0, 1, 2, 255, 256, 1 << 63, u64::MAX - 1, u64::MAX];

#[tokio::test]
async fn what_happens_to_one_group_touches_no_other() {
    let mut rng = Rng::new(seed());
    let mut count = 0;
    for _ in 0..if soak() { 60 } else { 3 } {
        let dir = TempDir::new().unwrap();
        let db = open_dir(&dir);
        let mut models = vec![Model::default(); GROUPS.len()];
        for (group, model) in GROUPS.into_iter().zip(&mut models) {
            let mut store = open(&db, GroupPrefixed::new(group));
            for op in [
                Op::Vote { committed: true },
                Op::Append {
                    count: 5 + rng.below(5),
                    bytes: 20,
                    wait: true,
                },
                Op::Purge { count: 2 },
                Op::Committed { some: true },
            ] {
                model.apply(&op, &mut store).await.unwrap();
            }
        }

        for (n, group) in GROUPS.into_iter().enumerate() {
            let keys = GroupPrefixed::new(group);
            let put = |cf: &str, key: &dyn AsRef<[u8]>| db.put_cf(&db.cf_handle(cf).unwrap(), key, b"?").unwrap();
            let what = rng.below(5);
            match what {
                0 => open(&db, keys).truncate_after(None).await.unwrap(),
                1 => open(&db, keys).purge(log_id(9, u64::MAX)).await.unwrap(),
                2 => put(LOG_CF, &keys.log_key(models[n].last.unwrap().index)),
                3 => put(META_CF, &keys.meta_key(MetaLabel::Vote)),
                _ => Store::destroy(db.clone(), LOG_CF, META_CF, keys).unwrap(),
            }
            for (other, model) in GROUPS.into_iter().zip(&models).skip(n + 1) {
                assert_eq!(
                    Model::of(&mut open(&db, GroupPrefixed::new(other))).await,
                    *model,
                    "{what}: {group}, {other}"
                );
            }
            // The ones before: what happened to them has happened, and nothing more.
            let now = match Store::open(db.clone(), LOG_CF, META_CF, keys) {
                Ok(mut store) => Model::try_of(&mut store).await.map_err(|e| e.to_string()),
                Err(e) => Err(e.to_string()),
            };
            assert_eq!(now.is_err(), what == 2 || what == 3, "{now:?}");
            if let Ok(now) = now {
                models[n] = now;
                for (before, model) in GROUPS.into_iter().zip(&models).take(n) {
                    if let Ok(mut store) = Store::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(before))
                        && let Ok(found) = Model::try_of(&mut store).await
                    {
                        assert_eq!(found, *model, "{what}: {group}, {before}");
                    }
                }
            }
            count += 1;
        }
    }
    println!("truncated, purged, damaged or destroyed: {count} groups, 0 others touched");
}

/// `Flat` has the column families to itself: a group with a prefix beside it is noticed.
#[tokio::test]
async fn keys_of_another_kind_in_the_same_column_family_are_an_error() {
    let dir = TempDir::new().unwrap();
    let db = open_dir(&dir);
    let mut store = open(&db, GroupPrefixed::new(7));
    Model::default()
        .apply(
            &Op::Append {
                count: 3,
                bytes: 5,
                wait: true,
            },
            &mut store,
        )
        .await
        .unwrap();
    let error = match Store::open(db, LOG_CF, META_CF, Flat) {
        Ok(mut flat) => flat.try_get_log_entries(..).await.unwrap_err().to_string(),
        Err(e) => e.to_string(),
    };
    assert!(error.contains("is not a log key of this group"), "{error}");
}
