//! A finding that is an error of a room below.

use bulla_schemas::outcome::Outcome;
use bulla_schemas::report::{Finding, Step};

/// What an error says, with what to do.
pub(crate) fn failed(step: Step, error: &(impl Outcome + 'static)) -> Finding {
    Finding::error(step, error, error.hint())
}
