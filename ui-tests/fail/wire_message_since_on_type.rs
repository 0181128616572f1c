use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1, since = 2)]
struct Message {
    key: String,
}

fn main() {}
