use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 3, min_version = 2)]
struct Message {
    key: String,
    #[wire(since = 2)]
    lease: u64,
}

fn main() {}
