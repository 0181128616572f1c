//! The hosts on which nodes run.

use std::net::Ipv4Addr;

use super::ports::free_ports;

pub struct Host {
    /// The address at which a node on this host serves.
    pub addr: String,
    /// The command line that enters the host, in front of the program that is to run there. Empty if the host is this
    /// machine.
    pub enter: Vec<String>,
}

/// Returns hosts that are all this machine, each with a free port on loopback.
pub fn loopback(count: usize) -> anyhow::Result<Vec<Host>> {
    let hosts = free_ports(count)?.into_iter().map(|port| Host {
        addr: format!("{}:{port}", Ipv4Addr::LOCALHOST),
        enter: Vec::new(),
    });
    Ok(hosts.collect())
}
