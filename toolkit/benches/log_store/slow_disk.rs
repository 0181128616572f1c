//! Simulates a disk whose syncs take long.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

static MILLIS: AtomicU64 = AtomicU64::new(0);

/// Runs `run` while each sync takes at least `millis` milliseconds.
pub(crate) fn while_syncs_take<T>(millis: u64, run: impl FnOnce() -> T) -> T {
    MILLIS.store(millis, Ordering::SeqCst);
    let result = run();
    MILLIS.store(0, Ordering::SeqCst);
    result
}

/// Replaces the `fdatasync` of the C library in this program. RocksDB calls this function too, because it is linked
/// into the program.
///
/// # Safety
///
/// The same as for the `fdatasync` of the C library.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    let start = Instant::now();
    // SAFETY: the caller keeps the contract of `fdatasync`.
    let synced = unsafe { libc::syscall(libc::SYS_fdatasync, fd) };
    let least = Duration::from_millis(MILLIS.load(Ordering::Relaxed));
    thread::sleep(least.saturating_sub(start.elapsed()));
    synced as c_int
}
