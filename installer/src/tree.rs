//! Trees: what must lie in one, how it is planned, written, compared, reused and removed.

pub(crate) mod compare;
mod descent;
mod error;
mod expected;
pub(crate) mod extract;
pub(crate) mod note;
pub(crate) mod obstacle;
pub(crate) mod older_tar;
pub(crate) mod permissions;
pub(crate) mod persist;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod recycle;
pub(crate) mod releases;
pub(crate) mod remove;
pub(crate) mod share;
pub(crate) mod space;
pub(crate) mod staging;
pub(crate) mod survey;

pub use compare::{Difference, DifferenceKind};
pub use error::TreeError;
pub use note::ReleaseNote;
pub use persist::{DanglingLink, MissingPath, PersistError, WrongKind};
