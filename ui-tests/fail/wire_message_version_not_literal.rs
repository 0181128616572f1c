use openraft_toolkit::WireMessage;

const CURRENT: u8 = 1;

#[derive(WireMessage)]
#[wire(version = CURRENT)]
struct Message {
    id: u64,
}

fn main() {}
