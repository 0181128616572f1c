use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
#[repr(C, packed(2))]
struct Message(u8, u64);

fn main() {}
