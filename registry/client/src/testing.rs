//! What must hold of all that a registry sends, for the fuzz targets. Only with the feature `testing`.

pub use crate::watch::events;
