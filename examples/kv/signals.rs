//! Waits until the process should stop.

use tokio::signal;

/// Returns when the process is asked to end: on Ctrl-C, and on Unix on SIGTERM or SIGHUP too.
pub async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let wait_for = |kind| async move {
            match signal(kind) {
                Ok(mut signals) => signals.recv().await,
                // Without a handler, the signal ends the process.
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

/// Returns when the process is asked to end. With `exit_with_stdin`, also returns when its standard input is
/// closed, which happens when the process that started it ends.
pub async fn stop_requested(exit_with_stdin: bool) {
    if !exit_with_stdin {
        return asked_to_stop().await;
    }
    let (closed, stdin_closed) = tokio::sync::oneshot::channel();
    // Read on a thread outside tokio: the read may never end, and tokio's runtime waits for its own blocking threads at
    // exit.
    std::thread::spawn(move || {
        let ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        closed.send(ended)
    });
    tokio::select! {
        () = asked_to_stop() => {}
        _ = stdin_closed => {}
    }
}
