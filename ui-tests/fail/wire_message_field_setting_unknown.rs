use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1)]
struct Message {
    key: String,
    #[wire(since = 2, rename = "l")]
    lease: u64,
}

fn main() {}
