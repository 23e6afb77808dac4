//! The progress bar: on a terminal, for work over a second.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rowmill::{EngineBuilder, Progress};

use crate::table::{human_bytes, human_rate, human_time};

/// The delay before the bar appears.
const DELAY: Duration = Duration::from_secs(1);

/// A progress bar on stderr that appears when a job takes long, and disappears when dropped.
pub(crate) struct Bar {
    shown: Arc<Mutex<Option<ProgressBar>>>,
    wanted: bool,
}

impl Bar {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { shown: Arc::default(), wanted: wanted && std::io::stderr().is_terminal() }
    }

    /// Lets the jobs of an engine move the bar.
    pub(crate) fn watch(&self, builder: EngineBuilder) -> EngineBuilder {
        if !self.wanted {
            return builder;
        }
        let shown = Arc::clone(&self.shown);
        builder.progress(move |progress| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            if shown.is_none() && progress.elapsed < DELAY {
                return;
            }
            let bar = shown.get_or_insert_with(hidden_bar);
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            bar.set_prefix(progress.job);
            bar.set_message(status(progress));
            if bar.is_hidden() {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = &*shown {
            bar.finish_and_clear();
        }
    }
}

/// A bar that stays hidden until its first update.
fn hidden_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{wide_bar}] {percent:>3}%  {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    ProgressBar::hidden().with_style(style)
}

fn status(progress: &Progress) -> String {
    format_status(progress.done, progress.total, progress.elapsed.as_secs_f64())
}

/// Formats the status: `1.2 GB of 4.0 GB, 3.10 GB/s, 1 s left`.
fn format_status(done: u64, total: u64, seconds: f64) -> String {
    let mut text = format!("{} of {}", human_bytes(done), human_bytes(total));
    if done > 0 {
        let left = (seconds / done as f64 * total.saturating_sub(done) as f64).ceil();
        let time = if left < 60.0 { format!("{left} s") } else { human_time(left) };
        text = format!("{text}, {}, {time} left", human_rate(done, seconds));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_has_amount_rate_and_time_left() {
        assert_eq!(format_status(0, 4_000_000_000, 0.0), "0 B of 4.0 GB");
        let half = format_status(2_000_000_000, 4_000_000_000, 90.5);
        assert_eq!(half, "2.0 GB of 4.0 GB, 0.02 GB/s, 1 min 31 s left");
        let most = format_status(3_000_000_000, 4_000_000_000, 1.5);
        assert_eq!(most, "3.0 GB of 4.0 GB, 2.00 GB/s, 1 s left");
    }
}
