//! Users and groups of this machine, by name or number.

use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs;

use super::files;

/// Most bytes of a list of users that is read.
const MOST: u64 = 64 * 1024 * 1024;

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

/// Tells whether nobody is in a group but these users: whom it lists, and whose own group it is as
/// far as the machine's own list of users goes. What cannot be found out is a no.
pub(crate) fn has_only(group: u32, users: &[u32]) -> bool {
    let Ok(Some(found)) = Group::from_gid(Gid::from_raw(group)) else {
        return false;
    };
    let Ok(Some(list)) = files::read_up_to(Path::new("/etc/passwd"), MOST) else {
        return false;
    };
    let is_one = |name: &String| user(name).is_some_and(|user| users.contains(&user.uid.as_raw()));
    found.mem.iter().all(is_one) && of_group(&list, group).all(|user| users.contains(&user))
}

/// Returns the users of a list as in `/etc/passwd` whose own group this is (passwd(5)).
fn of_group(list: &[u8], group: u32) -> impl Iterator<Item = u32> {
    let lines = list.split(|byte| *byte == b'\n');
    lines.filter_map(move |line| {
        let mut fields = line.split(|byte| *byte == b':').skip(2);
        let mut number = || str::from_utf8(fields.next()?).ok()?.parse::<u32>().ok();
        let (user, of_user) = (number()?, number()?);
        (of_user == group).then_some(user)
    })
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
    fn a_group_has_those_whom_it_lists_and_those_whose_own_it_is() {
        let list = b"root:x:0:0:root:/root:/bin/sh\n# no user\n\nbob:x:7:50::/:\nsync:x:4:0\n\xff:x:8:50:\n";
        assert_eq!(of_group(list, 0).collect::<Vec<_>>(), [0, 4]);
        assert_eq!(of_group(list, 50).collect::<Vec<_>>(), [7, 8]);
        assert_eq!(of_group(list, 51).count(), 0);
        // On every Linux: the group of the user `daemon`.
        let daemon = user("daemon").unwrap();
        let (user, group) = (daemon.uid.as_raw(), daemon.gid.as_raw());
        assert!(has_only(group, &[0, user]));
        assert!(!has_only(group, &[0]));
        assert!(!has_only(3_999_999_999, &[0]), "nobody knows who is in it");
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
