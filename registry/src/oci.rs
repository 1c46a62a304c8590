//! The words of OCI as types: digests, references, manifests. They know nothing of a registry.

pub(crate) mod descriptor;
pub(crate) mod digest;
pub(crate) mod document;
pub(crate) mod reference;
