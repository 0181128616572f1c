//! What was acknowledged outlives every fault, and damage to it is an error, never a shorter log.
//!
//! `make soak` runs the long forms.

mod calls;
mod corruption;
mod direct_io;
mod failed_sync;
mod full_disk;
mod isolation;
mod kill;
mod openers;
mod order;
pub mod power_cut;
mod wrong_data;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs, io};

use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, LogDbOptions, META_CF, open_db};
use tempfile::TempDir;

use crate::log_store::Store;
use crate::model::Model;

/// Whether to run for long.
pub fn soak() -> bool {
    env::var_os("OPENRAFT_TOOLKIT_SOAK").is_some()
}

/// The seed of a run; `make soak` prints it.
pub fn seed() -> u64 {
    match env::var("OPENRAFT_TOOLKIT_SEED") {
        Ok(seed) => seed.parse().expect("OPENRAFT_TOOLKIT_SEED is a number"),
        Err(_) => 1,
    }
}

/// Numbers that a seed repeats: splitmix64.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// The files of a database.
#[derive(Clone)]
pub struct Image(pub BTreeMap<String, Vec<u8>>);

impl Image {
    /// As they are now, be the database open or not.
    pub fn of(dir: &Path) -> Self {
        Self::try_of(dir).unwrap()
    }

    /// Fails where a file is deleted meanwhile.
    pub fn try_of(dir: &Path) -> io::Result<Self> {
        let mut image = BTreeMap::new();
        for file in fs::read_dir(dir)? {
            let file = file?;
            let name = file.file_name().into_string().unwrap();
            // RocksDB's own log is for people.
            if !name.starts_with("LOG") {
                image.insert(name, fs::read(file.path())?);
            }
        }
        Ok(Self(image))
    }

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

    /// With another content of one file, or without that file.
    pub fn with(&self, name: &str, bytes: Option<Vec<u8>>) -> Self {
        let mut image = self.clone();
        match bytes {
            Some(bytes) => image.0.insert(name.to_string(), bytes),
            None => image.0.remove(name),
        };
        image
    }
}

/// Opens the database in `dir` and reads all of these groups.
pub async fn read_groups(dir: &Path, groups: &[u64]) -> Result<Vec<Model>, Box<dyn Error>> {
    let db = open_db(dir, LogDbOptions::default())?;
    let mut models = Vec::new();
    for group in groups {
        let mut store = Store::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(*group))?;
        models.push(Model::try_of(&mut store).await?);
    }
    Ok(models)
}
