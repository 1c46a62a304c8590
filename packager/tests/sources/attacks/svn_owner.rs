//! A Subversion working copy of another user.

use super::{Canary, assert_refused_to_others};
use crate::checkout::SvnRepository;

#[test]
fn a_working_copy_of_another_user_is_refused() {
    let canary = Canary::new();
    let repository = SvnRepository::with_files();
    repository.write("README", "changed\n");
    assert_refused_to_others(&repository.work(), repository.home(), &canary);
}
