//! Placeholder.

pub mod pack;
pub mod recipe;
pub mod select;
pub mod source;
