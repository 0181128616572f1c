use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Key(u64);

struct Value;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Message<T>(T);

fn main() {
    let _ = WireMessage::encode(&Message(Key(1)));
    let _ = WireMessage::encode(&Message(Value));
}
