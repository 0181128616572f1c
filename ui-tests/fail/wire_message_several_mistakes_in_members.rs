use openraft_toolkit::WireMessage;

struct Value;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1, serd)]
enum Message {
    #[wire(version = 3)]
    Put {
        #[wire(since = 5)]
        key: String,
        #[wire(since = 2, default = 7)]
        value: Value,
    },
    #[wire(since = "2")]
    Touch(#[wire(lossy)] u64),
    Held(&'static str),
}

// The derive implements the trait despite the mistake, so this use is not a second error.
fn is_message<T: WireMessage>() {}

fn uses() {
    is_message::<Message>();
}

fn main() {}
