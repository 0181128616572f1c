//! Ports that stay free while a node is down, so that the node can come back on the same port.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

/// Finds free ports on loopback. All of them are below the ports that systems use for outgoing connections, so that no
/// outgoing connection takes the port of a node that is down.
pub fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    // Each process starts its search at another port, so that two demos that run at the same time find different ports.
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
