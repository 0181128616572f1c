//! A progress bar. Without a terminal, it prints a line per second instead.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::sleep;

#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    _lines: Arc<Lines>,
}

impl Progress {
    pub fn new(what: &'static str, total: u64) -> Self {
        let bar = ProgressBar::new(total).with_message(what);
        // The template is a valid constant, so the default style is never used.
        if let Ok(style) = ProgressStyle::with_template("  {bar:40} {human_pos}/{human_len} {msg}, {per_sec:0}") {
            bar.set_style(style);
        }
        let lines = bar.is_hidden().then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                loop {
                    sleep(Duration::from_secs(1)).await;
                    println!("  {} of {} {what}", HumanCount(bar.position()), HumanCount(total));
                }
            })
        });
        Self {
            bar,
            _lines: Arc::new(Lines(lines)),
        }
    }

    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

struct Lines(Option<JoinHandle<()>>);

impl Drop for Lines {
    fn drop(&mut self) {
        if let Some(lines) = &self.0 {
            lines.abort();
        }
    }
}
