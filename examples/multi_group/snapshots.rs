//! The snapshots of all groups, in a column family of the log's database, so that no group needs a file.
//!
//! This node hosts a group if and only if the group has a snapshot in this column family. The snapshot may be blank.

use std::io;
use std::sync::Arc;

use openraft_toolkit::rocksdb::{self, DB, IteratorMode, WriteOptions};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::types::{GroupId, LogId};

pub const CF: &str = "snapshots";

#[derive(Clone)]
pub struct Snapshots(Arc<DB>);

impl Snapshots {
    pub fn new(db: Arc<DB>) -> Self {
        Self(db)
    }

    pub fn of(&self, group: GroupId) -> GroupSnapshot {
        GroupSnapshot {
            db: self.0.clone(),
            group,
            saved: Arc::default(),
        }
    }

    /// Returns the groups that have a snapshot, sorted by id.
    pub fn groups(&self) -> io::Result<Vec<GroupId>> {
        let cf = family(&self.0)?;
        let keys = self.0.iterator_cf(&cf, IteratorMode::Start).map(|record| {
            let (key, _) = record.map_err(io::Error::other)?;
            let key = <[u8; 8]>::try_from(&*key).map_err(io::Error::other)?;
            Ok(GroupId::from_be_bytes(key))
        });
        keys.collect()
    }

    /// Removes the snapshot of a group. Blocks for an fsync.
    pub fn remove(&self, group: GroupId) -> io::Result<()> {
        let cf = family(&self.0)?;
        self.0
            .delete_cf_opt(&cf, group.to_be_bytes(), &synced())
            .map_err(io::Error::other)
    }
}

/// The stored snapshot of one group. Clones refer to the same snapshot.
#[derive(Clone)]
pub struct GroupSnapshot {
    db: Arc<DB>,
    group: GroupId,
    /// The log id of the last entry that the stored snapshot covers; `None` until this process has written a snapshot.
    saved: Arc<Mutex<Option<LogId>>>,
}

impl GroupSnapshot {
    /// Replaces the snapshot durably, unless the stored snapshot is later: a newer snapshot may arrive from the leader
    /// while a slow build is running.
    pub async fn save(&self, last_log_id: Option<LogId>, snapshot: Vec<u8>) -> io::Result<()> {
        let mut saved = self.saved.lock().await;
        if last_log_id < *saved {
            return Ok(());
        }
        let (db, group) = (self.db.clone(), self.group);
        // RocksDB may sync this write together with a batch of the log store's writer.
        spawn_blocking(move || {
            let cf = family(&db)?;
            db.put_cf_opt(&cf, group.to_be_bytes(), snapshot, &synced())
                .map_err(io::Error::other)
        })
        .await??;
        *saved = last_log_id;
        Ok(())
    }

    pub async fn load(&self) -> io::Result<Option<Vec<u8>>> {
        let (db, group) = (self.db.clone(), self.group);
        spawn_blocking(move || db.get_cf(&family(&db)?, group.to_be_bytes()).map_err(io::Error::other)).await?
    }
}

fn family(db: &DB) -> io::Result<impl rocksdb::AsColumnFamilyRef + '_> {
    db.cf_handle(CF)
        .ok_or_else(|| io::Error::other(format!("the database has no column family {CF}")))
}

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}
