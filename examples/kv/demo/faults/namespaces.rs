//! A network of hosts on this machine, whose links can be cut in one direction.
//!
//! The demo runs in its own network namespace. Each node runs in another namespace, which is linked to the demo's
//! namespace. The demo's namespace routes packets between the nodes, and drops the packets of a cut link. This needs
//! `ip`, `unshare` and `nsenter`, and a kernel that lets users create namespaces. The namespaces have no names, so the
//! kernel removes them when the processes in them end.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, anyhow, bail, ensure};

use super::super::hosts::Host;
use crate::types::NodeId;

const PORT: u16 = 21_000;

/// Starts this program again in a new network namespace, with one more argument, in place of this process. Returns only
/// if that fails.
pub fn enter(argument: &str) -> anyhow::Error {
    let entered = || {
        // Try another program in a namespace first: once this process is replaced, it cannot report an error.
        run(isolated("ip").args(["link", "set", "lo", "up"]))?;
        let mut again = isolated(std::env::current_exe()?);
        again.args(std::env::args_os().skip(1)).arg(argument);
        Err(again.exec().into())
    };
    match entered() {
        Ok(never) => never,
        Err(error) => error,
    }
}

/// Returns a command that runs `program` as root in a new network namespace. Any user can run this command.
fn isolated(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net"]).arg(program);
    command
}

pub struct Namespaces {
    /// One process per node, which keeps the node's namespace while the node is down.
    keepers: Vec<Keeper>,
}

impl Namespaces {
    /// Creates a namespace for each node. All nodes reach each other.
    pub fn new(nodes: usize) -> anyhow::Result<Self> {
        ip("link set lo up", None)?;
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("cannot route between network namespaces")?;
        let mut keepers = Vec::new();
        for id in 1..=nodes as NodeId {
            let keeper = Keeper::start()?;
            let Subnet { node, router } = subnet(id);
            ip(
                &format!(
                    "link add node{id} type veth peer name eth0 netns {}\n\
                     address add {router}/24 dev node{id}\n\
                     link set node{id} up",
                    keeper.0.id()
                ),
                None,
            )?;
            ip(
                &format!(
                    "link set lo up\n\
                     address add {node}/24 dev eth0\n\
                     link set eth0 up\n\
                     route add default via {router}"
                ),
                Some(&keeper),
            )?;
            keepers.push(keeper);
        }
        Ok(Self { keepers })
    }

    /// Returns the hosts of the nodes.
    pub fn hosts(&self) -> Vec<Host> {
        let host = |(keeper, id): (&Keeper, NodeId)| Host {
            addr: format!("{}:{PORT}", subnet(id).node),
            enter: keeper.enter(),
        };
        self.keepers.iter().zip(1..).map(host).collect()
    }

    /// Drops silently what `from` sends to `to`, until [`restore`](Self::restore).
    pub fn cut(&self, from: NodeId, to: NodeId) -> anyhow::Result<()> {
        ip(&format!("rule add {}", dropped(from, to)), None)
    }

    pub fn restore(&self, from: NodeId, to: NodeId) -> anyhow::Result<()> {
        ip(&format!("rule del {}", dropped(from, to)), None)
    }
}

fn dropped(from: NodeId, to: NodeId) -> String {
    format!("from {} to {} blackhole", subnet(from).node, subnet(to).node)
}

/// The addresses at the two ends of a node's link.
struct Subnet {
    node: String,
    router: String,
}

fn subnet(id: NodeId) -> Subnet {
    Subnet {
        node: format!("10.77.{id}.2"),
        router: format!("10.77.{id}.1"),
    }
}

/// Runs `ip` with these commands, one per line, in this namespace or in the namespace of `within`.
fn ip(commands: &str, within: Option<&Keeper>) -> anyhow::Result<()> {
    let enter = within.map(Keeper::enter).unwrap_or_default();
    let mut line = enter.iter().map(String::as_str).chain(["ip", "-batch", "-"]);
    let mut ip = Command::new(line.next().unwrap_or_default());
    let mut child = ip
        .args(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("ip")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(commands.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "ip: {}", text(&output.stderr));
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().context(program.clone())?;
    ensure!(output.status.success(), "{program}: {}", text(&output.stderr));
    Ok(())
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim().replace('\n', "; ")
}

/// A process that does nothing but keep a namespace alive. It ends with the demo, however the demo ends.
struct Keeper(Child);

impl Keeper {
    fn start() -> anyhow::Result<Self> {
        let mut command = Command::new("unshare");
        let child = command
            .args(["--net", "sh", "-c", "echo; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Let only the demo receive Ctrl-C.
            .process_group(0)
            .spawn()
            .context("unshare")?;
        let mut keeper = Self(child);
        let stdout = keeper.0.stdout.take().ok_or_else(|| anyhow!("no stdout"))?;
        // The process prints a line when it is in the namespace.
        if BufReader::new(stdout).read_line(&mut String::new())? == 0 {
            bail!("unshare --net: {}", keeper.0.wait()?);
        }
        Ok(keeper)
    }

    fn enter(&self) -> Vec<String> {
        vec![
            "nsenter".into(),
            format!("--net=/proc/{}/ns/net", self.0.id()),
            "--".into(),
        ]
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::thread;
    use std::time::Duration;

    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

    use super::*;

    /// Set when the test already runs in its own namespace.
    const ISOLATED: &str = "OPENRAFT_TOOLKIT_ISOLATED";

    #[test]
    fn a_link_is_cut_in_one_direction() {
        if let Err(error) = run(isolated("ip").args(["link", "set", "lo", "up"])) {
            eprintln!("no network namespaces here: {error:#}");
            return;
        }
        if std::env::var_os(ISOLATED).is_none() {
            let this = "demo::faults::namespaces::tests::a_link_is_cut_in_one_direction";
            let mut test = isolated(std::env::current_exe().unwrap());
            return run(test.args([this, "--exact"]).env(ISOLATED, "yes")).unwrap();
        }

        let network = Namespaces::new(2).unwrap();
        let (one, two) = (socket(&network, 1), socket(&network, 2));
        assert!(arrives(&one, &two) && arrives(&two, &one));

        network.cut(1, 2).unwrap();
        assert!(!arrives(&one, &two));
        assert!(arrives(&two, &one));

        network.restore(1, 2).unwrap();
        assert!(arrives(&one, &two) && arrives(&two, &one));
    }

    /// Creates a socket in a node's namespace. A socket stays in the namespace in which it was created.
    fn socket(network: &Namespaces, id: NodeId) -> UdpSocket {
        let keeper = network.keepers[id as usize - 1].0.id();
        let make = move || {
            let namespace = File::open(format!("/proc/{keeper}/ns/net")).unwrap();
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            UdpSocket::bind((subnet(id).node.as_str(), PORT)).unwrap()
        };
        let socket = thread::spawn(make).join().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        socket
    }

    fn arrives(from: &UdpSocket, to: &UdpSocket) -> bool {
        from.send_to(b"?", to.local_addr().unwrap()).unwrap();
        to.recv(&mut [0]).is_ok()
    }
}
