//! Golden files: messages as they were released, frozen byte by byte.
//!
//! Data outlives the code that wrote it. A golden file holds the frame of one sample value at one version.
//! The [check](Frames::check) fails when such a frame is no longer read as that value, or when the value is
//! no longer written as that frame. Files are only ever added: those of a new version stand beside those of
//! the old ones.
//!
//! ```no_run
//! use openraft_toolkit::WireMessage;
//! use openraft_toolkit::test_fakes::golden;
//!
//! #[derive(Debug, PartialEq, WireMessage)]
//! #[wire(version = 2, min_version = 1)]
//! enum Command {
//!     Put {
//!         key: String,
//!         #[wire(since = 2)]
//!         lease: Option<u64>,
//!     },
//!     Delete(String),
//! }
//!
//! // The body of a `#[test]`.
//! golden::Frames::<Command>::in_dir("tests/golden/command")
//!     .sample("put", Command::Put { key: "k".to_owned(), lease: None })
//!     .sample("put-leased", Command::Put { key: "k".to_owned(), lease: Some(7) })
//!     .sample("delete", Command::Delete("k".to_owned()))
//!     .check();
//! ```
//!
//! # The files
//!
//! `put.v1.hex` is the sample `put` at version 1. The directory has one for each sample and each version
//! that can hold it: here there is no `put-leased.v1.hex`. They are text, to be committed with the code:
//!
//! ```text
//! # Put { key: "k", lease: None } at version 1
//! 01 00 01 6b
//! ```
//!
//! `GOLDEN=add cargo test` writes those that are missing and leaves the others as they are. Without it, a
//! missing file is a failure, so that a test that runs elsewhere never passes for want of files.
//!
//! # With a new version
//!
//! 1. In the samples that there are, a new field gets its default. So their older files stay valid.
//! 2. What only the new version can hold is a new sample: `put-leased` above.
//! 3. `GOLDEN=add` adds the files of the new version.
//!
//! # What is the same value
//!
//! A frame must decode to what `PartialEq` calls equal to its sample. That cannot be at versions that drop a
//! `lossy` field which the sample sets: [`lossy_sample`](Frames::lossy_sample) says what is read instead.
//!
//! Where the type [reads](WireMessage::MIN_VERSION) a version but does not write it any more, as with
//! `previous = Old` without `downgrade`, the files of that version are from before. They must still decode
//! to their samples. A value that only frames of old releases still become, because the type's conversions
//! go one way, is [`read_only`](Frames::read_only).
//!
//! Messages within the message, in their serde form, are written as in a
//! [scope](crate::codec::WriteVersion::scope) of the file's version, so that a new version of theirs does
//! not change the file. What is written differs from run to run cannot be frozen, such as a `HashMap` of
//! several entries.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{any, env, fs, io, process};

use crate::support::error_chain::error_chain;
use crate::{CodecError, WireMessage, WriteVersion};

/// The golden files of one type: a directory that holds nothing else, and the samples in it.
///
/// The [module](self) shows its use.
#[must_use = "nothing is checked before `check` is called"]
pub struct Frames<T> {
    dir: PathBuf,
    samples: Vec<Sample<T>>,
}

struct Sample<T> {
    name: String,
    value: T,
    kind: Kind<T>,
}

enum Kind<T> {
    Same,
    /// What each version is read as.
    Lossy(Box<dyn Fn(u8) -> T>),
    ReadOnly,
}

