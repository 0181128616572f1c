//! One run of a node, from its start until it crashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::handler::RpcHandler;
use crate::RaftTypes;

/// A node that its peers can reach.
pub(super) struct Registered<C: RaftTypes> {
    pub(super) raft: Arc<dyn RpcHandler<C>>,
    pub(super) process: Process,
}

/// One run of a node, from its start until it crashes.
#[derive(Clone, Default)]
pub(super) struct Process {
    crashed: Arc<AtomicBool>,
}

impl Process {
    pub(super) fn crash(&self) {
        self.crashed.store(true, Ordering::Release);
    }

    pub(super) fn is_crashed(&self) -> bool {
        self.crashed.load(Ordering::Acquire)
    }

    /// Returns whether both are the same run of a node.
    pub(super) fn is(&self, other: &Process) -> bool {
        Arc::ptr_eq(&self.crashed, &other.crashed)
    }
}

// Implemented by hand, because the derive would require `C: Clone`.
impl<C: RaftTypes> Clone for Registered<C> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            process: self.process.clone(),
        }
    }
}
