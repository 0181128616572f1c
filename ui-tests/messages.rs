//! Checks that a case of `fail/` shows every error message in the sources of `toolkit-macros`, and that the messages
//! read like those of rustc.
//!
//! Every string literal with a space counts as a message, except for documentation. A case shows a message if the
//! message is the whole text of an error in the case's `.stderr`: the text between `error: ` and the source. A message
//! that starts with `help: ` or `note: ` need not be the whole text, but must be whole lines of it.
//!
//! A placeholder `{..}` of a message matches any text in a line. At the start of a line, it also matches several lines.
//! [`PARTS`] has the strings that are not messages, but parts of a line of a message.
//!
//! For a message in the folder of a macro, only cases whose names start with the name of the folder count.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::LitStr;
use syn::visit::Visit;

/// Strings that are inserted into a line of a message, each with such a line. `{part}` marks the place of the string.
const PARTS: [(&str, &str); 13] = [
    ("a type", "expected {part} after `{slot} =`"),
    ("the path of openraft-toolkit", "expected {part} after `{slot} =`"),
    ("name one concrete type", "help: {part}"),
    ("write `crate = path::to::openraft_toolkit`", "help: {part}"),
    ("{} and {last}", "note: the settings of a {target} are {part}"),
    (
        " or a ",
        "help: write it in a `#[wire(..)]` on the {target}{part}{target}",
    ),
    ("version = 1", "help: write `#[wire({part})]`"),
    ("since = 2", "help: write `#[wire({part})]`"),
    ("the type", "expected `,` after {part}"),
    ("the hash", "expected `,` after {part}"),
    (
        "version {newest}",
        "`{name}` has no version {version} to pin, only {part}",
    ),
    (
        "versions {oldest} to {newest}",
        "`{name}` has no version {version} to pin, only {part}",
    ),
    (" and ", "the layout of version {version}{part}{version} has changed"),
];

/// How many letters a message must have outside of its placeholders. With fewer letters it would match other messages.
const MIN_LETTERS: usize = 7;

#[test]
fn every_message_is_shown_by_a_case() {
    let shown = shown_errors();
    let messages = written_messages();
    let mut wrong = String::new();
    for message in &messages {
        if !message.is_shown_by(&shown) {
            let cases = message.cases();
            write!(
                wrong,
                "\n{}\n    no fail/{cases}*.stderr shows\n{message}",
                message.place
            )
            .unwrap();
        }
    }
    assert!(messages.len() > 20, "only {} messages found", messages.len());
    assert!(
        wrong.is_empty(),
        "{wrong}\n    add a case that makes this mistake to fail/, or remove the message\n"
    );
}

#[test]
fn a_message_that_no_case_shows_whole_does_not_count_as_shown() {
    let shown = [Shown {
        case: "wire_message_example.stderr".to_owned(),
        text: "`since` is above `version = 2`\nhelp: set `version = 3` for `Get`".to_owned(),
    }];
    let is_shown = |place: &str, text: &str| {
        let message = Message {
            place: format!("{place}/check.rs:1"),
            text: text.to_owned(),
        };
        message.is_shown_by(&shown)
    };

    // The message is the whole text of an error, or whole lines of it.
    assert!(is_shown(
        "wire_message",
        "`{key}` is above `version = {newest}`\nhelp: set `version = {since}` for `{name}`"
    ));
    assert!(is_shown(
        "wire_message",
        "`{key}` is above `version = {newest}`\n{help}"
    ));
    assert!(is_shown("wire_message", "help: set `version = {since}` for `{name}`\n"));

    // The message is in the folder of another macro, or is only a fragment, the start or the end of a text, or a line
    // that the case does not have.
    assert!(!is_shown("raft_types", "help: set `version = {since}` for `{name}`"));
    assert!(!is_shown("wire_message", "is above `version = 2`"));
    assert!(!is_shown("wire_message", "`since` is above `version = 2`"));
    assert!(!is_shown(
        "wire_message",
        "`version = {newest}`\nhelp: set `version = 3` for `Get`"
    ));
    assert!(!is_shown("wire_message", "help: set `version = 3`"));
    assert!(!is_shown("wire_message", "help: leave `{key}` out"));
    // The message has too few letters outside of the placeholders.
    assert!(!is_shown("wire_message", "`{key}` is {rest}"));
}

