use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, rename = "m")]
struct Message {
    id: u64,
}

fn main() {}
