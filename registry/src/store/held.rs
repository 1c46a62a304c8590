//! Small content that was asked for lately, in memory: read and hashed once, and sent for as long as its
//! object is the same one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::objects::Stamp;
use crate::oci::digest::OciDigest;

/// Most bytes of one content: larger ones wait for their client and not for the disk.
pub(super) const MOST_OF_ONE: u64 = 1 << 20;
/// Most bytes in memory, with those that are being read and those that were let go of and that clients
/// have not taken yet.
const MOST: u64 = 48 << 20;
/// Most contents.
const MOST_CONTENTS: usize = 4096;

/// The contents that are held.
#[derive(Debug, Default)]
pub(super) struct Held {
    contents: Mutex<Contents>,
    /// How many bytes there are, see [`MOST`].
    bytes: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Contents {
    by_digest: HashMap<OciDigest, Content>,
    /// Goes up each time one is asked for.
    time: u64,
}

#[derive(Debug)]
struct Content {
    bytes: Bytes,
    stamp: Stamp,
    /// When it was last asked for.
    asked: u64,
}

/// Room for some bytes, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    size: u64,
    taken: Arc<AtomicU64>,
}

/// Bytes in their room.
struct Owned {
    bytes: Vec<u8>,
    _room: Room,
}

impl Held {
    /// Returns content that is held, if its object is now as it was then; `stamp` looks at it.
    pub(super) fn find(
        &self,
        digest: &OciDigest,
        stamp: impl FnOnce() -> Option<Stamp>,
    ) -> Option<Bytes> {
        let (bytes, then) = self.contents().ask(digest)?;
        // Nobody waits meanwhile.
        if stamp() == Some(then) {
            return Some(bytes);
        }
        self.contents().forget(digest, then);
        None
    }

    /// Makes room for content that is to be read, where it can be made.
    pub(super) fn room(&self, size: u64) -> Option<Room> {
        if size > MOST_OF_ONE {
            return None;
        }
        let room = Room {
            size,
            taken: Arc::clone(&self.bytes),
        };
        let mut taken = self.bytes.fetch_add(size, Ordering::Relaxed) + size;
        let mut contents = self.contents();
        while taken > MOST || contents.by_digest.len() >= MOST_CONTENTS {
            // What a client is still being sent makes no room, and is let go of all the same.
            contents.let_go()?;
            taken = self.bytes.load(Ordering::Relaxed);
        }
        drop(contents);
        Some(room)
    }

    /// Holds content that was read from an object with this stamp and has this digest.
    pub(super) fn keep(
        &self,
        digest: OciDigest,
        bytes: Vec<u8>,
        stamp: Stamp,
        room: Room,
    ) -> Bytes {
        let bytes = Bytes::from_owner(Owned { bytes, _room: room });
        let mut contents = self.contents();
        contents.time += 1;
        let content = Content {
            bytes: bytes.clone(),
            stamp,
            asked: contents.time,
        };
        contents.by_digest.insert(digest, content);
        bytes
    }

    fn contents(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// Returns content and the stamp that its object had.
    fn ask(&mut self, digest: &OciDigest) -> Option<(Bytes, Stamp)> {
        self.time += 1;
        let content = self.by_digest.get_mut(digest)?;
        content.asked = self.time;
        Some((content.bytes.clone(), content.stamp))
    }

    /// Lets go of content whose object had this stamp.
    fn forget(&mut self, digest: &OciDigest, stamp: Stamp) {
        let held = self.by_digest.get(digest);
        if held.is_some_and(|content| content.stamp == stamp) {
            self.by_digest.remove(digest);
        }
    }

    /// Lets go of what nobody has asked for for longest.
    fn let_go(&mut self) -> Option<()> {
        let oldest = self.by_digest.iter().min_by_key(|(_, it)| it.asked);
        let digest = oldest.map(|(digest, _)| digest.clone())?;
        self.by_digest.remove(&digest);
        Some(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.size, Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::oci::digest::Algorithm;

    fn stamp(second: u64) -> Stamp {
        Stamp {
            file: 1,
            size: 1,
            changed: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
        }
    }

    fn digest(number: u64) -> OciDigest {
        OciDigest::of(Algorithm::Sha256, &number.to_le_bytes())
    }

    #[test]
    fn an_object_that_has_changed_is_not_what_is_held() {
        let held = Held::default();
        let room = held.room(1).unwrap();
        held.keep(digest(1), vec![7], stamp(1), room);
        assert_eq!(held.find(&digest(1), || Some(stamp(1))).unwrap()[..], [7]);
        assert_eq!(held.find(&digest(1), || Some(stamp(2))), None);
        assert_eq!(held.find(&digest(1), || Some(stamp(1))), None, "let go of");
        assert_eq!(held.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_was_asked_for_longest_ago_makes_room() {
        let held = Held::default();
        for number in 0..MOST / MOST_OF_ONE {
            let room = held.room(MOST_OF_ONE).unwrap();
            held.keep(digest(number), Vec::new(), stamp(1), room);
        }
        assert!(held.find(&digest(0), || Some(stamp(1))).is_some());
        let room = held.room(MOST_OF_ONE).unwrap();
        held.keep(digest(999), Vec::new(), stamp(1), room);
        let has = |number| held.find(&digest(number), || Some(stamp(1))).is_some();
        assert!(has(0) && has(999));
        assert!(!has(1), "the next");
        assert!(held.room(MOST_OF_ONE + 1).is_none());
    }

    #[test]
    fn what_clients_have_not_taken_counts() {
        let held = Held::default();
        let mut sent = Vec::new();
        for number in 0..MOST / MOST_OF_ONE {
            let room = held.room(MOST_OF_ONE).unwrap();
            sent.push(held.keep(digest(number), Vec::new(), stamp(1), room));
        }
        assert!(held.room(1).is_none(), "all of it is being sent");
        sent.pop();
        assert!(held.room(1).is_some());
        assert!(held.room(MOST_OF_ONE + 1).is_none());
    }
}
