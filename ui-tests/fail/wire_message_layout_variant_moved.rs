use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1, layout(1 = "a4437690ad5ad786"))]
enum Message {
    Delete(String),
    Put(String),
}

fn main() {}
