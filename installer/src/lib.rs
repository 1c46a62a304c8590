//! Puts exactly the promoted release in place on a server, or nothing.
//!
//! ```text
//! STATE, /var/lib/bulla/            0700
//!   log/                            the verified log, kept by `bulla_registry_client`
//!   synced                          when that last worked
//!   bundles/<64 hex>/               manifest, release, frames, index of every release on disk
//!   projects/<project>/             `/` in the project's name is `%2F`
//!     lock                          held by the one program that changes this project
//!     journal                       the step that was begun
//!     history                       one line per activation, append only
//!     hold                          a local rollback that stands until the next install
//!     trees/<64 hex>                what was put in a tree: inodes, sizes, times, digests
//!     spool/<64 hex>                the part of a payload that has been downloaded
//!
//! ROOT, /srv/<project>/
//!   current -> releases/<64 hex>    the one thing that is switched, by one rename
//!   releases/<64 hex>/              a release's tree, without write bits
//!     .bulla-release                which release this is, and who promoted it
//!   persist/                        what is kept across releases, linked into each tree
//!   set-aside/                      trees that were changed by hand, moved out of the way
//!   .staging/                       0700, swept at every start
//! ```
//!
//! Everything is fetched, checked and durable before `current` is switched, and nothing is
//! written into a live tree. Bytes are handled synchronously; only `pull` and the log are async,
//! and the border is `remote.rs`.
//!
//! This version runs no hooks and no health checks, and refuses releases that ask for them
//! (`unsupported.rs`). It saves no drift: a changed tree is moved aside as it is, never deleted.

mod activate;
mod bundles;
mod current;
mod descent;
mod durable;
mod error;
mod expected;
mod extract;
mod failpoint;
mod garbage;
mod history;
mod hold;
mod install;
mod journal;
mod layout;
mod lock;
mod persist;
mod plan;
mod pull;
mod record;
mod recover;
mod recycle;
mod remote;
mod remove;
mod resolve;
mod rollback;
mod share;
mod space;
mod stamp;
mod status;
mod unsupported;
mod verify;

pub mod cli;

pub use error::Error;
pub use history::{Activation, ActivationAction, PromotionRecord};
pub use hold::Hold;
pub use install::{InstallRequest, Installed, Observer, Outcome, ReleaseNote, install};
pub use layout::Server;
pub use remote::{Remote, enroll};
pub use rollback::{Candidate, RollbackRequest, RolledBack, rollback};
pub use share::Link;
pub use status::{ProjectStatus, Standing, history, status};
pub use verify::{Difference, DifferenceKind, Verification, verify};
