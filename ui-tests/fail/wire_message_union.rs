use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
union Message {
    id: u64,
    bytes: [u8; 8],
}

// The trait is implemented all the same: this is no second error.
fn main() {
    let _ = Message { id: 1 }.encode();
}
