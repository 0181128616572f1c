//! The hosts on which nodes run.

use std::net::Ipv4Addr;

use super::ports::free_ports;

pub struct Host {
    /// The address at which a node on this host serves.
    pub addr: String,
    /// The start of a command line, after which comes the program to run on the host. Empty if the host is this
    /// machine.
    pub enter: Vec<String>,
}

/// Returns `count` hosts. Each host is this machine, with its own free port on loopback.
pub fn loopback(count: usize) -> anyhow::Result<Vec<Host>> {
    let hosts = free_ports(count)?.into_iter().map(|port| Host {
        addr: format!("{}:{port}", Ipv4Addr::LOCALHOST),
        enter: Vec::new(),
    });
    Ok(hosts.collect())
}
