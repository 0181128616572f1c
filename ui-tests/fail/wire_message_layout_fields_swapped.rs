use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1, layout(1 = "2623ac9c413f98fe"))]
struct Message {
    value: String,
    key: String,
}

fn main() {}
