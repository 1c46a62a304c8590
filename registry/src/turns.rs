//! Work of which only so much goes on at once, shared out by token: whoever has least of it comes
//! next, and no token has all of it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who works, and who waits.
#[derive(Debug)]
pub(crate) struct Turns {
    most: usize,
    most_of_token: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// How many turns each token has.
    taken: HashMap<String, usize>,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    token: String,
    turn: oneshot::Sender<Turn>,
}

/// The right to work; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    token: String,
}

impl Turns {
    pub(crate) fn new(most: usize, most_of_token: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_token,
            queue: Mutex::default(),
        })
    }

    /// Waits for a turn. None only when the registry ends.
    pub(crate) async fn take(self: &Arc<Self>, token: &str) -> Option<Turn> {
        let (turn, given) = oneshot::channel();
        self.queue().waiting.push_back(Waiting {
            token: token.to_owned(),
            turn,
        });
        self.give();
        given.await.ok()
    }

    /// Gives turns to those that wait, as far as there are any.
    fn give(self: &Arc<Self>) {
        while let Some(Waiting { token, turn }) = self.next() {
            let turns = Arc::clone(self);
            // One that went away meanwhile gives it back at once.
            drop(turn.send(Turn { turns, token }));
        }
    }

    /// Returns who comes next, and counts the turn.
    fn next(&self) -> Option<Waiting> {
        let mut queue = self.queue();
        if queue.taken.values().sum::<usize>() >= self.most {
            return None;
        }
        queue.waiting.retain(|one| !one.turn.is_closed());
        let taken = |token: &str| queue.taken.get(token).copied().unwrap_or(0);
        let waiting = queue.waiting.iter().enumerate();
        let (position, _) = waiting
            .map(|(position, one)| (position, taken(&one.token)))
            .filter(|(_, taken)| *taken < self.most_of_token)
            .min_by_key(|(_, taken)| *taken)?;
        let next = queue.waiting.remove(position)?;
        *queue.taken.entry(next.token.clone()).or_default() += 1;
        Some(next)
    }

    /// Returns how many wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.turns.queue();
        if let Some(taken) = queue.taken.get_mut(&self.token) {
            *taken -= 1;
            if *taken == 0 {
                queue.taken.remove(&self.token);
            }
        }
        drop(queue);
        self.turns.give();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Asks for a turn without waiting for it.
    macro_rules! ask {
        ($turns:expr, $token:expr) => {{
            let mut asked = Box::pin($turns.take($token));
            let answer = poll(&mut asked);
            (asked, answer)
        }};
    }

    fn poll<T>(future: &mut (impl Future<Output = Option<T>> + Unpin)) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => None,
        }
    }

    #[test]
    fn no_token_has_all_turns() {
        let turns = Turns::new(3, 2);
        let (_, first) = ask!(turns, "a");
        let (_, second) = ask!(turns, "a");
        assert!(first.is_some() && second.is_some());
        let (mut third, none) = ask!(turns, "a");
        assert!(none.is_none());
        let (_, other) = ask!(turns, "b");
        assert!(other.is_some());
        drop(other);
        assert!(poll(&mut third).is_none());
        drop(first);
        assert!(poll(&mut third).is_some());
    }

    #[test]
    fn whoever_has_least_comes_next() {
        let turns = Turns::new(2, 2);
        let (_, first) = ask!(turns, "a");
        let (_, second) = ask!(turns, "a");
        let (mut early, _) = ask!(turns, "a");
        let (mut late, _) = ask!(turns, "b");
        drop(first);
        assert!(poll(&mut early).is_none());
        let late = poll(&mut late);
        assert!(late.is_some());
        drop(second);
        assert!(poll(&mut early).is_some());
    }

    #[test]
    fn who_waits_no_longer_takes_no_turn() {
        let turns = Turns::new(1, 1);
        let (_, first) = ask!(turns, "a");
        let (gone, _) = ask!(turns, "b");
        let (told_and_gone, _) = ask!(turns, "c");
        let (mut last, _) = ask!(turns, "d");
        drop(gone);
        drop(first);
        // It was this one's turn before it went.
        drop(told_and_gone);
        assert!(poll(&mut last).is_some());
        assert!(turns.queue().taken.is_empty());
    }
}
