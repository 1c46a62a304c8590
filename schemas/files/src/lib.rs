//! Files that survive power loss, directories that others cannot write, and locks: once, for all
//! programs. What another operating system needs of them is written here and nowhere else.
//!
//! Small state, read and replaced as a whole:
//!
//! ```
//! # fn main() -> Result<(), bulla_files::FileError> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let state = directory.path().join("state");
//! // Made with mode 0700, and refused where others could change what is in it, as ssh does.
//! bulla_files::create_private_directory(&state)?;
//! let path = state.join("registry.json");
//! bulla_files::write_json(&path, &["a", "b"])?; // after a crash the old file or the new one
//! let read: Option<Vec<String>> = bulla_files::read_json(&path)?;
//! assert_eq!(read.unwrap(), ["a", "b"]);
//! bulla_files::remove(&path)?;
//! assert_eq!(bulla_files::read(&path)?, None);
//! # Ok(())
//! # }
//! ```
//!
//! A file too large for memory is a [`Draft`]: it is written without a name where the file system
//! can do that, and gets its name when it is complete. `write_once` and [`Draft::put_new`] never
//! replace a file.
//!
//! One process at a time: [`Lock`]. A waiter learns who holds it.
//!
//! ```
//! # use bulla_files::{Lock, TryLock};
//! # use bulla_schemas::Timestamp;
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("lock");
//! let lock = Lock::take(&path, "install", Timestamp::EPOCH, |holder| {
//!     eprintln!("waiting for {holder}"); // `install`, process 4711, since ...
//! })?;
//! # drop(lock);
//! match Lock::try_take(&path, "serve", Timestamp::EPOCH)? {
//!     TryLock::Taken(lock) => drop(lock),
//!     TryLock::Held { holder } => eprintln!("in use by {holder}"),
//! }
//! # Ok::<(), bulla_files::FileError>(())
//! ```
//!
//! Every error is a [`FileError`], which names the operation and the path; other operations get
//! theirs with [`Attempt`]: `fs::metadata(path).attempt("look at", path)?`.

mod copy;
mod directory;
mod draft;
mod error;
pub mod failpoint;
mod file;
mod kind;
mod lock;
mod owner;

pub use copy::{
    Taken, copy_later, is_same_file, is_same_file_system, link_later, sync_file_system,
};
pub use directory::{
    create_directory, create_private_directory, has_directory, sync_directory, sync_parent,
};
pub use draft::{Draft, Readers, is_temporary};
pub use error::{Attempt, FileError};
pub use file::{
    has_file, open_file, read, read_json, read_up_to, remove, remove_later, rename, write,
    write_json, write_later, write_once, write_together,
};
pub use kind::special_type;
pub use lock::{Lock, SharedLock, TryLock};
pub use owner::{
    open_mode, require_not_public, require_unshared, require_unshared_by, shared_above,
};
