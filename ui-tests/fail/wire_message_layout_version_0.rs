use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, layout(0 = "139e8ea79600d208"))]
struct Message {
    key: String,
}

fn main() {}
