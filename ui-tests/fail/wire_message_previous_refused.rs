use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, serde)]
struct Old {
    key: &'static str,
}

#[derive(WireMessage)]
#[wire(version = 2, serde, previous(Old, downgrade))]
struct New {
    key: String,
}

impl From<Old> for New {
    fn from(old: Old) -> Self {
        Self { key: old.key.to_owned() }
    }
}

impl From<&New> for Old {
    fn from(_: &New) -> Self {
        Self { key: "" }
    }
}

fn main() {
    let _ = New { key: String::new() }.encode();
}
