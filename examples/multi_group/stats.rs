//! Measures the resources that this process uses.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft_toolkit::WireMessage;

/// Counts what all connections of this process have sent.
pub static TRAFFIC: Traffic = Traffic {
    messages: AtomicU64::new(0),
    writes: AtomicU64::new(0),
};

pub struct Traffic {
    messages: AtomicU64,
    writes: AtomicU64,
}

impl Traffic {
    /// Counts one write with `messages` messages.
    pub fn count(&self, messages: usize) {
        self.messages.fetch_add(messages as u64, Ordering::Relaxed);
        self.writes.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a process has used since its start, and what it holds at the moment. Values that come from Linux's `/proc` are
/// 0 on other systems.
#[derive(Clone, Copy, Debug, Default, WireMessage)]
#[wire(version = 1)]
pub struct Stats {
    /// Syncs of the WAL, for all groups together.
    pub fsyncs: u64,
    /// Requests and replies sent.
    pub messages: u64,
    /// The writes to sockets that carried these messages.
    pub socket_writes: u64,
    pub cpu_ms: u64,
    pub tasks: u64,
    pub threads: u64,
    pub file_handles: u64,
    pub memory_kib: u64,
    /// How long it took to open the database.
    pub opened_db_ms: u64,
    /// How long it then took to open all groups in the database.
    pub opened_groups_ms: u64,
}

impl Stats {
    /// Reads the values that any process has. The values that only a node has stay 0.
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

/// Returns the CPU time in milliseconds that this process has used, in user mode and in the kernel.
fn cpu_ms() -> Option<u64> {
    /// `USER_HZ` is 100 ticks per second on all common architectures.
    const MS_PER_TICK: u64 = 10;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Skip the name of the program, which is in parentheses and may contain any character.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * MS_PER_TICK)
}
