use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1)]
struct Message {
    key: String,
    #[wire(lossy)]
    lease: u64,
}

fn main() {}
