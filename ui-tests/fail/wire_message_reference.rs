use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Message<'a> {
    key: &'a str,
    value: &'a [u8],
    note: Option<Vec<(u8, &'a str)>>,
}

fn main() {}
