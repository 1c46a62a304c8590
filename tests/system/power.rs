//! Power cuts: what was said to be done is there afterwards, whole.

mod registry;
mod server;
