use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire()]
struct Message {
    id: u64,
}

fn main() {}
