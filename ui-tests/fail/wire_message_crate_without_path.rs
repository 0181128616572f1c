use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, crate)]
struct Message {
    id: u64,
}

fn main() {}
