//! The operating system: durable files, locks, stamps, mounts, and what only some file systems can
//! do. Everything that another system would do differently is in here.

pub(crate) mod child;
pub(crate) mod directory;
pub(crate) mod disk;
pub(crate) mod files;
pub(crate) mod mounts;
pub(crate) mod replace;
pub(crate) mod seen;
pub(crate) mod stamp;
pub(crate) mod tick;
pub(crate) mod users;

pub use files::FileError;
