use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
union Message {
    id: u64,
    bytes: [u8; 8],
}

// The derive implements the trait despite the mistake, so this use is not a second error.
fn main() {
    let _ = Message { id: 1 }.encode();
}
