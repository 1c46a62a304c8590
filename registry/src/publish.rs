//! What happens when a bundle or a statement is published.

pub(crate) mod admit;
pub(crate) mod attach;
