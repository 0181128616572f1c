//! Where nodes run.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

pub struct Host {
    /// Where a node that runs there serves.
    pub addr: String,
    /// What a program that is to run there is an argument of, where that differs from here.
    pub enter: Vec<String>,
}

/// Hosts that are all this machine, each with a free port on loopback, below those that systems hand out
/// for outgoing connections: while a node is down, nobody is given its port.
pub fn loopback(count: usize) -> anyhow::Result<Vec<Host>> {
    // Each process starts its search elsewhere, so that two at a time find different ones.
    let first = 20_000 + (std::process::id() % 3_000) as u16 * 4;
    let hosts: Vec<Host> = (first..32_768)
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .take(count)
        .map(|port| Host {
            addr: format!("{}:{port}", Ipv4Addr::LOCALHOST),
            enter: Vec::new(),
        })
        .collect();
    if hosts.len() < count {
        bail!("no {count} free ports between {first} and 32768");
    }
    Ok(hosts)
}
