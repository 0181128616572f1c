use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1, layout(1 = "2623ac9c413f98fe", 2 = "2623ac9c413f98fe"))]
struct Message {
    key: String,
}

fn main() {}
