//! When to stop.

use tokio::signal;

/// Returns when the process is asked to end: Ctrl-C, and on Unix also SIGTERM and SIGHUP.
pub async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let wait_for = |kind| async move {
            match signal(kind) {
                Ok(mut signals) => signals.recv().await,
                // No handler: the signal ends the process by itself.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = wait_for(SignalKind::interrupt()) => {}
            _ = wait_for(SignalKind::terminate()) => {}
            _ = wait_for(SignalKind::hangup()) => {}
        }
    }
    #[cfg(not(unix))]
    if signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
