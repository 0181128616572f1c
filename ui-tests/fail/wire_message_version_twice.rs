use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
#[wire(version = 2)]
struct Message {
    id: u64,
}

fn main() {}
