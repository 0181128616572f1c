use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 256)]
struct Message {
    id: u64,
}

fn main() {}
