//! Puts exactly the promoted release in place on a server, or nothing.
//!
//! ```text
//! STATE, /var/lib/bulla/            0700
//!   log/                            the verified log, kept by `bulla_registry_client`
//!   synced                          when that last worked
//!   unread                          since when the agent asks for it in vain
//!   behind                          which registries are behind another one
//!   programs                        releases' programs that were tried as the agent
//!   token-file                      which file holds the registry's token
//!   host-file.lock                  held while the host file is changed
//!   bundles/<64 hex>/               manifest, release, frames, index of every release on disk
//!   projects/<project>/             `/` in the project's name is `%2F`
//!     lock                          held by the one program that changes this project
//!     journal                       the step that was begun
//!     history                       one line per activation, append only
//!     hold                          why the server stays on a release
//!     quarantine                    releases that failed here and are not tried again
//!     output/<number>               what the hooks and checks of an activation wrote
//!     leftovers                     what could not be removed, and why
//!     trees/<64 hex>                what was put in a tree: inodes, sizes, times, digests
//!     spool/<64 hex>                the part of a payload that has been downloaded
//!
//! ROOT, /srv/<project>/
//!   current -> releases/<64 hex>    the one thing that is switched, by one rename
//!   releases/<64 hex>/              a release's tree, without write bits
//!   releases/<64 hex>.json          which release that is, and who promoted it
//!   persist/                        what is kept across releases, linked into each tree
//!   set-aside/                      trees that were changed by hand, moved out of the way
//!   .reason/                        there while a hook runs: why it fails, in its own words
//!   .staging/, .staging-2/          0700, swept at every start; what cannot be removed stays
//! ```
//!
//! Everything is fetched, checked and durable before `current` is switched, and nothing is
//! written into a live tree. Bytes are handled synchronously; only `fetch` is async, and the
//! border is `fetch/supply.rs`.
//!
//! The rooms, of which each knows only those to its right:
//!
//! ```text
//! cli -> agent -> operation -> {live, fetch, drift} -> tree -> state -> config -> site -> platform
//! ```
//!
//! It saves no drift: a changed tree is moved aside as it is, never deleted.

mod config;
mod doctor;
mod drift;
mod failpoint;
mod fetch;
mod live;
mod observer;
mod operation;
mod platform;
mod setup;
mod site;
mod state;
mod tree;

pub mod agent;
pub mod cli;

pub use config::{
    Age, Checked, ConfigError, DriftPolicy, Enrollment, EnvironmentError, HoldPolicy, HookPolicy,
    HostConfig, HostFile, Link, LoadBalancer, LockedHostFile, Mode, Owner, PersistPolicy, Problem,
    ProjectConfig, Quota, Registry, Retention, UserName,
};
pub use drift::{DriftError, SetAside};
pub use fetch::{Access, FetchError, FollowedLog, Supply};
pub use live::{Broken, CheckError, FailedRelease, HookError, HookSettings, LiveError, Unproved};
pub use observer::Observer;
pub use operation::{
    AtOnce, Candidate, EnrollError, EnrollRequest, Enrolled, HoldError, HoldRequest, InstallError,
    InstallRequest, Installed, LockedSite, ObserveError, Opening, Outcome, Preview, ProjectStatus,
    ResolveError, Retried, RollbackError, RollbackRequest, RolledBack, Standing, Verification,
    Waiting, WriteError, enroll, history, hold, install, install_from, output, preview_from,
    release, remove_set_aside, retry, rollback, set_aside, status, sync_from, verify,
};
pub use platform::FileError;
pub use setup::{Setup, SetupError, Step};
pub use site::{Command, Server, Site};
pub use state::{
    Activation, ActivationAction, ActivationResult, Drained, FailedAttempt, Hold, HoldKind,
    Leftover, PromotionRecord, Quarantined, StateError,
};
pub use tree::{
    DanglingLink, Difference, DifferenceKind, MissingPath, PersistError, ReleaseNote, TreeError,
    WrongKind,
};
