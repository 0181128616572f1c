use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Message {
    key: String,
    #[wire(since = 1)]
    lease: u64,
}

fn main() {}
