use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1)]
enum Message {
    Put(String),
    #[wire(since = 2, default = none, lossy)]
    Touch(String),
}

fn main() {}
