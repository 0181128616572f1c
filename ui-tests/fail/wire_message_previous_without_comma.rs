use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Old(u64);

#[derive(WireMessage)]
#[wire(version = 2, previous(Old downgrade))]
struct Message {
    key: String,
    lease: u64,
}

impl From<Old> for Message {
    fn from(Old(lease): Old) -> Self {
        Self {
            key: String::new(),
            lease,
        }
    }
}

fn main() {}
