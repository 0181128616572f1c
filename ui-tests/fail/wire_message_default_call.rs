use openraft_toolkit::WireMessage;

#[derive(PartialEq, serde::Serialize, serde::Deserialize)]
struct Lease(u64);

#[derive(WireMessage)]
#[wire(version = 2, min_version = 1)]
struct Message {
    key: String,
    #[wire(since = 2, default = Lease::none())]
    lease: Lease,
}

fn main() {}
