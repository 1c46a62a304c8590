//! How many entries each token may append in an hour: a log only grows, so that whoever has a token
//! must not be able to fill it in a night.

use std::collections::HashMap;

use bulla_schemas::Timestamp;

use super::LogError;

const HOUR: i64 = 60 * 60;

/// What each token has appended in its present hour.
#[derive(Debug)]
pub(crate) struct Quota {
    most: u32,
    hours: HashMap<String, Hour>,
}

#[derive(Debug)]
struct Hour {
    begun: i64,
    entries: u32,
}

impl Quota {
    /// Lets every token append `most` entries in an hour.
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            hours: HashMap::new(),
        }
    }

    /// Counts an entry before it is appended; refuses one too many.
    pub(super) fn take(&mut self, token: &str, now: Timestamp) -> Result<(), LogError> {
        let now = now.as_seconds();
        // Nothing is kept of tokens that rest: there are never more than were used in an hour.
        self.hours
            .retain(|_, hour| (0..HOUR).contains(&(now - hour.begun)));
        let hour = self.hours.entry(token.to_owned()).or_insert(Hour {
            begun: now,
            entries: 0,
        });
        if hour.entries >= self.most {
            return Err(LogError::TooManyEntries {
                most: self.most,
                seconds: u32::try_from(hour.begun + HOUR - now).unwrap_or(0),
            });
        }
        hour.entries += 1;
        Ok(())
    }

    /// Takes back an entry that was counted and not appended.
    pub(super) fn give_back(&mut self, token: &str) {
        if let Some(hour) = self.hours.get_mut(token) {
            hour.entries = hour.entries.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_000_000 + second).unwrap()
    }

    #[test]
    fn a_token_goes_on_when_its_hour_is_over() {
        let mut quota = Quota::new(2);
        quota.take("ci", at(0)).unwrap();
        quota.take("ci", at(10)).unwrap();
        let refused = quota.take("ci", at(600)).unwrap_err();
        assert!(
            matches!(
                refused,
                LogError::TooManyEntries {
                    most: 2,
                    seconds: 3000
                }
            ),
            "{refused}"
        );
        quota.take("other", at(600)).unwrap();
        quota.take("ci", at(3600)).unwrap();
    }

    #[test]
    fn what_was_not_appended_does_not_count() {
        let mut quota = Quota::new(1);
        quota.take("ci", at(0)).unwrap();
        quota.give_back("ci");
        quota.take("ci", at(1)).unwrap();
        quota.take("ci", at(2)).unwrap_err();
    }

    #[test]
    fn a_clock_that_was_set_back_locks_no_token_out() {
        let mut quota = Quota::new(1);
        quota.take("ci", at(100_000)).unwrap();
        quota.take("ci", at(0)).unwrap();
    }
}
