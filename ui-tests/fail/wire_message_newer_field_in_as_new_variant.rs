use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1)]
enum Message {
    Put(String),
    #[wire(since = 2)]
    Touch {
        key: String,
        #[wire(since = 2)]
        lease: u64,
    },
}

fn main() {}
