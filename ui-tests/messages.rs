//! Every message written in `toolkit-macros` is seen in a case of `fail/`, and reads like rustc's own.
//!
//! A message is any string with a space in it that is no documentation: whole, or a part that is put into
//! a larger one. The cases of a macro are those named after its folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::LitStr;
use syn::visit::Visit;

/// Strings with a space that are no messages.
const OTHER_STRINGS: [&str; 0] = [];

#[test]
fn every_message_is_seen_in_a_case() {
    let shown = shown_messages();
    let mut unseen = String::new();
    let messages = written_messages();
    for message in &messages {
        if !shown.iter().any(|shown| message.is_in(shown)) {
            let cases = message.cases();
            write!(
                unseen,
                "\n{}\n    no fail/{cases}*.stderr shows\n{message}",
                message.place
            )
            .unwrap();
        }
    }
    assert!(messages.len() > 20, "only {} messages found", messages.len());
    assert!(
        unseen.is_empty(),
        "{unseen}\n    add a case that makes this mistake to fail/, or remove the message\n"
    );
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
    /// The start of the names of the cases that should show it.
    fn cases(&self) -> &str {
        self.place.split_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether a user saw it in `shown`, with anything in the place of `{..}`.
    fn is_in(&self, shown: &Shown) -> bool {
        shown.case.starts_with(self.cases())
            && self
                .fixed_parts()
                .iter()
                .try_fold(shown.text.as_str(), |rest, part| {
                    rest.split_once(part.as_str()).map(|(_, rest)| rest)
                })
                .is_some()
    }

    /// What is between the `{..}`.
    fn fixed_parts(&self) -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut chars = self.text.chars().peekable();
        while let Some(char) = chars.next() {
            match (char, chars.peek()) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    parts.last_mut().unwrap().extend(chars.next());
                }
                ('{', _) => {
                    chars.by_ref().find(|char| *char == '}');
                    parts.push(String::new());
                }
                _ => parts.last_mut().unwrap().push(char),
            }
        }
        parts
    }

    fn reads_like_rustc(&self) -> Result<(), &'static str> {
        for (index, line) in self.text.lines().enumerate() {
            let said = line.strip_prefix("help: ").or_else(|| line.strip_prefix("note: "));
            // A line that starts with `{..}` is put together from others.
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

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.lines().try_for_each(|line| writeln!(f, "        {line}"))
    }
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
            let is_message = text.contains(' ') && !OTHER_STRINGS.contains(&text.as_str());
            is_message.then(|| Message {
                place: format!("{path}:{}", string.span().start().line),
                text,
            })
        }));
    }
    messages
}

/// Those of the code itself: neither in attributes, documentation among them, nor in tests.
#[derive(Default)]
struct Strings(Vec<LitStr>);

impl Strings {
    /// What is inside of `format!`, `quote!` and their like.
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

/// One error of a case: what is said before the place.
struct Shown {
    case: String,
    text: String,
}

fn shown_messages() -> Vec<Shown> {
    let mut shown = Vec::new();
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fail"), "stderr") {
        let case = path.file_name().unwrap().display().to_string();
        let mut message: Option<String> = None;
        for line in fs::read_to_string(&path).unwrap().lines() {
            if line.starts_with("error") {
                message = Some(line.to_owned());
            } else if line.trim_start().starts_with("-->") {
                shown.extend(message.take().map(|text| Shown {
                    case: case.clone(),
                    text: text + "\n",
                }));
            } else if let Some(message) = &mut message {
                // rustc indents what follows the first line.
                message.push('\n');
                message.push_str(line.trim_start());
            }
        }
    }
    shown
}

/// The files below `folder`, in order.
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
