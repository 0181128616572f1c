use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(verison = 1)]
struct Message {
    id: u64,
}

fn main() {}
