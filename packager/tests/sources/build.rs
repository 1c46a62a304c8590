//! Builds of revisions, as the packer runs them.

mod support;

pub(crate) use support::options;
