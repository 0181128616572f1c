use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 0)]
struct Message {
    key: String,
    #[wire(since = 2)]
    lease: u64,
}

fn main() {}
