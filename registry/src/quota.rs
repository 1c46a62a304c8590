//! How much each token may do in an hour, of what is kept for good or written to disk: whoever has
//! a token must not be able to fill the registry in a night.

use std::collections::HashMap;

use bulla_schemas::Timestamp;

const HOUR: i64 = 60 * 60;

/// What each token has done in its present hour.
#[derive(Debug)]
pub(crate) struct Quota {
    most: u32,
    hours: HashMap<String, Hour>,
}

#[derive(Debug)]
struct Hour {
    begun: i64,
    count: u32,
}

/// A token has done as much as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// How much that is.
    pub(crate) most: u32,
    /// In how many seconds its next hour begins.
    pub(crate) seconds: u32,
}

impl Quota {
    /// Lets every token do something `most` times in an hour.
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            hours: HashMap::new(),
        }
    }

    /// Counts something before it is done; refuses what is too much.
    pub(crate) fn take(&mut self, token: &str, now: Timestamp) -> Result<(), Exceeded> {
        let now = now.as_seconds();
        // Nothing is kept of tokens that rest: there are never more than were used in an hour.
        self.hours
            .retain(|_, hour| (0..HOUR).contains(&(now - hour.begun)));
        let hour = self.hours.entry(token.to_owned()).or_insert(Hour {
            begun: now,
            count: 0,
        });
        if hour.count >= self.most {
            return Err(Exceeded {
                most: self.most,
                seconds: u32::try_from(hour.begun + HOUR - now).unwrap_or(0),
            });
        }
        hour.count += 1;
        Ok(())
    }

    /// Takes back what was counted and not done.
    pub(crate) fn give_back(&mut self, token: &str) {
        if let Some(hour) = self.hours.get_mut(token) {
            hour.count = hour.count.saturating_sub(1);
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
        let expected = Exceeded {
            most: 2,
            seconds: 3000,
        };
        assert_eq!(refused, expected);
        quota.take("other", at(600)).unwrap();
        quota.take("ci", at(3600)).unwrap();
    }

    #[test]
    fn what_was_not_done_does_not_count() {
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
