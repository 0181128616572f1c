use openraft_toolkit::WireMessage;

#[derive(serde::Serialize, WireMessage)]
#[wire(version = 1, serde)]
struct Message(u64);

fn main() {}