#[test]
fn a_message_with_one_character_less_does_not_count_as_shown() {
    let shown = shown_errors();
    for message in written_messages()
        .iter()
        .filter(|message| message.line_of_part().is_none())
    {
        let text = message.text.trim_end_matches('\n');
        // Keep a first or last character that is next to a placeholder: the placeholder would match that character too.
        let without_first = Some(&text[1..]).filter(|_| !text[..2].contains('{'));
        let without_last = Some(&text[..text.len() - 1]).filter(|_| !text[text.len() - 2..].contains('}'));
        for text in without_first.into_iter().chain(without_last) {
            let shorter = Message {
                place: message.place.clone(),
                text: text.to_owned(),
            };
            assert!(!shorter.is_shown_by(&shown), "{}\n{shorter}", shorter.place);
        }
    }
}

#[test]
fn every_part_is_written_in_the_sources() {
    let messages = written_messages();
    for (part, _) in PARTS {
        assert!(messages.iter().any(|message| message.text == part), "{part:?}");
    }
}

#[test]
fn messages_read_like_those_of_rustc() {
    let mut wrong = String::new();
    for message in written_messages() {
        if let Err(rule) = message.reads_like_rustc() {
            write!(wrong, "\n{}\n    {rule}:\n{message}", message.place).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A string literal in the sources of the macros.
struct Message {
    /// `path:line`, relative to `toolkit-macros/src`.
    place: String,
    text: String,
}

impl Message {
    /// Returns the prefix that the names of the cases for the message have.
    fn cases(&self) -> &str {
        self.place.split_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the line that must contain the message, if the message is one of [`PARTS`].
    fn line_of_part(&self) -> Option<String> {
        let (part, line) = PARTS.iter().find(|(part, _)| *part == self.text)?;
        Some(line.replace("{part}", part))
    }

    fn is_shown_by(&self, shown: &[Shown]) -> bool {
        let text = self.text.trim_end_matches('\n');
        let (pattern, is_lines) = match self.line_of_part() {
            Some(line) => (Pattern::new(&line), true),
            None => (
                Pattern::new(text),
                text.starts_with("help: ") || text.starts_with("note: "),
            ),
        };
        pattern.letters() >= MIN_LETTERS
            && shown
                .iter()
                .filter(|shown| shown.case.starts_with(self.cases()))
                .any(|shown| match is_lines {
                    true => pattern.is_lines_of(&shown.text),
                    false => pattern.matches(&shown.text),
                })
    }

    fn reads_like_rustc(&self) -> Result<(), &'static str> {
        for (index, line) in self.text.lines().enumerate() {
            let said = line.strip_prefix("help: ").or_else(|| line.strip_prefix("note: "));
            // A placeholder at the start of a line may insert the `help: ` or `note: `.
            if index > 0 && said.is_none() && !line.starts_with('{') {
                return Err("a line after the first starts with `help: ` or `note: `");
            }
            if said.unwrap_or(line).starts_with(char::is_uppercase) {
                return Err("the first letter is lower case");
            }
            if line.ends_with('.') && !line.ends_with("..") {
                return Err("a message has no full stop");
            }
        }
        Ok(())
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.lines().try_for_each(|line| writeln!(f, "        {line}"))
    }
}

/// A format string, as the texts between its placeholders. A placeholder matches any text.
struct Pattern(Vec<String>);

impl Pattern {
    fn new(format: &str) -> Self {
        let mut texts = vec![String::new()];
        let mut chars = format.chars().peekable();
        while let Some(char) = chars.next() {
            match (char, chars.peek()) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    texts.last_mut().unwrap().extend(chars.next());
                }
                ('{', _) => {
                    chars.by_ref().find(|char| *char == '}');
                    texts.push(String::new());
                }
                _ => texts.last_mut().unwrap().push(char),
            }
        }
        Self(texts)
    }

    /// Counts the letters outside of the placeholders.
    fn letters(&self) -> usize {
        self.0
            .iter()
            .flat_map(|text| text.chars())
            .filter(|char| char.is_alphabetic())
            .count()
    }

    /// Returns whether the whole of `shown` is this message.
    fn matches(&self, shown: &str) -> bool {
        self.0
            .split_first()
            .is_some_and(|(first, rest)| matches(first, rest, shown))
    }

    /// Returns whether one line of `shown`, or several consecutive lines, are this message.
    fn is_lines_of(&self, shown: &str) -> bool {
        let starts = shown.match_indices('\n').map(|(at, _)| at + 1);
        let ends = || shown.match_indices('\n').map(|(at, _)| at).chain([shown.len()]);
        starts
            .chain([0])
            .any(|start| ends().any(|end| shown.get(start..end).is_some_and(|lines| self.matches(lines))))
    }
}

/// Returns whether `shown` is `text`, then a placeholder and a text for each of `rest`.
///
/// A placeholder matches several lines only if it is at the start of a line.
fn matches(text: &str, rest: &[String], shown: &str) -> bool {
    let Some(shown) = shown.strip_prefix(text) else {
        return false;
    };
    let Some((next, rest)) = rest.split_first() else {
        return shown.is_empty();
    };
    let starts_line = text.is_empty() || text.ends_with('\n');
    let longest = match shown.find('\n') {
        Some(line) if !starts_line => line,
        _ => shown.len(),
    };
    (0..=longest).any(|len| shown.get(len..).is_some_and(|shown| matches(next, rest, shown)))
}

fn written_messages() -> Vec<Message> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../toolkit-macros/src");
    let mut messages = Vec::new();
    for path in files(&sources, "rs") {
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut strings = Strings::default();
        strings.visit_file(&file);
        let path = path.strip_prefix(&sources).unwrap().display().to_string();
        messages.extend(strings.0.into_iter().filter_map(|string| {
            let text = string.value();
            // A string without letters, such as the separator `, ` of a list, is not a message.
            let is_message = text.contains(' ') && Pattern::new(&text).letters() > 0;
            is_message.then(|| Message {
                place: format!("{path}:{}", string.span().start().line),
                text,
            })
        }));
    }
    messages
}

