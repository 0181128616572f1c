use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
struct Message {
    id: u64,
}

// The derive implements the trait despite the mistake, so this use is not a second error.
fn main() {
    let _ = Message { id: 1 }.encode();
}
