//! What externals put into a directory, from the working copy or through `svn`.

pub(super) mod above;
pub(super) mod error;
pub(super) mod fetch;
pub(super) mod mount;
