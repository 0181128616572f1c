//! The files of a database at one moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use std::{fs, io};

use crc32c::crc32c;
use tempfile::TempDir;

use crate::node::DEADLINE;

/// The account: the file in which a log store records how far WAL and MANIFEST are durable.
pub const ACCOUNT: &str = "RAFT_SYNCED";

/// How far the files were durable when something was last acknowledged. Lengths are in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// The number of the WAL.
    pub wal: u64,
    pub wal_length: usize,
    /// The number of the MANIFEST.
    pub manifest: u64,
    pub manifest_length: usize,
}

impl Account {
    /// Returns the name of the WAL.
    pub fn wal_name(&self) -> String {
        format!("{:06}.log", self.wal)
    }

    /// Returns the name of the MANIFEST.
    pub fn manifest_name(&self) -> String {
        format!("MANIFEST-{:06}", self.manifest)
    }
}

/// The files of a database, by name. A test changes some of them and opens the result as a crash would leave it.
#[derive(Clone)]
pub struct Image(pub BTreeMap<String, Vec<u8>>);

impl Image {
    /// Reads the files in `dir` as they are now. If the database is open, nothing may write to it or flush it meanwhile.
    pub fn of(dir: impl AsRef<Path>) -> Self {
        Self::try_of(dir.as_ref()).unwrap()
    }

    /// Reads the files in `dir` as a killed process would leave them, while a log store writes to them.
    ///
    /// The account is read first, because a killed process leaves no account that is newer than the WAL. Reading starts
    /// over if the account changes while it is read, or if a file comes or goes meanwhile.
    pub fn of_running(dir: impl AsRef<Path>) -> Self {
        let dir = dir.as_ref();
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < DEADLINE, "files come and go all the time");
            let account = || fs::read(dir.join(ACCOUNT)).ok();
            let (account, same) = (account(), account());
            let (Ok(image), Ok(after)) = (Self::try_of(dir), Self::try_of(dir)) else {
                continue;
            };
            if account == same && image.names_and_manifest() == after.names_and_manifest() {
                return image.with(ACCOUNT, account);
            }
        }
    }

    /// Returns the names of all files, and the MANIFEST. If the result is the same at two moments, no file came or went
    /// in between.
    fn names_and_manifest(&self) -> Vec<(&str, Option<&[u8]>)> {
        let manifest = |name: &str, bytes| name.starts_with("MANIFEST").then_some(bytes);
        let files = self.0.iter();
        files
            .map(|(name, bytes)| (name.as_str(), manifest(name, bytes.as_slice())))
            .collect()
    }

    /// Reads the files in `dir`, and fails if the database deletes one of them meanwhile.
    fn try_of(dir: &Path) -> io::Result<Self> {
        let mut image = BTreeMap::new();
        for file in fs::read_dir(dir)? {
            let file = file?;
            let name = file.file_name().into_string().unwrap();
            // RocksDB writes messages for people to the files `LOG*`, and never reads these files. Nor does it read the
            // WALs in the folder `archive`.
            if !name.starts_with("LOG") && file.file_type()?.is_file() {
                image.insert(name, fs::read(file.path())?);
            }
        }
        Ok(Self(image))
    }

    /// Returns a new directory with these files.
    pub fn write(&self) -> TempDir {
        let dir = TempDir::new().unwrap();
        self.write_to(dir.path());
        dir
    }

    pub fn write_to(&self, dir: &Path) {
        for (name, bytes) in &self.0 {
            fs::write(dir.join(name), bytes).unwrap();
        }
    }

    /// Returns these files with `bytes` in place of the file `name`, or without that file.
    pub fn with(&self, name: &str, bytes: Option<Vec<u8>>) -> Self {
        let mut image = self.clone();
        match bytes {
            Some(bytes) => image.0.insert(name.to_string(), bytes),
            None => image.0.remove(name),
        };
        image
    }

    /// Reads the account. Returns `None` if there is none, or if its checksum is wrong: a store may be writing it.
    pub fn account(&self) -> Option<Account> {
        let (fields, crc) = str::from_utf8(self.0.get(ACCOUNT)?).ok()?.trim_end().rsplit_once(' ')?;
        if u32::from_str_radix(crc, 16).ok()? != crc32c(fields.as_bytes()) {
            return None;
        }
        let mut numbers = fields.split(' ').map(|field| field.rsplit_once('=')?.1.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Account {
            wal: next()?,
            wal_length: next()? as usize,
            manifest: next()?,
            manifest_length: next()? as usize,
        })
    }

    /// Returns the name of the WAL that was begun last.
    pub fn newest_wal(&self) -> &str {
        let wals = self.0.keys().filter(|name| name.ends_with(".log"));
        wals.max().expect("a database has a WAL")
    }
}
