//! The stack on which values are written and read.

/// How much stack must be left, in bytes, before a value is written or read. Each nested value takes some of it: the
/// functions between two checks keep about ten copies of the value that they return, so that a value of 16 KiB fits.
const LEAST_LEFT: usize = 256 << 10;

/// The size of a new stack in bytes. A new stack costs a system call or two, and memory only for the part that is used.
const NEW_STACK: usize = 4 << 20;

/// Calls `recurse` on this thread's stack, or on a new stack if little of this thread's stack is left.
///
/// How much stack a value takes depends on its type, on the compiler's optimizations and on the caller. So a limit of
/// the depth alone cannot keep a thread with a small stack from an overflow, which ends the process.
#[inline]
pub(super) fn with_stack<R>(recurse: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(LEAST_LEFT, NEW_STACK, recurse)
}