/// Collects the string literals of a file, except those in attributes, documentation and tests.
#[derive(Default)]
struct Strings(Vec<LitStr>);

impl Strings {
    /// Visits the tokens inside a call of a macro such as `format!` or `quote!`.
    fn visit_tokens(&mut self, tokens: TokenStream) {
        let mut after_hash = false;
        for token in tokens {
            let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
            match token {
                TokenTree::Group(group) if after_hash && group.delimiter() == Delimiter::Bracket => {}
                TokenTree::Group(group) => self.visit_tokens(group.stream()),
                TokenTree::Literal(literal) => self.0.extend(syn::parse2::<LitStr>(TokenTree::from(literal).into())),
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
            after_hash = is_hash;
        }
    }
}

impl<'ast> Visit<'ast> for Strings {
    fn visit_lit_str(&mut self, string: &'ast LitStr) {
        self.0.push(string.clone());
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.visit_tokens(invocation.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// One error of a case.
struct Shown {
    case: String,
    /// The text between `error: ` and the source, without the indentation of its later lines.
    text: String,
}

fn shown_errors() -> Vec<Shown> {
    let mut shown = Vec::new();
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fail"), "stderr") {
        let case = path.file_name().unwrap().display().to_string();
        let mut text: Option<String> = None;
        for line in fs::read_to_string(&path).unwrap().lines() {
            if line.starts_with("error") {
                text = line.split_once(": ").map(|(_, text)| {
                    // rustc adds this prefix to the message of an assertion in a constant.
                    text.strip_prefix("evaluation panicked: ").unwrap_or(text).to_owned()
                });
            } else if line.trim_start().starts_with("-->") {
                shown.extend(text.take().map(|text| Shown {
                    case: case.clone(),
                    text,
                }));
            } else if let Some(text) = &mut text {
                text.push('\n');
                text.push_str(line.trim_start());
            }
        }
    }
    shown
}

/// Returns the files below `folder` with this extension, sorted by path.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
