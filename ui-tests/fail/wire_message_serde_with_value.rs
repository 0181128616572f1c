use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, serde = true)]
struct Message {
    key: String,
}

fn main() {}
