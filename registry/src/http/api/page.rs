//! Lists in parts: `?after=` takes the `next` of the page before, `?limit=` how many to show.

use bulla_schemas::api::Page;
use serde::{Deserialize, Serialize};

use crate::http::problem::Problem;

const USUAL: usize = 100;
const MOST: usize = 1000;
/// Most bytes in a page, unless a single item has more: all of it is in memory while it is sent.
pub(super) const MOST_BYTES: usize = 512 * 1024;

/// The query of every list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
}

impl PageQuery {
    /// Asks for no more than `most` items.
    pub(in crate::http) fn at_most(self, most: u32) -> Self {
        let most = most as usize;
        Self {
            limit: Some(self.limit.unwrap_or(USUAL).min(most)),
            ..self
        }
    }

    /// Returns the name after which the page begins; names begin with a letter or digit.
    pub(super) fn after_name(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    /// Returns the entry of the log before which a page of newest entries begins.
    pub(in crate::http) fn before_entry(&self) -> Result<u64, Problem> {
        match &self.after {
            None => Ok(u64::MAX),
            Some(entry) => entry.parse().map_err(Problem::malformed),
        }
    }

    /// Takes a page from items that are in order and begin where it does.
    pub(in crate::http) fn take<T: Serialize>(
        &self,
        items: impl Iterator<Item = T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Problem> {
        let limit = self.limit.unwrap_or(USUAL).clamp(1, MOST);
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let mut bytes = 0;
        for item in items {
            bytes += serde_json::to_vec(&item).map_err(Problem::internal)?.len();
            let is_full = page.items.len() == limit || bytes > MOST_BYTES;
            if let Some(last) = page.items.last().filter(|_| is_full) {
                page.next = Some(name(last));
                break;
            }
            page.items.push(item);
        }
        Ok(page)
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
            let items = all.iter().copied().filter(|n| *n < before);
            let page = query.take(items, u64::to_string).unwrap();
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
            let page = query.take(0..5000, ToString::to_string).unwrap();
            assert_eq!(page.items.len(), expected);
        }
    }

    #[test]
    fn a_page_of_long_items_is_short() {
        let long = "x".repeat(MOST_BYTES / 3);
        let query = PageQuery::default();
        let names = || (0..10).map(|position| format!("{position}{long}"));
        let page = query.take(names(), |name| name[..1].to_owned()).unwrap();
        assert_eq!((page.items.len(), page.next.as_deref()), (2, Some("1")));
        let longer = std::iter::repeat_n("y".repeat(2 * MOST_BYTES), 2);
        let page = query.take(longer, |_| "y".to_owned()).unwrap();
        assert_eq!((page.items.len(), page.next.as_deref()), (1, Some("y")));
    }
}
