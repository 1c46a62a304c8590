//! Users and groups of this machine, by name or number.

use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs;

/// Returns the user with a name or number, where this machine knows one.
pub(crate) fn user(name: &str) -> Option<User> {
    let named = User::from_name(name).ok().flatten();
    named.or_else(|| User::from_uid(Uid::from_raw(name.parse().ok()?)).ok()?)
}

/// Returns the name of the user with a number, where this machine knows one.
pub(crate) fn name(number: u32) -> Option<String> {
    let user = User::from_uid(Uid::from_raw(number)).ok().flatten()?;
    Some(user.name)
}

/// Returns who owns what is given to a user and a group; without a group, the user's own. Numbers
/// need not be known.
pub(crate) fn owner(user_name: &str, group: Option<&str>) -> Option<(fs::Uid, fs::Gid)> {
    let found = user(user_name);
    let uid = match &found {
        Some(user) => user.uid.as_raw(),
        None => user_name.parse().ok()?,
    };
    let gid = match group {
        Some(name) => group_number(name)?,
        None => found?.gid.as_raw(),
    };
    // The greatest number means "as it is".
    let is_number = |number: u32| number != u32::MAX;
    (is_number(uid) && is_number(gid)).then(|| (fs::Uid::from_raw(uid), fs::Gid::from_raw(gid)))
}

/// Tells whether a user belongs to a group of this machine.
pub(crate) fn is_member(uid: u32, group: &str) -> bool {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let group = Group::from_name(group).ok().flatten();
    user.zip(group)
        .is_some_and(|(user, group)| user.gid == group.gid || group.mem.contains(&user.name))
}

fn group_number(name: &str) -> Option<u32> {
    let named = Group::from_name(name).ok().flatten();
    let known = named.map(|group| group.gid);
    known
        .or_else(|| name.parse().ok().map(Gid::from_raw))
        .map(Gid::as_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_number_with_the_own_group() {
        let root = (fs::Uid::from_raw(0), fs::Gid::from_raw(0));
        assert_eq!(owner("root", None), Some(root));
        assert_eq!(owner("0", None), Some(root));
        let (user, group) = owner("12345", Some("54321")).unwrap();
        assert_eq!((user.as_raw(), group.as_raw()), (12_345, 54_321));
    }

    #[test]
    fn a_number_has_the_name_that_this_machine_knows() {
        assert_eq!(name(0).as_deref(), Some("root"));
        assert_eq!(name(3_999_999_999), None);
    }

    #[test]
    fn who_is_unknown_is_none() {
        assert_eq!(owner("no-such-user", None), None);
        assert_eq!(owner("root", Some("no-such-group")), None);
        assert_eq!(owner("4294967295", Some("0")), None);
        // A number without a user has no group of its own.
        assert_eq!(owner("3999999999", None), None);
    }
}
