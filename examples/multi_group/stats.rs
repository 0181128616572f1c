//! What this process uses.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft_toolkit::WireMessage;

/// What the connections of this process have sent.
pub static TRAFFIC: Traffic = Traffic {
    messages: AtomicU64::new(0),
    writes: AtomicU64::new(0),
};

pub struct Traffic {
    messages: AtomicU64,
    writes: AtomicU64,
}

impl Traffic {
    /// Counts a write of so many messages.
    pub fn count(&self, messages: usize) {
        self.messages.fetch_add(messages as u64, Ordering::Relaxed);
        self.writes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counters since the start of a process, and what it holds at the moment. What the system does not tell is 0:
/// `/proc` is Linux's.
#[derive(Clone, Copy, Debug, Default, WireMessage)]
#[wire(version = 1)]
pub struct Stats {
    /// Syncs of the WAL, for all groups together.
    pub fsyncs: u64,
    /// Requests and replies sent, and the writes to sockets that carried them.
    pub messages: u64,
    pub socket_writes: u64,
    pub cpu_ms: u64,
    pub tasks: u64,
    pub threads: u64,
    pub file_handles: u64,
    pub memory_kib: u64,
    /// How long it took to open the database, and then all groups in it.
    pub opened_db_ms: u64,
    pub opened_groups_ms: u64,
}

impl Stats {
    /// What can be told of any process.
    pub fn of_this_process() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let row = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Self {
            messages: TRAFFIC.messages.load(Ordering::Relaxed),
            socket_writes: TRAFFIC.writes.load(Ordering::Relaxed),
            cpu_ms: cpu_ms().unwrap_or_default(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64,
            threads: row("Threads:").unwrap_or_default(),
            file_handles: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
            memory_kib: row("VmRSS:").unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// The time that this process has run on any CPU, of both its own code and the kernel's.
fn cpu_ms() -> Option<u64> {
    /// `USER_HZ`, which is 100 on every architecture that matters.
    const MS_PER_TICK: u64 = 10;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * MS_PER_TICK)
}
