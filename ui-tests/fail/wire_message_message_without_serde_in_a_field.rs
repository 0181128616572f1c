use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Inner(u64);

#[derive(WireMessage)]
#[wire(version = 1)]
struct Message {
    inner: Inner,
}

fn main() {}
