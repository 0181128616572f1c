use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 3)]
struct Message {
    key: String,
    #[wire(since = 3)]
    lease: u64,
}

fn main() {}
