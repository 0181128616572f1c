//! Small files that survive a power failure.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces a file. Whenever the machine stops, the file holds either the old content or the new.
///
/// Both syncs matter. The first makes the content durable before the name points to it. The second makes the name
/// durable before this function returns.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
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

/// Returns the content of a file, or `None` if there is no file.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
