//! The level at which this node writes, and the file that keeps the level across restarts.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use openraft_toolkit::WriteVersion;
use tokio::task::spawn_blocking;

use crate::command::NEWEST_LEVEL;
use crate::durable;

/// The level of a cluster that has never raised its level.
const OLDEST_LEVEL: u8 = 1;

pub struct Level {
    cell: WriteVersion,
    file: PathBuf,
}

impl Level {
    /// Reads the level from `file`. Fails if this release cannot read data of that level.
    pub fn open(file: PathBuf) -> anyhow::Result<Self> {
        let level = match durable::read(&file).with_context(|| format!("cannot read {}", file.display()))? {
            None => OLDEST_LEVEL,
            Some(text) => std::str::from_utf8(&text)?
                .parse()
                .with_context(|| format!("{} holds no level", file.display()))?,
        };
        readable(level)?;
        let cell = WriteVersion::new(level);
        Ok(Self { cell, file })
    }

    /// Returns the cell that the log store and the network share, from which they read the level.
    pub fn cell(&self) -> &WriteVersion {
        &self.cell
    }

    /// Raises the level. The new level is durable before anything is written at it. A lower level changes nothing.
    pub async fn raise(&self, level: u8) -> io::Result<()> {
        if level <= self.cell.get() {
            return Ok(());
        }
        readable(level).map_err(io::Error::other)?;
        let file = self.file.clone();
        spawn_blocking(move || durable::replace(&file, level.to_string().as_bytes())).await??;
        self.cell.raise(level).map_err(io::Error::other)
    }
}

fn readable(level: u8) -> anyhow::Result<()> {
    ensure!(
        level <= NEWEST_LEVEL,
        "the cluster writes at level {level}, and this release reads up to {NEWEST_LEVEL}: start a newer one"
    );
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_level_that_this_release_does_not_read_stops_the_node() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("level");
        let level = Level::open(file.clone()).unwrap();
        assert_eq!(level.cell().get(), OLDEST_LEVEL);

        let error = level.raise(NEWEST_LEVEL + 1).await.unwrap_err().to_string();
        assert!(error.ends_with("start a newer one"), "{error}");
        assert_eq!((level.cell().get(), file.exists()), (OLDEST_LEVEL, false));

        durable::replace(&file, b"2").unwrap();
        let error = Level::open(file.clone()).err().unwrap().to_string();
        assert!(error.starts_with("the cluster writes at level 2"), "{error}");

        durable::replace(&file, b"?").unwrap();
        let error = Level::open(file).err().unwrap().to_string();
        assert!(error.ends_with("holds no level"), "{error}");
    }
}
