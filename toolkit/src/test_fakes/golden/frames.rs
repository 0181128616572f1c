//! [`Frames`], which a test fills with samples.

use std::fmt::Debug;
use std::path::PathBuf;
use std::{any, env};

use super::check::{Kind, Sample, check};
use crate::WireMessage;

/// The golden files of one type, in a directory without other files, and the samples that are compared with them.
///
/// The [module](super) shows how a test uses it.
#[must_use = "nothing is checked before `check` is called"]
pub struct Frames<T> {
    dir: PathBuf,
    samples: Vec<Sample<T>>,
}

impl<T: WireMessage + PartialEq + Debug> Frames<T> {
    /// Returns the golden files in `dir`, without samples.
    ///
    /// A relative path starts at the root of the package that the test belongs to, because `cargo test` runs tests
    /// there. Files whose names start with a dot are ignored.
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            samples: Vec::new(),
        }
    }

    /// Adds a sample. At each version that can hold `value`, encoding it must yield the bytes in its file, and decoding
    /// the file must yield an equal value.
    ///
    /// `name` consists of ASCII letters, digits, `-` and `_`. Two names must differ in more than upper and lower
    /// case.
    pub fn sample(self, name: &str, value: T) -> Self {
        self.with(name, value, Kind::Same)
    }

    /// Adds a sample with a `lossy` field that some version drops. `read_as` returns the value that the file of a given
    /// version must decode to. Everything else is as for [`sample`](Self::sample).
    ///
    /// ```no_run
    /// use openraft_toolkit::WireMessage;
    /// use openraft_toolkit::test_fakes::golden;
    ///
    /// #[derive(Debug, PartialEq, WireMessage)]
    /// #[wire(version = 2, min_version = 1)]
    /// struct Ping {
    ///     #[wire(since = 2, lossy)]
    ///     trace: u64,
    /// }
    ///
    /// golden::Frames::<Ping>::in_dir("tests/golden/ping")
    ///     .lossy_sample("traced", Ping { trace: 7 }, |version| Ping {
    ///         trace: if version < 2 { 0 } else { 7 },
    ///     })
    ///     .check();
    /// ```
    pub fn lossy_sample(self, name: &str, value: T, read_as: impl Fn(u8) -> T + 'static) -> Self {
        self.with(name, value, Kind::Lossy(Box::new(read_as)))
    }

    /// Adds a sample that is only decoded: the files of this name must decode to `value`.
    ///
    /// The files come from an earlier release, because this release writes `value` differently or not at all. There
    /// must be at least one such file, and [`check`](Self::check) adds none.
    pub fn read_only(self, name: &str, value: T) -> Self {
        self.with(name, value, Kind::ReadOnly)
    }

    fn with(mut self, name: &str, value: T, kind: Kind<T>) -> Self {
        let name = name.to_owned();
        self.samples.push(Sample { name, value, kind });
        self
    }

    /// Checks every file, and that no file is missing or left over. With `GOLDEN=add` in the environment, first adds
    /// missing files.
    ///
    /// # Panics
    ///
    /// If any check fails, or if `GOLDEN` is set to anything but `add` or an empty value. The message lists all
    /// failures. For a file that differs, it shows the sample, the version, and what was expected and found.
    #[track_caller]
    pub fn check(self) {
        let failures = check(&self.dir, &self.samples, adds());
        if !failures.is_empty() {
            panic!(
                "{} of the golden files of `{}` in `{}` failed\n\n{}\n\
                 help: data of a released version has these bytes; change a type by giving it a new version, \
                 and leave the files as they are",
                failures.len(),
                any::type_name::<T>(),
                self.dir.display(),
                failures.join("\n"),
            );
        }
    }
}

/// Returns whether missing files are to be added.
#[track_caller]
fn adds() -> bool {
    match env::var_os("GOLDEN") {
        None => false,
        Some(value) if value.is_empty() => false,
        Some(value) if value == "add" => true,
        Some(value) => panic!("the environment variable GOLDEN is {value:?}, and the only valid value is \"add\""),
    }
}
