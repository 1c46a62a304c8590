//! The keys: a builder's file, and a person's SSH key with what can sign with it.

use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::report::{Finding, Step};
use std::path::Path;

use bulla_trust::LogState;
use bulla_trust::key::PublicKey;
use bulla_trust::policy::Owner;

use crate::key;
use crate::ssh::PersonalKey;

const STEP: Step = Step::Keys;

/// Looks at a builder's key file.
pub fn builder(path: &Path, log: Option<&LogState>) -> Vec<Finding> {
    // Where a program signs, only the public half is here.
    if let Ok(public) = PersonalKey::read(path) {
        return owner(&path.display().to_string(), &public.public, log, "builder");
    }
    let key = match key::read(path) {
        Ok(key) => key.public_key(),
        Err(error) => return vec![Finding::error(STEP, &error, error.hint())],
    };
    let mut findings = Vec::new();
    if let Some(mode) = bulla_files::open_mode(path) {
        findings.push(Finding::failed(
            STEP,
            format_args!(
                "`{}` can be read by others: mode {mode:04o}",
                path.display()
            ),
            Some(format!("chmod 600 {}", path.display())),
        ));
    }
    let name = path.display().to_string();
    findings.extend(owner(&name, &key, log, "builder"));
    findings
}

/// Looks at a person's SSH key.
pub fn personal(key: &PersonalKey, log: Option<&LogState>) -> Vec<Finding> {
    let name = key.path.display().to_string();
    let mut findings = Vec::new();
    if !key.is_usable() {
        findings.push(Finding::failed(
            STEP,
            format_args!("cannot sign with `{name}`: the agent does not have the key, and its private half is not next to it"),
            Some("load it into the agent with `ssh-add`".to_owned()),
        ));
    }
    findings.extend(owner(&name, &key.public, log, "person"));
    findings
}

/// Says whose key the policy says it is.
fn owner(name: &str, key: &PublicKey, log: Option<&LogState>, kind: &str) -> Vec<Finding> {
    let fingerprint = key.fingerprint();
    let Some(policy) = log.and_then(LogState::checked_policy) else {
        let found = format_args!("`{name}` is {fingerprint}; the log would say whose it is");
        return vec![Finding::ok(STEP, found)];
    };
    vec![match (policy.key(&fingerprint), kind) {
        (Some((Owner::Person(person), _)), "person") => Finding::ok(
            STEP,
            format_args!("`{name}` is {person}'s, whom the policy names"),
        ),
        (Some((Owner::Builder(builder), _)), "builder") => {
            Finding::ok(STEP, format_args!("`{name}` is the builder {builder}'s"))
        }
        (Some(_), _) => Finding::failed(
            STEP,
            format_args!("the policy has {fingerprint}, but not as the key of a {kind}"),
            Some(format!("use the key of a {kind}")),
        ),
        (None, _) => Finding::failed(
            STEP,
            format_args!("the policy does not name the key `{name}` ({fingerprint})"),
            Some(
                "use the key that the policy names, or ask for a policy that names this one"
                    .to_owned(),
            ),
        ),
    }]
}
