//! libFuzzer over the target that `BULLA_FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;

use bulla_fuzz::{Target, find};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("BULLA_FUZZ_TARGET").expect("BULLA_FUZZ_TARGET names a target");
    find(&name).unwrap_or_else(|| panic!("there is no target `{name}`"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
