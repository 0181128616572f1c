use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Message {
    #[wire(version = 1)]
    id: u64,
}

fn main() {}
