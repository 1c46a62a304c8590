//! What the commands of `bulla` print with `--json`; those of `bulla-installer` are in [`server`].
//! Names, hashes, revisions, people and times have the same form here as in the registry's answers
//! ([`crate::api`]): full hashes, full revisions, lists of names, UTC. What is not known or not set
//! is absent.
//!
//! | command | document |
//! |---|---|
//! | `audit` | a list of [`AuditEntry`] |
//! | `policy history` | a list of [`PolicyVersionReport`] |
//! | `history` | a list of [`Promotion`](crate::api::Promotion) |
//! | `releases` | a list of [`ReleaseSummary`](crate::api::ReleaseSummary) |
//! | `status` | a list of [`ProjectSummary`](crate::api::ProjectSummary) |
//! | `wave` | [`WaveReport`] |
//! | `where` | a list of [`Deployment`](crate::api::Deployment) |
//! | `diff` | [`Diff`](crate::api::Diff) |
//! | `show` | [`ReleaseReport`] |
//! | `promote`, `rollback`, `pause`, `resume` | [`ProposalReport`] |
//! | `revoke` | [`RevocationReport`] |
//! | `pending` | a list of [`PendingReport`] |
//! | `approve` | [`ApprovedReport`] |
//! | `rollback --list` | a list of [`EarlierHead`] |
//! | `identify` | [`IdentifyReport`] |
//! | `check` | [`CheckReport`] |
//! | `reproduce` | [`ReproduceReport`] |
//! | `doctor` | a list of [`Finding`] |
//! | `bulla-registry token list` | a list of [`TokenReport`] |
//! | `bulla-registry backup` | [`BackupReport`] |
//! | `bulla-registry restore` | [`RestoreReport`] |
//! | `bulla-registry mirror --once` | [`MirrorReport`] |
//! | `bulla-registry du` | [`UsageReport`] |
//! | `bulla-registry fsck` | [`FsckReport`] |
//! | `bulla-registry gc` | [`GcReport`] |

pub mod server;

mod approved;
mod audit;
mod backup;
mod check;
mod doctor;
mod fsck;
mod gc;
mod identify;
mod mirror;
mod pending;
mod proposal;
mod release;
mod reproduce;
mod revocation;
mod token;
mod usage;
mod wave;

pub use approved::ApprovedReport;
pub use audit::{
    AuditEntry, AuditedRelease, EntryKind, EntrySigner, PolicyVersionReport, SignatureStanding,
    SignerRole,
};
pub use backup::{BackupReport, MissingContent, RestoreReport};
pub use check::{CheckDifference, CheckReport, DifferencePlace};
pub use doctor::{Finding, FindingKind, Step};
pub use fsck::{Damage, DamageKind, DamagedRelease, FsckReport};
pub use gc::{GcRelease, GcReport, GcSkipped};
pub use identify::{IdentifyReport, PathDifference, PathDifferenceKind};
pub use mirror::{MirrorReport, NotMirrored};
pub use pending::{ApprovalReport, PendingReport, ProposedReport};
pub use proposal::{ContainsLive, Dropped, EarlierHead, PassedOver, Preview, ProposalReport};
pub use release::{ReleaseReport, StatementReport};
pub use reproduce::{FieldDifference, ReproduceReport, ReproducedAs};
pub use revocation::{RevocationReport, RevokedRelease};
pub use token::TokenReport;
pub use usage::{FrameAge, ProjectUsage, ReleaseUsage, UsageReport};
pub use wave::{FailedServer, WaitingServer, WaveReport, WaveServers, WaveStep};
