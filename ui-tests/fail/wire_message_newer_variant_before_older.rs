use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 3, min_version = 1)]
enum Message {
    Put(String),
    #[wire(since = 2)]
    Touch(String),
    Delete(String),
    #[wire(since = 3)]
    Clear,
    #[wire(since = 2)]
    Move,
}

fn main() {}
