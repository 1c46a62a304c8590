//! What the commands of `bulla-installer` print with `--json`, in the same forms as the documents of
//! `bulla`.
//!
//! | command | document |
//! |---|---|
//! | `install PROJECT` | [`InstallReport`] |
//! | `install` | a list of [`ProjectInstall`] |
//! | `status` | a list of [`ProjectStatus`] |
//! | `verify PROJECT` | [`Verification`] |
//! | `verify` | a list of [`Verification`] |
//! | `doctor` | a list of [`Finding`](super::Finding) |
//! | `history` | a list of [`Activation`] |
//! | `set-aside list` | a list of [`SetAside`] |
//! | `config show` | [`ConfigReport`] |

mod activation;
mod host;
mod install;
mod status;
mod tree;

pub use activation::{
    Activation, ActivationAction, ActivationResult, FailedAttempt, Hold, HoldKind, PromotionRecord,
    Quarantined,
};
pub use host::{
    ConfigReport, DriftPolicy, HoldPolicy, HostHooks, HostProject, HostRegistry, HostRetention,
    Link, LoadBalancer,
};
pub use install::{InstallFailure, InstallReport, ProjectInstall, Waiting};
pub use status::{BehindRegistry, Drained, ProjectStatus, Stale, Standing, Unread, Verification};
pub use tree::{
    DanglingLink, Difference, DifferenceKind, Leftover, MissingPath, SetAside, WrongKind,
};
