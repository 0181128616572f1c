use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Old(u64);

#[derive(WireMessage)]
#[wire(version = 2, previous = Old)]
struct Message {
    key: String,
    lease: u64,
}

fn main() {}
