//! Subversion's working copies, read without Subversion: what one revision has, and whether that is
//! what lies there.
//!
//! The format (`.svn/wc.db` and the pristine texts) is private to Subversion 1.8 to 1.14. All that
//! knows it is here, so that another reader can take its place: one for another format, or one that
//! asks `svn`. Nothing here runs a program or asks a server.
//!
//! ```text
//! WorkingCopy::read -> nodes, externals, problems
//!     doubtful      -> directories in which files are not as they were recorded
//! Pristine::open    -> the text of a node
//! ```

mod database;
mod doubtful;
mod error;
pub mod externals;
mod line_ends;
mod pristine;
mod problem;
mod properties;
mod skel;
mod working_copy;

pub use database::nodes::{Kind, Node};
pub use database::rows::Repository;
pub use doubtful::doubtful;
pub use error::WorkingCopyError;
pub use line_ends::LineEnds;
pub use pristine::{Checksum, Pristine, Special, Text};
pub use problem::{Problem, Problems};
pub use properties::Properties;
pub use working_copy::{LastChange, WorkingCopy, repositories};
