//! An organisation in memory: a policy, people, a builder, a log key, and a log that grows. For
//! tests here and in other crates.
//!
//! All keys come from their owner's name, so that a log made by a test is the same every time.
//! People sign in-process here; the programs leave that to `ssh-keygen`.

mod describe;
mod long;
mod organisation;
mod random;

pub use describe::describe;
pub use long::LongLog;
pub use organisation::{
    BUILDER_ID, ORIGIN, Organisation, PROJECT, SOURCE, armoured, cosign, inert, key, log_key,
    log_verifier, name, names, policy, project, raw_envelope, release, security_key, sign_as,
    sign_as_builder, time, witness_line,
};
pub use random::{Random, random_log};
