//! The text of a golden file, and adding a file.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, process};

/// Returns the text of a file: a comment for people, which [`parse`] skips, and the bytes of `frame`.
pub(super) fn text(value: &impl Debug, version: u8, frame: &[u8]) -> String {
    let comment = format!("{value:?} at version {version}").replace('\n', "\n# ");
    let lines: Vec<String> = frame.chunks(32).map(hex).collect();
    format!("# {comment}\n{}\n", lines.join("\n"))
}

/// Shows bytes as two hex digits each, separated by spaces.
pub(super) fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// Returns the bytes in the text of a file.
pub(super) fn parse(text: &str) -> Result<Vec<u8>, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(str::split_whitespace)
        .map(|byte| {
            let digits = byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
            let parsed = u8::from_str_radix(byte, 16).ok().filter(|_| digits);
            parsed.ok_or_else(|| format!("it holds `{byte}`, where two hex digits are expected"))
        })
        .collect()
}

/// Adds a file whole or not at all. A file that another test has added meanwhile stays as it is.
pub(super) fn add(path: &Path, text: &str) -> io::Result<()> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let unique = (process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let whole = dir.join(format!(".adding-{}-{}", unique.0, unique.1));
    fs::write(&whole, text)?;
    let added = fs::hard_link(&whole, path);
    fs::remove_file(&whole)?;
    match added {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        added => added,
    }
}

/// Returns the names of all files in a directory.
pub(super) fn names_in(dir: &Path) -> io::Result<BTreeSet<String>> {
    fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}
