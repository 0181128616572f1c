//! A disk whose syncs take long.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

static MILLIS: AtomicU64 = AtomicU64::new(0);

/// Runs `run` while each sync takes so many milliseconds, at the least.
pub(crate) fn while_syncs_take<T>(millis: u64, run: impl FnOnce() -> T) -> T {
    MILLIS.store(millis, Ordering::SeqCst);
    let result = run();
    MILLIS.store(0, Ordering::SeqCst);
    result
}

/// Stands before the system's own, for RocksDB as well, which is linked into this program.
///
/// # Safety
///
/// That of the system's.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    let start = Instant::now();
    // SAFETY: as the caller promises.
    let synced = unsafe { libc::syscall(libc::SYS_fdatasync, fd) };
    let least = Duration::from_millis(MILLIS.load(Ordering::Relaxed));
    thread::sleep(least.saturating_sub(start.elapsed()));
    synced as c_int
}