impl<T: WireMessage + PartialEq + Debug> Frames<T> {
    /// The files in `dir`: an absolute path, or one that starts at the package whose test this is, where
    /// `cargo test` runs it. Files whose names start with a dot are passed over.
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            samples: Vec::new(),
        }
    }

    /// A value that every version which can hold it writes as its file says, and reads back the same.
    ///
    /// Names are of ASCII letters, digits, `-` and `_`.
    pub fn sample(self, name: &str, value: T) -> Self {
        self.with(name, value, Kind::Same)
    }

    /// As [`sample`](Self::sample), for a value of which some version drops a `lossy` field: `read_as` says
    /// what the file of each version is read as.
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

    /// A value that the files of this name, from before, are read as. It is written differently by now or
    /// not at all, so that none are added; there must be one at least.
    pub fn read_only(self, name: &str, value: T) -> Self {
        self.with(name, value, Kind::ReadOnly)
    }

    fn with(mut self, name: &str, value: T, kind: Kind<T>) -> Self {
        let name = name.to_owned();
        self.samples.push(Sample { name, value, kind });
        self
    }

    /// Checks every file, and that none is missing or left over. With `GOLDEN=add` in the environment, what
    /// is missing is added first.
    ///
    /// # Panics
    ///
    /// When any of that fails, naming all that does: file, sample, version, and what was expected and found.
    #[track_caller]
    pub fn check(self) {
        let mut check = Check {
            dir: &self.dir,
            adds: adds(),
            known: BTreeSet::new(),
            failures: Vec::new(),
        };
        check.names(&self.samples);
        for sample in &self.samples {
            check.sample(sample);
        }
        check.left_over::<T>();
        let failures = check.failures;
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

#[track_caller]
fn adds() -> bool {
    match env::var_os("GOLDEN") {
        None => false,
        Some(value) if value.is_empty() => false,
        Some(value) if value == "add" => true,
        Some(value) => panic!("the environment variable GOLDEN is {value:?}, and only \"add\" has a meaning"),
    }
}

struct Check<'a> {
    dir: &'a Path,
    adds: bool,
    /// The names of files that are checked, or would be.
    known: BTreeSet<String>,
    failures: Vec<String>,
}

