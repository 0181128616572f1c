use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1)]
enum Message {
    Put {
        #[wire]
        key: String,
    },
    #[wire]
    Touch,
}

fn main() {}
