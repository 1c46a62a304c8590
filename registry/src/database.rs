//! The database: an index over the files of the data directory, the tokens, what hosts report, and the
//! statements that wait for signatures.
//!
//! One file per table in `database/`. All statements are written with `$1` placeholders and types
//! that SQLite and PostgreSQL share, and run through sqlx's `Any`, so that the same SQL serves
//! both; what only SQLite knows stands in this file.

mod blobs;
mod connection;
mod copy;
mod error;
mod frames;
mod hosts;
mod index;
mod known;
mod manifests;
mod parts;
mod proposals;
mod repositories;
mod rows;
mod seen;
mod tags;
mod tokens;
mod version;

pub(crate) use connection::Database;
use connection::{damaged, parse, parse_optional};
pub use error::DatabaseError;
pub(crate) use hosts::{Changes, HostRow, ReportRow};
pub(crate) use index::IndexedRecord;
pub(crate) use manifests::{IndexedManifest, ListedReferrer, Referrers};
pub(crate) use proposals::{ProposalPlace, ProposalRow};
pub(crate) use rows::ManifestRow;
pub use rows::TokenRow;
pub(crate) use seen::SeenManifest;
