//! Bars on a terminal: bytes, rate, and the time that is left where the total is known. Elsewhere
//! nothing is drawn.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// A bar for one step, gone when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Begins a step.
    pub(super) fn new(step: &'static str) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(style(
            "{msg:>9} {decimal_bytes} {decimal_bytes_per_sec} {spinner}",
        ));
        bar.set_message(step);
        Self(bar)
    }

    /// Returns what writes lines above the bar.
    pub(super) fn talk(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let bar = self.0.clone();
        move |line| bar.suspend(|| output::say(output::text(line)))
    }
}

impl bulla_bundle::Progress for Bar {
    fn start(&self, total_bytes: Option<u64>) {
        if let Some(total) = total_bytes {
            self.0.set_length(total);
            self.0.set_style(style(
                "{msg:>9} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
            ));
        }
        self.0.tick();
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
