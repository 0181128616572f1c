use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
struct Message {
    id: u64,
}

// The trait is implemented all the same: this is no second error.
fn main() {
    let _ = Message { id: 1 }.encode();
}
