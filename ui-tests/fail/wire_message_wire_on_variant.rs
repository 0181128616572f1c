use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
enum Message {
    #[wire(version = 2)]
    Ping,
}

fn main() {}
