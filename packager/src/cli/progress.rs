//! Bars on a terminal: bytes, rate, and the time that is left where the total is known. Elsewhere
//! nothing is drawn.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// A step whose end is not known.
const UNKNOWN: &str = "{msg:>9} {decimal_bytes} {decimal_bytes_per_sec} {spinner}";
/// A step whose end is known.
const KNOWN: &str =
    "{msg:>9} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}";
/// The same where no bar has room.
const NARROW: &str = "{msg} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}";
/// Columns from which on a bar has room: what stands beside it takes up to 48.
const WIDE: u16 = 60;

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
        // Nothing is drawn before there is something to tell.
        Self(bar.with_style(style(UNKNOWN)).with_message(step))
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
            let is_narrow = columns().is_some_and(|columns| columns < WIDE);
            self.0
                .set_style(style(if is_narrow { NARROW } else { KNOWN }));
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

/// Returns how wide the terminal is, where that can be asked.
#[cfg(target_os = "linux")]
fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    // A terminal that does not know says 0.
    (size.ws_col > 0).then_some(size.ws_col)
}

#[cfg(not(target_os = "linux"))]
const fn columns() -> Option<u16> {
    None
}
