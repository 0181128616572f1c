use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(min_version = 1)]
struct Message {
    key: String,
    #[wire(since = 2)]
    lease: u64,
}

fn main() {}
