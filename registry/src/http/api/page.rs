//! Lists in parts: `?after=` takes the `next` of the page before, `?limit=` how many to show.

use bulla_schemas::api::Page;
use serde::Deserialize;

use crate::http::problem::Problem;

const USUAL: usize = 100;
const MOST: usize = 1000;

/// The query of every list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
}

impl PageQuery {
    /// Returns the name after which the page begins; names begin with a letter or digit.
    pub(super) fn after_name(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    /// Returns the entry of the log before which a page of newest entries begins.
    pub(super) fn before_entry(&self) -> Result<u64, Problem> {
        match &self.after {
            None => Ok(u64::MAX),
            Some(entry) => entry.parse().map_err(Problem::malformed),
        }
    }

    /// Takes a page from items that are in order and begin where it does.
    pub(super) fn take<T>(
        &self,
        items: impl Iterator<Item = T>,
        name: impl Fn(&T) -> String,
    ) -> Page<T> {
        let limit = self.limit.unwrap_or(USUAL).clamp(1, MOST);
        let mut items: Vec<T> = items.take(limit + 1).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        Page {
            next: items.last().filter(|_| more).map(name),
            items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_meet_without_gap_or_overlap() {
        let all: Vec<u64> = (0..250).rev().collect();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let query = PageQuery {
                after: after.clone(),
                limit: Some(60),
            };
            let before = query.before_entry().unwrap();
            let page = query.take(all.iter().copied().filter(|n| *n < before), u64::to_string);
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_page_has_at_least_one_item_and_not_too_many() {
        for (limit, expected) in [(Some(0), 1), (None, USUAL), (Some(usize::MAX), MOST)] {
            let query = PageQuery { after: None, limit };
            let page = query.take(0..5000, ToString::to_string);
            assert_eq!(page.items.len(), expected);
        }
    }
}
