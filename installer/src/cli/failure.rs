//! A rollback that failed names what a person may want instead; everything else is
//! `bulla_terminal::Failure`.

use std::process::ExitCode;

use bulla_schemas::release::short_revision;
use bulla_terminal::{Table, stderr};

use super::hints::complete_failure;
use crate::operation::{Candidate, RollbackError};
use crate::site::Server;

/// Tells why a rollback failed and which releases were live here, and returns the exit status.
pub(super) fn report_rollback(error: RollbackError, server: &Server) -> ExitCode {
    let candidates = table(error.candidates());
    let status = complete_failure(error.into(), server).report();
    stderr::write(&candidates);
    status
}

fn table(candidates: &[Candidate]) -> String {
    if candidates.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["HASH", "REVISION", "CHANNEL", "LAST ACTIVATED", "WHERE"]);
    for candidate in candidates {
        let place = match (candidate.revoked, candidate.on_disk) {
            (Some(_), _) => "revoked",
            (None, true) => "on this disk",
            (None, false) => "not on this disk",
        };
        table.row([
            candidate.hash.short(),
            short_revision(&candidate.revision),
            candidate.channel.to_string(),
            candidate.activated_at.to_string(),
            place.to_owned(),
        ]);
    }
    format!("was live here before:\n{}", table.for_stderr())
}
