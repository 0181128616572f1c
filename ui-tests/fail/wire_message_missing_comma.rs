use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1 crate = openraft_toolkit)]
struct Message {
    id: u64,
}

fn main() {}
