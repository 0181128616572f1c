use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version)]
struct Message {
    id: u64,
}

fn main() {}
