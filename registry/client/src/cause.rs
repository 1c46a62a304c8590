//! `Cause`: why HTTP failed, in one sentence. The libraries below wrap the one that tells into
//! several that name their layers.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a request failed.
#[derive(Debug)]
pub struct Cause(reqwest::Error);

impl Cause {
    /// Tells whether no connection was made.
    pub(crate) fn is_connect(&self) -> bool {
        self.0.is_connect()
    }

    /// Tells whether the other machine answered that nothing listens at that port.
    pub(crate) fn is_refused(&self) -> bool {
        self.innermost()
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    fn innermost(&self) -> &(dyn Error + 'static) {
        let mut error: &(dyn Error + 'static) = &self.0;
        while let Some(cause) = error.source() {
            error = cause;
        }
        error
    }
}

impl From<reqwest::Error> for Cause {
    fn from(error: reqwest::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.innermost())
    }
}

impl Error for Cause {}
