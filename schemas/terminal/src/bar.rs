//! A bar on a terminal: bytes, rate, and the time that is left where the total is known. Elsewhere
//! nothing is drawn.

use std::fmt::{Display, Write};
use std::io::{self, IsTerminal as _};

use bulla_schemas::units::bytes;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use terminal_size::{Width, terminal_size_of};

use crate::stderr;

/// A step whose end is not known.
const UNKNOWN: &str = "{msg:>9} {done} {rate} {spinner}";
/// A step whose end is known.
const KNOWN: &str = "{msg:>9} {wide_bar} {done}/{total} {rate} {eta}";
/// The same where no bar has room.
const NARROW: &str = "{msg} {done}/{total} {rate}";
/// Columns from which on a bar has room: what stands beside it takes up to 48.
const WIDE: u16 = 60;

/// A bar for one step, gone when it is dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Begins a step: a verb, `pack`. Nothing is drawn before there is something to tell.
    pub fn new(step: &'static str) -> Self {
        let bar = if io::stderr().is_terminal() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        Self(bar.with_style(style(UNKNOWN)).with_message(step))
    }

    /// Writes a note above the bar.
    pub fn note(&self, sentence: impl Display) {
        self.0.suspend(|| stderr::note(sentence));
    }

    /// Returns what writes sentences above the bar, for another thread.
    pub fn speaker(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let bar = self.0.clone();
        move |sentence| bar.suspend(|| stderr::say(sentence))
    }

    /// Removes the bar before it is dropped.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl bulla_bundle::Progress for Bar {
    fn start(&self, total_bytes: Option<u64>) {
        if let Some(total) = total_bytes {
            self.0.set_length(total);
            let columns = terminal_size_of(io::stderr()).map(|(Width(columns), _)| columns);
            let is_narrow = columns.is_some_and(|columns| columns < WIDE);
            self.0
                .set_style(style(if is_narrow { NARROW } else { KNOWN }));
        }
        self.0.reset();
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
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("done", |state: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&bytes(state.pos()));
        })
        .with_key("total", |state: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&bytes(state.len().unwrap_or_default()));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate is positive, and no one reads its fractions of a byte"
            )]
            let rate = state.per_sec() as u64;
            let _ = write!(out, "{}/s", bytes(rate));
        })
}
