//! What the commands of `bulla-installer` print with `--json`, in the same forms as the documents of
//! `bulla`.
//!
//! | command | document |
//! |---|---|
//! | `install` | [`InstallReport`] |
//! | `status` | a list of [`ProjectStatus`] |
//! | `verify` | [`Verification`] |
//! | `history` | a list of [`Activation`] |
//! | `set-aside list` | a list of [`SetAside`] |

mod activation;
mod install;
mod status;
mod tree;

pub use activation::{Activation, ActivationAction, Hold, PromotionRecord};
pub use install::InstallReport;
pub use status::{ProjectStatus, Standing, Verification};
pub use tree::{
    DanglingLink, Difference, DifferenceKind, Leftover, MissingPath, SetAside, WrongKind,
};
