//! Compares samples with golden files, and collects the failures.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::path::Path;
use std::{fs, io};

use super::files::{self, hex};
use crate::support::error_chain::error_chain;
use crate::{CodecError, WireMessage, WriteVersion};

/// A value, and how its files are checked.
pub(super) struct Sample<T> {
    pub(super) name: String,
    pub(super) value: T,
    pub(super) kind: Kind<T>,
}

/// How the files of a sample are checked.
pub(super) enum Kind<T> {
    /// Encoding the sample yields the bytes in its files. Decoding a file yields the sample.
    Same,
    /// Encoding the sample yields the bytes in its files. Decoding the file of a version yields the value that this
    /// function returns for that version.
    Lossy(Box<dyn Fn(u8) -> T>),
    /// Decoding a file, which is from an earlier release, yields the sample. The sample is not encoded.
    ReadOnly,
}

/// Compares `samples` with the files in `dir`, and returns all failures. First adds missing files if `adds` is true.
pub(super) fn check<T>(dir: &Path, samples: &[Sample<T>], adds: bool) -> Vec<String>
where
    T: WireMessage + PartialEq + Debug,
{
    let mut check = Check {
        dir,
        adds,
        known: BTreeSet::new(),
        failures: Vec::new(),
    };
    check.names(samples);
    for sample in samples {
        check.sample(sample);
    }
    check.left_over::<T>();
    check.failures
}

struct Check<'a> {
    dir: &'a Path,
    adds: bool,
    /// The names of all files that the samples may have.
    known: BTreeSet<String>,
    failures: Vec<String>,
}

impl Check<'_> {
    fn fail(&mut self, what: &str, failure: impl fmt::Display) {
        self.failures.push(format!("{what}: {failure}\n"));
    }

    /// Checks that there are samples, and that their names are valid and different.
    fn names<T>(&mut self, samples: &[Sample<T>]) {
        if samples.is_empty() {
            self.failures.push("there are no samples\n".to_owned());
        }
        let mut names = BTreeSet::new();
        for Sample { name, .. } in samples {
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(valid) {
                let failure = "a sample's name consists of ASCII letters, digits, `-` and `_`, because it names files";
                self.fail(&format!("{name:?}"), failure);
            }
            // Compare in lower case, because some file systems ignore case.
            if !names.insert(name.to_ascii_lowercase()) {
                self.fail(&format!("{name:?}"), "two samples have this name");
            }
        }
    }

    /// Checks the files of one sample.
    fn sample<T: WireMessage + PartialEq + Debug>(&mut self, sample: &Sample<T>) {
        let Sample { name, value, kind } = sample;
        let mut found = 0;
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
            found += 1;
            self.read(&what, version, &frozen, sample);
            if let Some(written) = written {
                self.written(&what, &frozen, written);
            }
        }
        if found == 0 && matches!(kind, Kind::ReadOnly) {
            let failure = "the sample is read only, and has no file";
            self.fail(&format!("sample `{name}`"), failure);
        }
    }

    /// Returns the frame in a file. First adds the file if it is missing, `adds` is true, and the sample was encoded.
    /// Returns `None` if there is no file and none is needed: the sample is read only, or cannot be written at this
    /// version.
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
                let frozen = files::text(value, version, frame);
                files::add(&path, &frozen).map_err(|error| format!("it cannot be added: {error}"))?;
                // Read the file back, because another test may have added it first.
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
        files::parse(&text).map(Some)
    }

    /// Checks that a file holds a frame of the version in its name, and decodes to the value that is expected for its
    /// sample.
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

    /// Checks that encoding the sample yielded the bytes in its file.
    fn written(&mut self, what: &str, frozen: &[u8], written: Result<Vec<u8>, CodecError>) {
        let (found, help) = match &written {
            Ok(written) if written == frozen => return,
            // The type still reads this version but no longer writes it.
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

    /// Checks that every file belongs to a sample.
    fn left_over<T: WireMessage>(&mut self) {
        let names = match files::names_in(self.dir) {
            // If there is no directory, no file is left over. `frozen` reports the missing files.
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

/// Returns whether `error` means that the version cannot hold the value, or that the type no longer writes the version.
/// In both cases, a missing file is no failure.
fn is_version(error: &CodecError) -> bool {
    matches!(
        error,
        CodecError::NotRepresentable { .. } | CodecError::VersionUnsupported { .. }
    )
}
