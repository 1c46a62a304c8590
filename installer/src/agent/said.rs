//! What the agent has said of a project: the same at every look would hide what else is said.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// After how long it is said again, to people who read only what is new.
const REMINDER: Duration = Duration::from_hours(6);

/// The sentences of the last look at a project, with when each was said, and those of this one.
#[derive(Debug, Default)]
pub(super) struct Said {
    before: BTreeMap<String, Instant>,
    now: BTreeMap<String, Instant>,
}

impl Said {
    /// Takes a sentence, and tells whether to say it: the last look did not come to it, or that was
    /// long ago.
    pub(super) fn is_news(&mut self, sentence: &str, now: Instant) -> bool {
        let before = self.before.get(sentence).copied();
        let recent = before.filter(|at| now.saturating_duration_since(*at) < REMINDER);
        self.now.insert(sentence.to_owned(), recent.unwrap_or(now));
        recent.is_none()
    }

    /// Ends a look.
    pub(super) fn end(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_and_again_after_it_changed_or_after_a_long_time() {
        let mut said = Said::default();
        let begun = Instant::now();
        let mut look = |sentences: &[&str], seconds| {
            let now = begun + Duration::from_secs(seconds);
            let news: Vec<_> = sentences
                .iter()
                .filter(|sentence| said.is_news(sentence, now))
                .map(|sentence| (*sentence).to_owned())
                .collect();
            said.end();
            news
        };
        assert_eq!(look(&["out", "full"], 0), ["out", "full"]);
        assert_eq!(look(&["out", "full"], 10), [""; 0]);
        assert_eq!(look(&["out", "busy"], 20), ["busy"]);
        assert_eq!(look(&["out"], 30), [""; 0]);
        assert_eq!(look(&["out", "busy"], 40), ["busy"]);
        let hours = 6 * 60 * 60;
        assert_eq!(look(&["out", "busy"], hours), ["out"]);
        assert_eq!(look(&["out"], hours + 10), [""; 0]);
        look(&[], hours + 20);
        assert_eq!(look(&["out"], hours + 30), ["out"]);
    }
}
