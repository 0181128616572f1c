use openraft_toolkit::WireMessage;

struct Message;

fn send<M: WireMessage>(_: M) {}

fn main() {
    send(Message);
}
