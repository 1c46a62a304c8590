//! What a person or an agent can have done: each operation is one flow through the rooms below.

mod enroll;
mod garbage;
mod install;
mod locked;
mod observe;
mod resolve;
mod rollback;
mod status;
mod verify;

pub use enroll::{EnrollError, enroll};
pub use install::{InstallError, InstallRequest, Installed, Outcome, install};
pub use locked::LockedSite;
pub use observe::ObserveError;
pub use resolve::ResolveError;
pub use rollback::{Candidate, RollbackError, RollbackRequest, RolledBack, rollback};
pub use status::{ProjectStatus, Standing, history, status};
pub use verify::{Verification, verify};
