//! Where nodes run.

use std::net::Ipv4Addr;

use super::ports::free_ports;

pub struct Host {
    /// Where a node that runs there serves.
    pub addr: String,
    /// What a program that is to run there is an argument of, where that differs from here.
    pub enter: Vec<String>,
}

/// Hosts that are all this machine, each with a free port on loopback.
pub fn loopback(count: usize) -> anyhow::Result<Vec<Host>> {
    let hosts = free_ports(count)?.into_iter().map(|port| Host {
        addr: format!("{}:{port}", Ipv4Addr::LOCALHOST),
        enter: Vec::new(),
    });
    Ok(hosts.collect())
}
