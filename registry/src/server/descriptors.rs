//! Open files. Each connection has its socket, and may read a file or receive one; what the limit
//! allows decides how many there may be at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database, the log, the listener and what a library opens for a moment.
const OTHERS: u64 = 64;
/// More than that is never needed.
const ENOUGH: u64 = 1 << 17;

/// Raises the soft limit of open files to the hard one, and returns it.
pub(super) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    let now = limit.current.unwrap_or(ENOUGH);
    if now >= most {
        return now;
    }
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => most,
        Err(error) => {
            tracing::warn!(%error, now, "the limit of open files cannot be raised");
            now
        }
    }
}

/// Returns how many connections fit below a limit of open files, besides `uploads` open uploads.
pub(super) fn connections(limit: u64, uploads: usize) -> usize {
    let others = (OTHERS + uploads as u64).min(limit / 2);
    usize::try_from((limit - others) / 2)
        .unwrap_or(usize::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        for (limit, uploads, expected) in [
            (1024, 256, 352),
            (1 << 17, 256, 65_376),
            (64, 256, 16),
            (2, 0, 1),
        ] {
            assert_eq!(connections(limit, uploads), expected, "{limit}");
        }
    }
}
