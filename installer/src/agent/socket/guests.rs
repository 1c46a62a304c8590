//! How many connections are open at once, and whose. One user's, however many there are, keep
//! nobody else waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most connections of a user.
const MOST_OF_ONE: usize = 4;
/// Most of all users but root and the one whom the agent runs as.
const MOST_OF_OTHERS: usize = 64;
/// Most of each of these two, for whom the others make no room.
const MOST_OF_OWN: usize = 256;

/// Who is connected.
#[derive(Debug, Default)]
pub(super) struct Guests(Mutex<BTreeMap<u32, usize>>);

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    guests: Arc<Guests>,
    user: u32,
}

impl Guests {
    /// Counts a connection of a user; nothing where there are too many.
    pub(super) fn admit(self: &Arc<Self>, user: u32) -> Option<Seat> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.get(&user).copied().unwrap_or_default();
        let is_free = if is_own(user) {
            taken < MOST_OF_OWN
        } else {
            let others = seats.iter().filter(|(user, _)| !is_own(**user));
            taken < MOST_OF_ONE && others.map(|(_, taken)| taken).sum::<usize>() < MOST_OF_OTHERS
        };
        if !is_free {
            return None;
        }
        seats.insert(user, taken + 1);
        Some(Seat {
            guests: Arc::clone(self),
            user,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.guests.0.lock();
        let seats = seats.as_mut();
        if let Ok(seats) = seats
            && let Some(taken) = seats.get_mut(&self.user)
        {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.user);
            }
        }
    }
}

/// Tells whether a user may ask whatever groups there are.
pub(super) fn is_own(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_takes_no_room_from_others_and_all_of_them_none_from_root() {
        let guests = Arc::new(Guests::default());
        let mut seats = Vec::new();
        for user in 50_000..60_000 {
            seats.extend((0..10).map_while(|_| guests.admit(user)));
        }
        assert_eq!(seats.len(), MOST_OF_OTHERS);
        assert!(guests.admit(50_000).is_none());
        let root: Vec<_> = (0..1000).map_while(|_| guests.admit(0)).collect();
        assert_eq!(root.len(), MOST_OF_OWN);
        seats.truncate(MOST_OF_OTHERS - 1);
        let seat = guests.admit(70_000);
        assert!(seat.is_some() && guests.admit(70_000).is_none());
    }
}
