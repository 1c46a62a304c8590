//! The registries that serve the log, and the token for each.

use std::path::PathBuf;

use bulla_terminal::{Failure, stderr};

use super::host::Host;
use super::token::{TokenArguments, from_kept_file};
use crate::fetch::{Access, FollowedLog, Supply};
use crate::observer::with_causes;
use crate::site::{Command, Server};

/// Returns them in the order in which they are asked. A token that the command was given is shown to
/// the first; the others have their own in the host file. One whose token cannot be read is passed
/// over, as long as another one is left.
pub(super) fn access(
    log: &FollowedLog,
    host: &Host,
    token: TokenArguments,
) -> Result<Vec<Access>, Failure> {
    let mut first = Some(token);
    let (mut registries, mut failed) = (Vec::new(), Vec::new());
    for registry in log.registries() {
        let token = match (first.take(), &registry.token_file) {
            (Some(token), _) => token.read(|| remembered_token(log, host.server())),
            (None, Some(path)) => from_kept_file(path.clone()).map(Some),
            (None, None) => Ok(None),
        };
        match token {
            Ok(token) => registries.push(Access {
                url: registry.url.clone(),
                token,
            }),
            Err(failure) => failed.push((&registry.url, failure)),
        }
    }
    if registries.is_empty()
        && let Some((_, failure)) = failed.pop()
    {
        return Err(failure);
    }
    for (url, failure) in failed {
        let problem = with_causes(failure.error());
        stderr::warn(format_args!("{url} is not asked: {problem}"));
    }
    Ok(registries)
}

/// Connects to the registries that serve the log.
pub(super) fn supplies(
    log: &FollowedLog,
    host: &Host,
    token: TokenArguments,
) -> Result<Vec<Supply>, Failure> {
    let mut supplies = Vec::new();
    for access in access(log, host, token)? {
        supplies.push(
            access
                .supply()?
                .on_silence(|sentence| stderr::say(sentence)),
        );
    }
    Ok(supplies)
}

/// Returns the file that enrolment named for the registry's token. Many registries can be read
/// without one.
pub(super) fn remembered_token(log: &FollowedLog, server: &Server) -> Option<PathBuf> {
    match log.token_file(server) {
        Ok(path) => path,
        Err(error) => {
            let problem = with_causes(&error);
            let url = log.registries().first().map(|first| first.url.as_str());
            let command = Command::new(format!(
                "enroll {} ANCHOR --token-file FILE",
                url.unwrap_or("URL")
            ));
            stderr::warn(server.complete(&format!("{problem}; {command} writes it again")));
            None
        }
    }
}
