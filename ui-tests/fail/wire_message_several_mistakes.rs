use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 0, rename = "m", version = 2, crate = 5)]
struct Message {
    #[wire(version = 1)]
    id: u64,
}

fn main() {}
