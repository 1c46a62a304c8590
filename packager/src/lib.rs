//! `bulla`: a checkout becomes a signed bundle, and what engineers do with hashes.
//!
//! The library knows no terminal, environment or clock; `cli` does, and turns flags into values
//! for one library call.

pub mod ancestry;
mod append;
pub mod audit;
pub mod build;
mod bundle_file;
pub mod cache;
pub mod check;
mod child;
pub mod cli;
pub mod compare;
pub mod config;
pub mod contents;
mod counted;
pub mod doctor;
pub mod drop;
pub mod export;
pub mod filter;
pub mod forks;
pub mod identify;
pub mod import;
pub mod init;
pub mod key;
pub mod log_files;
pub mod log_push;
mod meanwhile;
pub mod pack;
pub mod patch;
pub mod pending;
mod person;
pub mod policy;
mod preview;
pub mod promote;
pub mod proposal;
pub mod propose;
pub mod publish;
pub mod push;
pub mod recipe;
pub mod report;
pub mod reproduce;
pub mod resolve;
pub mod revoke;
pub mod rollback;
pub mod select;
pub mod sign;
pub mod signer;
pub mod source;
pub mod ssh;
pub mod wave;
pub mod witness;
