//! How many bytes of requests or answers may be in memory at once: of all, and of those of one
//! token, so that no token keeps the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What may be in memory, and what is.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u64,
    most_of_token: u64,
    taken: Mutex<HashMap<String, u64>>,
}

/// Bytes that a request or an answer may hold; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    token: String,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(most: u64, most_of_token: u64) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_token,
            taken: Mutex::default(),
        })
    }

    /// Takes a share, if there is enough left.
    pub(crate) fn take(self: &Arc<Self>, token: &str, bytes: u64) -> Option<Share> {
        let mut shares = self.taken();
        let of_token = shares.get(token).copied().unwrap_or(0);
        let of_all: u64 = shares.values().sum();
        if of_token + bytes > self.most_of_token || of_all + bytes > self.most {
            return None;
        }
        shares.insert(token.to_owned(), of_token + bytes);
        Some(Share {
            budget: Arc::clone(self),
            token: token.to_owned(),
            bytes,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.budget.taken();
        let left = taken
            .get(&self.token)
            .map_or(0, |of_token| of_token - self.bytes);
        if left == 0 {
            taken.remove(&self.token);
        } else {
            taken.insert(self.token.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_holds_its_share_keeps_no_other_out() {
        let budget = Budget::new(10, 6);
        let first = budget.take("a", 4).unwrap();
        let second = budget.take("a", 2).unwrap();
        assert!(budget.take("a", 1).is_none());
        let other = budget.take("b", 4).unwrap();
        assert!(budget.take("c", 1).is_none(), "all of it is taken");
        drop(first);
        assert!(budget.take("a", 5).is_none());
        assert!(budget.take("a", 4).is_some());
        drop((second, other));
        assert!(budget.take("c", 6).is_some());
        assert!(budget.taken().is_empty());
    }
}
