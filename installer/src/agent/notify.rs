//! What systemd is told, where it started the agent: `sd_notify(3)`, with a watchdog that is tied to
//! progress.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::pulse::Pulse;

/// Tells systemd; elsewhere, nobody.
#[derive(Debug)]
pub(super) struct Notifier {
    is_told: bool,
    last_status: String,
}

impl Notifier {
    /// Begins to feed the watchdog, if there is one, as long as all that runs gets on.
    pub(super) fn start(pulse: Pulse) -> Self {
        if let Some(patience) = sd_notify::watchdog_enabled() {
            std::thread::spawn(move || feed(&pulse, patience / 2));
        }
        Self {
            is_told: true,
            last_status: String::new(),
        }
    }

    /// Tells nobody.
    pub(super) const fn none() -> Self {
        Self {
            is_told: false,
            last_status: String::new(),
        }
    }

    pub(super) fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Tells what is going on, when that is something new.
    pub(super) fn status(&mut self, status: &str) {
        if status != self.last_status {
            status.clone_into(&mut self.last_status);
            // Lines divide what systemd is told.
            let line = status.replace('\n', " ");
            self.tell(&[NotifyState::Status(&line)]);
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if self.is_told {
            // What systemd does not hear stops nothing.
            let _ = sd_notify::notify(states);
        }
    }
}

fn feed(pulse: &Pulse, interval: Duration) {
    loop {
        if pulse.is_well(Instant::now()) {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
        std::thread::sleep(interval);
    }
}
