//! The state and the directories of projects: whose they are, and what is free.

use std::path::Path;

use bulla_schemas::report::{Finding, Step};
use bulla_schemas::units::{bytes, count};

use super::failed::failed;
use crate::platform::disk::{Free, free};
use crate::site::Server;

const STEP: Step = Step::Disk;

/// Below this, an install may end for want of space.
const FEW_BYTES: u64 = 1 << 30;
const FEW_INODES: u64 = 50_000;

/// Looks at the installer's own state.
pub(crate) fn state(server: &Server) -> Vec<Finding> {
    let path = server.state();
    if !path.exists() {
        let found = format!(
            "`{}` does not exist yet; `enroll` creates it",
            path.display()
        );
        return vec![Finding::ok(STEP, found)];
    }
    let mut findings = Vec::new();
    match bulla_files::require_unshared(path) {
        Ok(()) => findings.push(writable(path)),
        Err(error) => findings.push(failed(STEP, &error)),
    }
    findings.extend(space(path));
    findings
}

/// Looks at a directory that projects lie in.
pub(crate) fn root(path: &Path) -> Vec<Finding> {
    if !path.exists() {
        let found = format!(
            "`{}` does not exist yet; `install` creates it",
            path.display()
        );
        return vec![Finding::ok(STEP, found)];
    }
    let mut findings = vec![writable(path)];
    match bulla_files::shared_above(path) {
        Ok(shared) => findings.extend(shared.iter().map(|error| {
            let hint = "whoever can rename there decides what runs on this server";
            Finding::warning(STEP, error, hint)
        })),
        Err(error) => findings.push(failed(STEP, &error)),
    }
    findings.extend(space(path));
    findings
}

/// Looks at the directory of the file for Prometheus. That it is there, the host file was checked for.
pub(crate) fn metrics(file: &Path) -> Vec<Finding> {
    let Some(directory) = file.parent().filter(|directory| directory.is_dir()) else {
        return Vec::new();
    };
    let mut findings = vec![writable(directory)];
    let shared = bulla_files::shared_above(directory).unwrap_or_default();
    findings.extend(shared.iter().map(|error| {
        let hint = "whoever can rename there decides what Prometheus reads of this server";
        Finding::warning(STEP, error, hint)
    }));
    findings
}

fn writable(path: &Path) -> Finding {
    let name = path.display();
    let allowed = rustix::fs::access(path, rustix::fs::Access::WRITE_OK);
    match allowed {
        Ok(()) => Finding::ok(STEP, format_args!("`{name}` can be written")),
        Err(rustix::io::Errno::ROFS) => Finding::failed(
            STEP,
            format_args!("`{name}` is on a file system that is read-only"),
            Some(
                "mount it for writing; `rollback` works meanwhile where the link can be".to_owned(),
            ),
        ),
        Err(error) => Finding::failed(
            STEP,
            format_args!(
                "`{name}` cannot be written: {}",
                std::io::Error::from(error)
            ),
            Some("run this as the user that the agent runs as, usually root".to_owned()),
        ),
    }
}

fn space(path: &Path) -> Vec<Finding> {
    let Free {
        bytes: free_bytes,
        inodes,
    } = match free(path) {
        Ok(free) => free,
        Err(error) => return vec![failed(STEP, &error)],
    };
    let name = path.display();
    let mut text = format!("`{name}` has {} free", bytes(free_bytes));
    if let Some(inodes) = inodes {
        text = format!("{text}, and room for {}", count(inodes, "file", "files"));
    }
    let is_little = free_bytes < FEW_BYTES || inodes.is_some_and(|inodes| inodes < FEW_INODES);
    vec![if is_little {
        Finding::warning(
            STEP,
            text,
            "make room, or keep fewer releases with `keep` in the host file",
        )
    } else {
        Finding::ok(STEP, text)
    }]
}
