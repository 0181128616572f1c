//! Ports that a node can come back on.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

/// Free ports on loopback, below those that systems hand out for outgoing connections: while a
/// node is down, nobody is given its port.
pub fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    // Each process starts its search elsewhere, so that two at a time find different ones.
    let first = 20_000 + (std::process::id() % 3_000) as u16 * 4;
    let ports: Vec<u16> = (first..32_768)
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .take(count)
        .collect();
    if ports.len() < count {
        bail!("no {count} free ports between {first} and 32768");
    }
    Ok(ports)
}
