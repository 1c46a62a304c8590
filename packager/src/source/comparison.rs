//! `Comparison`: a work tree that is compared with its revision while other work goes on.

use std::io;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::SourceError;

/// A comparison under way. What was made in the meantime counts only once it has ended well.
#[must_use = "a checkout with changes must be refused"]
#[derive(Debug)]
pub struct Comparison {
    thread: JoinHandle<Result<Vec<String>, SourceError>>,
    refusal: Refusal,
}

/// Tells those who read the revision that they may as well stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal(Arc<AtomicBool>);

impl Comparison {
    /// Begins to `compare`, which refuses changes and returns what a person should know.
    pub(super) fn begin(
        compare: impl FnOnce() -> Result<Vec<String>, SourceError> + Send + 'static,
    ) -> Self {
        let refusal = Refusal::default();
        let Refusal(refused) = refusal.clone();
        let thread = thread::spawn(move || {
            let compared = compare();
            refused.store(compared.is_err(), Ordering::Relaxed);
            compared
        });
        Self { thread, refusal }
    }

    /// Returns what becomes known when the comparison refuses.
    pub(super) fn refusal(&self) -> Refusal {
        self.refusal.clone()
    }

    /// Waits for the end.
    pub fn end(self) -> Result<Vec<String>, SourceError> {
        self.thread
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    }
}

impl Refusal {
    /// Fails once the comparison has refused; its own error says why.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::Error::other("the work tree has changes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse() -> Result<Vec<String>, SourceError> {
        Err(SourceError::NoRepository {
            directory: "/checkout".into(),
        })
    }

    #[test]
    fn a_refusal_reaches_those_who_read() {
        let comparison = Comparison::begin(refuse);
        let refusal = comparison.refusal();
        comparison.end().unwrap_err();
        refusal.check().unwrap_err();
    }

    #[test]
    fn nothing_stops_before_the_end_or_after_a_good_one() {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let comparison = Comparison::begin(move || {
            wait.recv().unwrap();
            Ok(vec!["a warning".to_owned()])
        });
        let refusal = comparison.refusal();
        refusal.check().unwrap();
        release.send(()).unwrap();
        assert_eq!(comparison.end().unwrap(), ["a warning"]);
        refusal.check().unwrap();
    }
}
