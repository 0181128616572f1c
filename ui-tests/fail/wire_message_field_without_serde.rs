use openraft_toolkit::WireMessage;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Key(u64);

struct Value;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Message {
    key: Key,
    value: Value,
}

fn main() {}