impl Check<'_> {
    fn fail(&mut self, what: &str, failure: impl fmt::Display) {
        self.failures.push(format!("{what}: {failure}\n"));
    }

    fn names<T>(&mut self, samples: &[Sample<T>]) {
        if samples.is_empty() {
            self.failures.push("there are no samples\n".to_owned());
        }
        let mut names = BTreeSet::new();
        for Sample { name, .. } in samples {
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(valid) {
                let failure = "a sample's name is of ASCII letters, digits, `-` and `_`, since it names files";
                self.fail(&format!("{name:?}"), failure);
            }
            // Some file systems take them for the same.
            if !names.insert(name.to_ascii_lowercase()) {
                self.fail(&format!("{name:?}"), "two samples have this name");
            }
        }
    }

    fn sample<T: WireMessage + PartialEq + Debug>(&mut self, sample: &Sample<T>) {
        let Sample { name, value, kind } = sample;
        let mut frozen_ones = 0;
        for version in T::MIN_VERSION..=T::VERSION {
            let file = format!("{name}.v{version}.hex");
            let what = format!("{file}, sample `{name}` at version {version}");
            self.known.insert(file.clone());
            let written = match kind {
                Kind::ReadOnly => None,
                Kind::Same | Kind::Lossy(_) => Some(WriteVersion::new(version).encode(value)),
            };
            let frozen = match self.frozen(&file, value, version, written.as_ref()) {
                Ok(Some(frozen)) => frozen,
                Ok(None) => continue,
                Err(error) => {
                    self.fail(&what, error);
                    continue;
                }
            };
            frozen_ones += 1;
            self.read(&what, version, &frozen, sample);
            if let Some(written) = written {
                self.written(&what, &frozen, written);
            }
        }
        if frozen_ones == 0 && matches!(kind, Kind::ReadOnly) {
            let failure = "it is read only, and there is no file of it";
            self.fail(&format!("sample `{name}`"), failure);
        }
    }

    /// The frame in a file, which is added if need be; `None` where there needs to be none.
    fn frozen(
        &self,
        file: &str,
        value: &impl Debug,
        version: u8,
        written: Option<&Result<Vec<u8>, CodecError>>,
    ) -> Result<Option<Vec<u8>>, String> {
        let path = self.dir.join(file);
        let found = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found),
        };
        let text = match (found, written) {
            (Some(text), _) => text,
            (None, Some(Ok(frame))) if self.adds => {
                let frozen = text(value, version, frame);
                add(&path, &frozen).map_err(|error| format!("it cannot be added: {error}"))?;
                // Read back, since another test may have been first.
                fs::read_to_string(&path)
            }
            (None, Some(Ok(frame))) => {
                return Err(format!(
                    "it is missing\n  expected: {}\n  help: run the test with GOLDEN=add in its environment to add it",
                    hex(frame)
                ));
            }
            (None, Some(Err(error))) if !is_version(error) => {
                return Err(format!("it cannot be written: {}", error_chain(error)));
            }
            (None, _) => return Ok(None),
        };
        let text = text.map_err(|error| format!("it cannot be read: {error}"))?;
        parse(&text).map(Some)
    }

    fn read<T: WireMessage + PartialEq + Debug>(&mut self, what: &str, version: u8, frozen: &[u8], sample: &Sample<T>) {
        let expected = match &sample.kind {
            Kind::Lossy(read_as) => &read_as(version),
            Kind::Same | Kind::ReadOnly => &sample.value,
        };
        let found = match T::decode(frozen) {
            Ok(found) if found == *expected => match frozen.first() {
                Some(actual) if *actual != version => format!("a frame of version {actual}"),
                _ => return,
            },
            Ok(found) => format!("{found:?}"),
            Err(error) => error_chain(&error),
        };
        let frozen = hex(frozen);
        self.fail(
            what,
            format_args!("it is read differently\n  frame:    {frozen}\n  expected: {expected:?}\n  found:    {found}"),
        );
    }

    fn written(&mut self, what: &str, frozen: &[u8], written: Result<Vec<u8>, CodecError>) {
        let (found, help) = match &written {
            Ok(written) if written == frozen => return,
            // From before: it is read and not written any more.
            Err(CodecError::VersionUnsupported { .. }) => return,
            Ok(written) => {
                let same = frozen
                    .iter()
                    .zip(written)
                    .take_while(|(frozen, written)| frozen == written);
                (hex(written), format!("they differ from byte {} on", same.count()))
            }
            Err(error @ CodecError::NotRepresentable { .. }) => (
                error_chain(error),
                "help: if only older releases wrote this frame, give its value by `read_only`".to_owned(),
            ),
            Err(error) => (error_chain(error), "the value cannot be encoded".to_owned()),
        };
        let frozen = hex(frozen);
        self.fail(
            what,
            format_args!("it is written differently\n  expected: {frozen}\n  found:    {found}\n  {help}"),
        );
    }

    fn left_over<T: WireMessage>(&mut self) {
        let names = match names_in(self.dir) {
            // Its files are reported as missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.fail("the directory", error),
            Ok(names) => names,
        };
        for name in names {
            if !name.starts_with('.') && !self.known.contains(&name) {
                let (min, max) = (T::MIN_VERSION, T::VERSION);
                let failure = format!(
                    "it belongs to no sample at a version that the type reads, which are {min} to {max}\n  \
                     help: if no data of it exists any more, delete the file"
                );
                self.fail(&name, failure);
            }
        }
    }
}

fn names_in(dir: &Path) -> io::Result<BTreeSet<String>> {
    fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Whether a version that cannot hold a value is the reason why there is no file.
fn is_version(error: &CodecError) -> bool {
    matches!(
        error,
        CodecError::NotRepresentable { .. } | CodecError::VersionUnsupported { .. }
    )
}

/// The comment is for people; the check does not read it.
fn text(value: &impl Debug, version: u8, frame: &[u8]) -> String {
    let comment = format!("{value:?} at version {version}").replace('\n', "\n# ");
    let lines: Vec<String> = frame.chunks(32).map(hex).collect();
    format!("# {comment}\n{}\n", lines.join("\n"))
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

fn parse(text: &str) -> Result<Vec<u8>, String> {
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

/// Adds a file whole or not at all, and leaves it as it is where another test was first.
fn add(path: &Path, text: &str) -> io::Result<()> {
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
