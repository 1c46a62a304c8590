//! Whom programs run as.

use nix::unistd::{Uid, User as Found};

use crate::platform::users;

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
}

impl User {
    /// Finds a user by name or number; `None` when there is none.
    pub(crate) fn find(name: &str) -> Option<Self> {
        users::user(name).map(Self::from)
    }

    /// The user that this process runs as; some have no name.
    pub(crate) fn caller() -> Self {
        let uid = Uid::effective();
        let named = Found::from_uid(uid).ok().flatten();
        named.map_or_else(
            || Self {
                name: uid.to_string(),
                uid: uid.as_raw(),
                gid: rustix::process::getegid().as_raw(),
                home: "/".to_owned(),
            },
            Self::from,
        )
    }
}

impl From<Found> for User {
    fn from(found: Found) -> Self {
        Self {
            uid: found.uid.as_raw(),
            gid: found.gid.as_raw(),
            home: found.dir.to_string_lossy().into_owned(),
            name: found.name,
        }
    }
}
