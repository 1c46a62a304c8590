//! `Pulse`: whether everything that runs also gets on. A watchdog that only saw a thread alive would
//! not notice one that waits for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long anything may take between two signs of life. A hook and a health check may take an
/// hour, and say so when they begin.
const PATIENCE: Duration = Duration::from_mins(70);

/// The signs of life of all that runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<Beats>>);

#[derive(Debug, Default)]
struct Beats {
    next: u64,
    last: HashMap<u64, Instant>,
}

/// One thing that runs, until this is dropped.
#[derive(Debug)]
pub(super) struct Beat {
    pulse: Pulse,
    number: u64,
}

impl Pulse {
    /// Begins to expect signs of life.
    pub(super) fn begin(&self) -> Beat {
        let mut beats = self.lock();
        beats.next += 1;
        let number = beats.next;
        beats.last.insert(number, Instant::now());
        drop(beats);
        Beat {
            pulse: self.clone(),
            number,
        }
    }

    /// Tells whether all that runs has got on.
    pub(super) fn is_well(&self, now: Instant) -> bool {
        let beats = self.lock();
        let mut last = beats.last.values();
        last.all(|last| now.saturating_duration_since(*last) < PATIENCE)
    }

    fn lock(&self) -> MutexGuard<'_, Beats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beat {
    /// Gives a sign of life.
    pub(super) fn beat(&self) {
        self.pulse.lock().last.insert(self.number, Instant::now());
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.pulse.lock().last.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_does_not_get_on_is_enough() {
        let pulse = Pulse::default();
        let now = Instant::now();
        let (busy, stuck) = (pulse.begin(), pulse.begin());
        assert!(pulse.is_well(now));
        let later = now + PATIENCE + Duration::from_mins(1);
        assert!(!pulse.is_well(later));
        drop(stuck);
        assert!(!pulse.is_well(later));
        drop(busy);
        assert!(pulse.is_well(later));
    }
}
