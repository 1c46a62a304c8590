//! One registry: the way there, TLS, and what it says of the token.

use std::path::Path;

use bulla_registry_client::{Greeting, address_finding};
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::report::{Finding, FindingKind, Step};
use bulla_schemas::units::count;
use bulla_trust::{Checkpoint, LogState, SignedNote, VerifierKey, witness};
use url::Url;

use super::failed::failed;
use super::network;
use crate::fetch::Access;
use crate::fetch::supply::Source;

const STEP: Step = Step::Registry;

/// What a registry says of the token, and how far its log has come.
type Asked = (Option<Greeting>, Option<(Checkpoint, SignedNote)>);

/// What came of it.
pub(crate) struct Examined {
    pub(crate) findings: Vec<Finding>,
    /// What the registry says, where it could be asked.
    pub(crate) greeting: Option<Greeting>,
    /// How far its log has come, as it says, and who cosigned that.
    pub(crate) checkpoint: Option<(Checkpoint, SignedNote)>,
}

/// Looks at one registry, and at the file that its token was read from.
pub(crate) fn examine(access: &Access, token_file: Option<&Path>) -> Examined {
    let mut findings = vec![address_finding(&access.url)];
    findings.extend(token_file.and_then(open_to_others));
    let (greeting, checkpoint) = ask(access, &mut findings).unwrap_or_default();
    Examined {
        findings,
        greeting,
        checkpoint,
    }
}

/// Looks which registries are behind another one, or behind what this server has verified.
pub(crate) fn behind(known: &LogState, asked: &[(&Url, Checkpoint)]) -> Vec<Finding> {
    let newest = asked.iter().map(|(_, checkpoint)| checkpoint.size);
    let newest = newest.chain([known.size()]).max().unwrap_or(0);
    let is_shorter = |checkpoint: &Checkpoint| checkpoint.size < known.size();
    let all_are_shorter = asked.iter().all(|(_, checkpoint)| is_shorter(checkpoint));
    let findings = asked.iter().filter_map(|(url, checkpoint)| {
        let root = known.root_at(checkpoint.size);
        if root.is_some_and(|root| root != checkpoint.root) {
            return Some(Finding::failed(
                Step::Log,
                format_args!("{url} shows another log than this server has verified"),
                Some(
                    "ask who runs it whether it was restored from an older backup and went on from there, and \
                     a colleague for the output of `bulla anchor`"
                        .to_owned(),
                ),
            ));
        }
        if all_are_shorter {
            return Some(Finding::failed(
                Step::Log,
                format_args!(
                    "{url} has a log of {}, and this server has verified {}: `install` refuses a log that \
                     shrank",
                    count(checkpoint.size, "entry", "entries"),
                    count(known.size(), "entry", "entries")
                ),
                Some(
                    "ask who runs it whether it was restored from an older backup; the newer `log/` has to \
                     come back"
                        .to_owned(),
                ),
            ));
        }
        let missing = newest.saturating_sub(checkpoint.size);
        (missing > 0).then(|| {
            Finding::warning(
                Step::Log,
                format_args!(
                    "{url} is {} behind the newest log that is known here",
                    count(missing, "entry", "entries")
                ),
                "its copy of the log stands still, or comes late: ask who runs that registry",
            )
        })
    });
    findings.collect()
}

/// Looks whether the witnesses that this server knows cosigned what a registry shows. Servers ask for them
/// even where a newer policy names others.
pub(crate) fn unwitnessed(
    known: &LogState,
    url: &Url,
    (checkpoint, note): &(Checkpoint, SignedNote),
) -> Option<Finding> {
    let policy = known.checked_policy()?;
    let is_new = checkpoint.size > known.size();
    if !is_new || witness::has_quorum(policy, note) {
        return None;
    }
    Some(Finding::warning(
        Step::Log,
        format_args!(
            "{url} has {}, cosigned by {} of the {} witnesses that this server asks for ({}): it takes \
             nothing in before they have",
            count(checkpoint.size, "entry", "entries"),
            witness::count(policy, note),
            policy.policy().witnesses.quorum,
            list(policy.witness_keys().iter().map(VerifierKey::name)),
        ),
        "they may be late; where they were taken out of the policy while this server was off, have one of \
         them run once more (`bulla witness`), or, where they are lost, move `log` in the state folder away \
         and `bulla-installer enroll` with what `bulla anchor` prints on a computer you trust",
    ))
}

/// Goes the way to the registry until something fails. One that does not know tokens, as a mirror of
/// files, may serve the log.
fn ask(access: &Access, findings: &mut Vec<Finding>) -> Option<Asked> {
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
    let greeting = match supply.wait(client.caller()) {
        Ok(greeting) => {
            findings.extend(token(&greeting, client.has_token()));
            Some(greeting)
        }
        Err(error) => {
            findings.push(failed(STEP, &error));
            if error.kind() == FailureKind::Temporary {
                return None;
            }
            None
        }
    };
    let note = supply.wait(client.checkpoint()).ok();
    let checkpoint = note.and_then(|note| Checkpoint::parse(&note).ok());
    Some((greeting, checkpoint))
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

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{Organisation, key, project, witness_line};

    use super::*;

    #[test]
    fn what_other_witnesses_cosigned_is_named_with_the_way_out() {
        let mut acme = Organisation::with_policy(|policy| {
            policy.witnesses.keys = vec![witness_line("office")];
            policy.witnesses.quorum = 1;
        });
        let known = acme.state.clone();
        let url: Url = "https://a.example".parse().unwrap();
        let shown = |acme: &Organisation, by: &[&str]| {
            let (checkpoint, mut note) = Checkpoint::parse(&acme.checkpoint()).unwrap();
            for name in by {
                note.cosign(name, &key(name), 1_795_000_000).unwrap();
            }
            (checkpoint, note)
        };
        assert!(
            unwitnessed(&known, &url, &shown(&acme, &[])).is_none(),
            "nothing is new"
        );
        acme.publish(&project(), "one");
        assert!(unwitnessed(&known, &url, &shown(&acme, &["office"])).is_none());
        let found = unwitnessed(&known, &url, &shown(&acme, &["cloud"])).unwrap();
        assert!(
            found
                .found
                .contains("0 of the 1 witnesses that this server asks for (office)")
        );
        assert!(found.hint.unwrap().contains("bulla-installer enroll"));
    }

    #[test]
    fn a_log_that_shrank_everywhere_has_failed_and_one_that_another_registry_has_longer_is_late() {
        let mut acme = Organisation::new();
        let checkpoint = |state: &LogState| Checkpoint {
            origin: state.origin().unwrap().to_owned(),
            size: state.size(),
            root: state.root(),
        };
        let older = checkpoint(&acme.state);
        acme.publish(&project(), "one");
        let newer = checkpoint(&acme.state);
        let (url, other): (Url, Url) = (
            "https://a.example".parse().unwrap(),
            "https://b.example".parse().unwrap(),
        );
        let shrunk = behind(&acme.state, &[(&url, older.clone())]);
        assert_eq!(shrunk.len(), 1, "{shrunk:?}");
        assert_eq!(shrunk[0].result, FindingKind::Failed);
        assert!(shrunk[0].hint.as_ref().unwrap().contains("backup"));
        let late = behind(&acme.state, &[(&url, older), (&other, newer)]);
        assert_eq!(late.len(), 1, "{late:?}");
        assert_eq!(late[0].result, FindingKind::Warning);
    }
}
