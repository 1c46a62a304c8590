//! In which order registries are asked for the same bytes, and how long each is waited for.
//!
//! ```text
//! first    5 s ----- (nothing)                      60 s --------------ok
//! second              5 s ---- (it lacks the bundle)
//! ```
//!
//! While there is another one to ask, nobody is waited for long; who was given up for that is asked
//! once more when no other is left.

use std::collections::VecDeque;

use bulla_registry_client::Patience;

use crate::fetch::Supply;

/// Who is asked, and who comes next.
pub(super) struct Order<'a> {
    /// Who was not asked yet, the next first.
    waiting: VecDeque<&'a Supply>,
    /// Who was given up, and is asked once more.
    given_up: VecDeque<&'a Supply>,
    /// Who is asked, and how long it is waited for.
    asked: Option<(&'a Supply, Patience)>,
}

impl<'a> Order<'a> {
    /// Those that did not answer before come last, so that a command waits for them once.
    pub(super) fn of(supplies: &'a [Supply]) -> Self {
        let (away, here): (Vec<_>, Vec<_>) = supplies.iter().partition(|one| one.is_away());
        Self {
            waiting: here.into_iter().chain(away).collect(),
            given_up: VecDeque::new(),
            asked: None,
        }
    }

    /// Goes on to the next one, and says to it how long it is waited for.
    pub(super) fn next(&mut self) -> Option<&'a Supply> {
        let (supply, patience) = match self.waiting.pop_front() {
            Some(first) => (first, patience(self.peek().is_some())),
            None => (self.given_up.pop_front()?, Patience::Full),
        };
        self.asked = Some((supply, patience));
        supply.set_patience(patience);
        Some(supply)
    }

    /// Who was asked last has nothing; `wants_patience` where it may have after more time.
    pub(super) fn fail(&mut self, wants_patience: bool) {
        if let Some((supply, Patience::Short)) = self.asked.take()
            && wants_patience
        {
            self.given_up.push_back(supply);
        }
    }

    /// Returns who comes next.
    pub(super) fn peek(&self) -> Option<&'a Supply> {
        self.waiting.front().or(self.given_up.front()).copied()
    }
}

/// Returns how long a registry is waited for where another one may be asked.
pub(super) const fn patience(can_ask_another: bool) -> Patience {
    if can_ask_another {
        Patience::Short
    } else {
        Patience::Full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Registries at the ports 1, 2, ...
    fn registries(count: u16) -> Vec<Supply> {
        let url = |port: u16| format!("http://localhost:{port}").parse().unwrap();
        (1..=count)
            .map(|port| Supply::registry(url(port), None).unwrap())
            .collect()
    }

    /// Who is asked in turn, and how long it is waited for, where those at some ports are silent and
    /// the others have nothing.
    fn all(supplies: &[Supply], silent: &[u16]) -> Vec<(u16, Patience)> {
        let (mut order, mut asked) = (Order::of(supplies), Vec::new());
        while let Some(supply) = order.next() {
            let port = supply.url().unwrap().port().unwrap();
            asked.push((port, order.asked.unwrap().1));
            order.fail(silent.contains(&port));
        }
        asked
    }

    #[test]
    fn who_is_silent_is_given_up_soon_and_asked_again_when_nobody_else_is_left() {
        use Patience::{Full, Short};
        let asked = |count, silent: &[u16]| all(&registries(count), silent);
        assert_eq!(asked(1, &[]), [(1, Full)]);
        assert_eq!(asked(1, &[1]), [(1, Full)]);
        assert_eq!(asked(2, &[]), [(1, Short), (2, Full)]);
        assert_eq!(asked(2, &[1]), [(1, Short), (2, Short), (1, Full)]);
        assert_eq!(asked(2, &[2]), [(1, Short), (2, Full)]);
        assert_eq!(
            asked(3, &[1, 2, 3]),
            [
                (1, Short),
                (2, Short),
                (3, Short),
                (1, Full),
                (2, Full),
                (3, Full)
            ]
        );
    }

    #[test]
    fn who_was_away_is_asked_last() {
        let supplies = registries(3);
        supplies[0].set_away(true);
        let asked: Vec<_> = all(&supplies, &[])
            .into_iter()
            .map(|(port, _)| port)
            .collect();
        assert_eq!(asked, [2, 3, 1]);
    }
}
