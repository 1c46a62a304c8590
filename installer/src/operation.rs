//! What a person or an agent can have done: each operation is one flow through the rooms below.

mod command;
mod edits;
mod enroll;
mod garbage;
mod hold;
mod install;
mod known;
mod locked;
mod observe;
mod persistent;
mod registries;
mod resolve;
mod retention;
mod rollback;
pub(crate) mod rollout;
mod set_aside;
mod status;
mod take_out;
mod verify;
mod write;

pub use bulla_schemas::report::server::Waiting;
pub use enroll::{EnrollError, EnrollRequest, Enrolled, enroll};
pub(crate) use hold::is_held;
pub use hold::{HoldError, HoldRequest, hold, release, retry};
pub use install::{InstallError, InstallRequest, Installed, Outcome, Preview, install};
pub use locked::{LockedSite, Opening};
pub use observe::ObserveError;
pub use registries::{install_from, preview_from, sync_from};
pub(crate) use registries::{install_known, sync_all};
pub use resolve::ResolveError;
pub use rollback::{Candidate, RollbackError, RollbackRequest, RolledBack, rollback};
pub use set_aside::{remove_set_aside, set_aside};
pub use status::{ProjectStatus, Standing, history, output, status};
pub use verify::{Verification, verify};
pub(crate) use verify::{installed, verify_quickly};
pub use write::WriteError;
