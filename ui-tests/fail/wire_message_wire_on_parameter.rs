use openraft_toolkit::WireMessage;

#[derive(WireMessage)]
#[wire(version = 1)]
struct Message<#[wire(version = 2)] T>(T);

fn main() {}
