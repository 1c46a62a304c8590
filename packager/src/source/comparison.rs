//! `Comparison`: a work tree that is compared with its revision while other work goes on.

use std::panic;
use std::thread::{self, JoinHandle};

use super::SourceError;

/// A comparison under way. What was made in the meantime counts only once it has ended well.
#[must_use = "a checkout with changes must be refused"]
#[derive(Debug)]
pub struct Comparison(JoinHandle<Result<Vec<String>, SourceError>>);

impl Comparison {
    /// Begins to `compare`, which refuses changes and returns what a person should know.
    pub(super) fn begin(
        compare: impl FnOnce() -> Result<Vec<String>, SourceError> + Send + 'static,
    ) -> Self {
        Self(thread::spawn(compare))
    }

    /// Waits for the end.
    pub fn end(self) -> Result<Vec<String>, SourceError> {
        self.0
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    }
}
