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
    let greeting = ask(access, &mut findings);
    Examined { findings, greeting }
}

/// Goes the way to the registry until something fails.
fn ask(access: &Access, findings: &mut Vec<Finding>) -> Option<Greeting> {
    let supply = access
        .supply()
        .inspect_err(|error| findings.push(failed(STEP, error)))
        .ok()?;
    let Source::Registry(client) = supply.source() else {
        return None;
    };
    findings.extend(network::examine(&access.url, client.proxy()));
    let has_failed = |found: &Finding| found.result == FindingKind::Failed;
    if findings.iter().any(has_failed) {
        return None;
    }
    let greeting = supply
        .wait(client.caller())
        .inspect_err(|error| findings.push(failed(STEP, error)))
        .ok()?;
    findings.extend(token(&greeting, client.has_token()));
    Some(greeting)
}

/// Looks at who else can read the token.
fn open_to_others(path: &Path) -> Option<Finding> {
    let mode = bulla_files::open_mode(path)?;
    let name = path.display();
    Some(Finding::warning(
        STEP,
        format_args!("`{name}` can be read by others: mode {mode:04o}"),
        format!("chmod 600 {name}"),
    ))
}

/// Looks at what a server needs of a token: to read, and to report.
fn token(greeting: &Greeting, has_token: bool) -> Vec<Finding> {
    const MAKE: &str =
        "`bulla-registry token create --scope pull,report --host NAME` makes one for a server";
    let caller = &greeting.caller;
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
        format_args!("it answers; the token is valid: {}", caller.rights()),
    )];
    if !caller.allows("pull") && !caller.anonymous_read {
        let found = "the token cannot read: it lacks the scope `pull`";
        findings.push(Finding::failed(STEP, found, Some(MAKE.to_owned())));
    }
    if caller.host.is_none() || !caller.allows("report") {
        let found = "the token cannot report, so `bulla where` does not know this server";
        findings.push(Finding::warning(STEP, found, MAKE));
    }
    findings
}
