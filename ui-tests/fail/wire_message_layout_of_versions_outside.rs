use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 3, min_version = 2, layout(1 = "139e8ea79600d208", 2 = "139e8ea79600d208", 4 = "139e8ea79600d208"))]
struct Message {
    key: String,
}

fn main() {}
