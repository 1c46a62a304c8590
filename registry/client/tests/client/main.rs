//! The client against registries, and what stands before them, that are odd, broken or hostile.

mod download;
mod follow;
mod refusal;
mod server;
mod upload;
