use std::borrow::Cow;

use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Old<'a> {
    key: Cow<'a, str>,
}

#[derive(WireMessage)]
#[wire(version = 3, previous = Old<'a>)]
struct New<'a> {
    key: Cow<'a, str>,
}

impl<'a> From<Old<'a>> for New<'a> {
    fn from(Old { key }: Old<'a>) -> Self {
        Self { key }
    }
}

fn main() {}
