//! Reads an OPTIONS file.
//!
//! ```text
//! [DBOptions]
//!   paranoid_checks=true
//! [CFOptions "raft_log"]
//!   compaction_style=kCompactionStyleLevel
//! [TableOptions/BlockBasedTable "raft_log"]
//!   checksum=kXXH3
//! ```
//!
//! A backslash stands before `\`, `#` and `:` in names of column families and in paths. `\n` and `\r` are line breaks.

/// A section of an OPTIONS file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// The options of the database.
    Database,
    /// Options of the column family with this name, or of its tables.
    ColumnFamily(String),
    Other,
}

impl Section {
    /// Returns the section that starts with `line`, or `None` if no section starts there.
    fn starting_with(line: &str) -> Option<Self> {
        let title = line.strip_prefix('[')?.strip_suffix(']')?;
        // The name of a column family may contain quotes.
        let name = title.strip_suffix('"').and_then(|title| title.split_once('"'));
        Some(match name {
            Some((kind, name)) if kind.starts_with("CFOptions ") || kind.starts_with("TableOptions/") => {
                Self::ColumnFamily(unescape(name))
            }
            None if title == "DBOptions" => Self::Database,
            _ => Self::Other,
        })
    }
}

/// Calls `found` with each option in an OPTIONS file: its section, its name, and its value as it stands in the file.
pub(super) fn each_option(text: &str, mut found: impl FnMut(&Section, &str, &str)) {
    let mut section = Section::Other;
    for line in text.lines() {
        if let Some(next) = Section::starting_with(line) {
            section = next;
        } else if let Some((name, value)) = line.trim().split_once('=') {
            found(&section, name, value);
        }
    }
}

/// Removes the backslashes that RocksDB put into a name or a value.
pub(super) fn unescape(escaped: &str) -> String {
    let mut chars = escaped.chars();
    let mut text = String::with_capacity(escaped.len());
    while let Some(char) = chars.next() {
        text.extend(match char {
            '\\' => chars.next().map(|escaped| match escaped {
                'n' => '\n',
                'r' => '\r',
                other => other,
            }),
            other => Some(other),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_belongs_to_the_section_before_it_whatever_the_name_of_the_column_family_is() {
        let text = r#"
[DBOptions]
  wal_dir=/a\:b=\#

[CFOptions "we"ird\n[]\:\#\\ n=me "]
  ttl=1
[TableOptions/BlockBasedTable "b"]
  checksum=kXXH3
[Version]
  options_file_version=1.1
"#;
        let mut found = Vec::new();
        each_option(text, |section, name, value| {
            let section = match section {
                Section::Database => None,
                Section::ColumnFamily(name) => Some(name.clone()),
                Section::Other => Some("other".to_owned()),
            };
            found.push((section, format!("{name}={}", unescape(value))));
        });
        let weird = "we\"ird\n[]:#\\ n=me ".to_owned();
        assert_eq!(
            found,
            [
                (None, "wal_dir=/a:b=#".to_owned()),
                (Some(weird), "ttl=1".to_owned()),
                (Some("b".to_owned()), "checksum=kXXH3".to_owned()),
                (Some("other".to_owned()), "options_file_version=1.1".to_owned()),
            ]
        );
    }
}
