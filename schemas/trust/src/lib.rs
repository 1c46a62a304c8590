//! Who may say what, judged by position in the log. Pure functions: no I/O, no clock, no
//! environment.
//!
//! Everything that matters is a signed statement in one append-only log. A registry keeps the
//! log and is not trusted: every reader replays the entries and comes to the same state.
//!
//! ```text
//! statement ─sign─▶ envelope ─append─▶ entry ─┐
//!                            checkpoint, entries ─accept─▶ LogState ─resolve─▶ Head
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`json`] | the strict profile: one text, one meaning |
//! | [`key`], [`sshsig`] | keys of people, builders and logs; SSH signatures |
//! | [`envelope`] | canonical envelopes and what is signed |
//! | [`statement`] | the four kinds of statement, read and drafted |
//! | [`policy`] | a policy whose rules can be applied |
//! | [`replay()`] | the only judge of a log |
//! | [`state`] | what a log says |
//! | [`merkle`], [`note`], [`checkpoint`], [`tile`] | the log's tree and files, as C2SP has them |
//! | [`witness`] | how many witnesses cosigned a checkpoint, and as of when |
//! | [`accept()`], [`resolve()`] | what an installer does with them |
//!
//! ```
//! use bulla_trust::testing::{Organisation, name, project};
//! use bulla_trust::{LogState, Pin, accept, resolve};
//!
//! // What a registry serves: a checkpoint and entries. What came by another way: the anchor.
//! let (acme, promoted, _) = Organisation::live();
//! let (checkpoint, entries, anchor) = (acme.checkpoint(), &acme.entries, acme.anchor());
//!
//! let state = accept(&LogState::default(), Pin::Anchor(&anchor), &checkpoint, entries)?;
//! let head = resolve(&state, &project(), &name("prod"))?;
//! assert_eq!(head.hash, promoted);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate does not do: fetch, store or order entries, and sign with people's keys, which
//! stay with `ssh-keygen`.

pub mod accept;
pub mod checkpoint;
mod consistency;
pub mod envelope;
pub mod json;
pub mod key;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod replay;
pub mod resolve;
pub mod sshsig;
pub mod state;
pub mod statement;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tile;
pub mod tiled;
mod wire;
pub mod witness;

pub use accept::{Acceptance, LogError, Pin, accept};
pub use checkpoint::Checkpoint;
pub use consistency::consistency_from_tiles;
pub use envelope::{SignedEnvelope, attach_raw, attach_sshsig, pae, sign};
pub use key::{PublicKey, SigningKey};
pub use note::{SignatureType, SignedNote, VerifierKey};
pub use policy::CheckedPolicy;
pub use replay::{Admitted, Approval, Reason, ReplayError, Submission, Tally, Verdict, replay};
pub use resolve::{ResolveError, resolve};
pub use state::{
    Head, LogState, Moves, Promotion, Release, ReleaseRecord, Revocation, Rollout, SnapshotError,
};
pub use statement::Statement;
pub use tiled::TiledTree;
