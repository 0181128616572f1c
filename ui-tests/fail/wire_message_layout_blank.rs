use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, layout(1 = ""))]
struct Message {
    key: String,
}

fn main() {}
