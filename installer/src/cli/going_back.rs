//! What `rollback` and `pin` have in common.

use std::process::ExitCode;

use bulla_terminal::{Failure, stderr, stdout};

use super::failure::report_rollback;
use super::terminal::Terminal;
use crate::operation::{RollbackRequest, RolledBack, rollback};
use crate::site::{Command, Server};

/// Goes to the release and says so.
pub(super) fn go_back(server: &Server, request: &RollbackRequest) -> Result<ExitCode, Failure> {
    let terminal = Terminal::new("repair", server);
    let result = rollback(server, request, &terminal);
    terminal.finish();
    let rolled_back = match result {
        Ok(rolled_back) => rolled_back,
        Err(error) => return Ok(report_rollback(error, server)),
    };
    stderr::say(server.complete(&sentence(request, &rolled_back)));
    stdout::line(rolled_back.hash)?;
    Ok(ExitCode::SUCCESS)
}

fn sentence(request: &RollbackRequest, rolled_back: &RolledBack) -> String {
    let (project, hash) = (&request.project, rolled_back.hash.short());
    let release = Command::new(format!("release {project}"));
    let held = match (rolled_back.is_held, request.pin) {
        (false, _) => String::new(),
        (true, false) => format!(", held there until the channel moves on or {release}"),
        (true, true) => format!(", pinned until {release}"),
    };
    match rolled_back.left {
        Some(left) if left == rolled_back.hash => {
            format!("{project}: {hash} is live already{held}")
        }
        Some(left) => format!("{project}: {} -> {hash}{held}", left.short()),
        None => format!("{project}: {hash} is live again{held}"),
    }
}
