//! Open files. Each connection has its socket, and may read a file or receive one; so may each stream
//! of HTTP/2, of which there are at most as many. A watch has only its socket. What the limit allows
//! decides how many there may be at once.

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

/// How many there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fitting {
    /// Connections that do anything but watch, and as many streams beside them.
    pub(super) connections: usize,
    /// Watches.
    pub(super) watches: usize,
}

/// Returns how much of what is wanted fits below a limit of open files, besides `uploads` open
/// uploads. Connections come first and get at most three quarters; watches get what is left.
pub(super) fn fitting(limit: u64, uploads: usize, wanted: Fitting) -> Fitting {
    let others = (OTHERS + uploads as u64).min(limit / 2);
    let left = usize::try_from(limit - others).unwrap_or(usize::MAX);
    let connections = wanted.connections.min(left / 4).max(1);
    Fitting {
        connections,
        watches: wanted.watches.min(left.saturating_sub(3 * connections)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_watches_leave_descriptors_for_everything_else() {
        let wanted = Fitting {
            connections: 4096,
            watches: 12_000,
        };
        for (limit, uploads, connections, watches) in [
            (1 << 17, 256, 4096, 12_000),
            (20_000, 256, 4096, 7392),
            (1024, 256, 176, 176),
            (64, 256, 8, 8),
            (2, 0, 1, 0),
        ] {
            let expected = Fitting {
                connections,
                watches,
            };
            assert_eq!(fitting(limit, uploads, wanted), expected, "{limit}");
        }
    }
}
