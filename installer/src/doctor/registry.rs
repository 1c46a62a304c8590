//! One registry: the way there, TLS, and what it says of the token.

use std::path::Path;

use bulla_registry_client::{Greeting, address_finding};
use bulla_schemas::report::{Finding, FindingKind, Step};

use super::failed::failed;
use super::network;
use crate::fetch::Access;
use crate::fetch::supply::Source;

const STEP: Step = Step::Registry;

/// What came of it.
pub(crate) struct Examined {
    pub(crate) findings: Vec<Finding>,
    /// What the registry says, where it could be asked.
    pub(crate) greeting: Option<Greeting>,
}

/// Looks at one registry, and at the file that its token was read from.
pub(crate) fn examine(access: &Access, token_file: Option<&Path>) -> Examined {
    let mut findings = vec![address_finding(&access.url)];
    findings.extend(token_file.and_then(open_to_others));
    let supply = match access.supply() {
        Ok(supply) => supply,
        Err(error) => {
            findings.push(failed(STEP, &error));
            return Examined {
                findings,
                greeting: None,
            };
        }
    };
    let Source::Registry(client) = supply.source() else {
        return Examined {
            findings,
            greeting: None,
        };
    };
    findings.extend(network::examine(&access.url, client.proxy()));
    let is_reached = findings
        .iter()
        .all(|found| found.result != FindingKind::Failed);
    if !is_reached {
        return Examined {
            findings,
            greeting: None,
        };
    }
    match supply.wait(client.caller()) {
        Ok(greeting) => {
            findings.extend(token(&greeting, client.has_token()));
            Examined {
                findings,
                greeting: Some(greeting),
            }
        }
        Err(error) => {
            findings.push(failed(STEP, &error));
            Examined {
                findings,
                greeting: None,
            }
        }
    }
}

/// Looks at who else can read the token.
fn open_to_others(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = path.metadata().ok()?.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then(|| {
        Finding::warning(
            STEP,
            format_args!(
                "`{}` can be read by others: mode {mode:04o}",
                path.display()
            ),
            format!("chmod 600 {}", path.display()),
        )
    })
}

/// Looks at what a server needs of a token: to read, and to report.
fn token(greeting: &Greeting, has_token: bool) -> Vec<Finding> {
    const MAKE: &str =
        "`bulla-registry token create --scope pull,report --host NAME` makes one for a server";
    let caller = &greeting.caller;
    let allows = |scope: &str| {
        caller
            .scopes
            .iter()
            .any(|given| given == scope || given == "admin")
    };
    if !has_token {
        return vec![if caller.anonymous_read {
            Finding::warning(
                STEP,
                "it answers; reading needs no token here, but reporting does",
                MAKE,
            )
        } else {
            Finding::failed(
                STEP,
                "it answers, and reading needs a token",
                Some(MAKE.to_owned()),
            )
        }];
    }
    let mut findings = vec![Finding::ok(
        STEP,
        format_args!(
            "it answers; the token is valid: {} of {}",
            caller.scopes.join(", "),
            caller.projects.join(", ")
        ),
    )];
    if !allows("pull") && !caller.anonymous_read {
        let found = "the token cannot read: it lacks the scope `pull`";
        findings.push(Finding::failed(STEP, found, Some(MAKE.to_owned())));
    }
    if caller.host.is_none() || !allows("report") {
        let found = "the token cannot report, so `bulla where` does not know this server";
        findings.push(Finding::warning(STEP, found, MAKE));
    }
    findings
}
