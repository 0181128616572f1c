//! One file that always holds a whole snapshot, and survives a power cut.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::types::LogId;

pub struct SnapshotFile {
    path: PathBuf,
    /// The last entry in the file, as far as this process has written it.
    saved: Mutex<Option<LogId>>,
}

impl SnapshotFile {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            saved: Mutex::default(),
        }
    }

    /// Replaces the file, durably, unless it already holds a later snapshot: a build that took
    /// long may end after a newer snapshot came from the leader.
    pub async fn save(&self, last_log_id: Option<LogId>, snapshot: Vec<u8>) -> io::Result<()> {
        let mut saved = self.saved.lock().await;
        if last_log_id < *saved {
            return Ok(());
        }
        let path = self.path.clone();
        spawn_blocking(move || replace(&path, &snapshot)).await??;
        *saved = last_log_id;
        Ok(())
    }

    /// The snapshot, or `None` where none was ever saved.
    pub async fn load(&self) -> io::Result<Option<Vec<u8>>> {
        let path = self.path.clone();
        match spawn_blocking(move || fs::read(path)).await? {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Both syncs matter: the first makes the content durable before the name points at it, the second
/// makes the name durable before anybody is told.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
