//! The file that holds the current snapshot.

use std::io;
use std::path::PathBuf;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::durable;
use crate::types::LogId;

pub struct SnapshotFile {
    path: PathBuf,
    /// The log id of the last entry that the file covers; `None` until this process has written the file.
    saved: Mutex<Option<LogId>>,
}

impl SnapshotFile {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            saved: Mutex::default(),
        }
    }

    /// Replaces the file durably, unless it already holds a later snapshot: a newer snapshot may arrive from the leader
    /// while a slow build is running.
    pub async fn save(&self, last_log_id: Option<LogId>, snapshot: Vec<u8>) -> io::Result<()> {
        let mut saved = self.saved.lock().await;
        if last_log_id < *saved {
            return Ok(());
        }
        let path = self.path.clone();
        spawn_blocking(move || durable::replace(&path, &snapshot)).await??;
        *saved = last_log_id;
        Ok(())
    }

    /// Returns the snapshot, or `None` if none was ever saved.
    pub async fn load(&self) -> io::Result<Option<Vec<u8>>> {
        let path = self.path.clone();
        spawn_blocking(move || durable::read(&path)).await?
    }
}
