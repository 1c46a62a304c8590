//! The rule for releases: a builder, inside its limits. A release makes a bundle promotable.

use bulla_schemas::policy::BuilderRule;
use bulla_schemas::statement::{Dependency, DependencyDigest, ReleaseStatement};
use bulla_schemas::{Digest, Name};

use super::entry::Entry;
use super::reason::{Reason, ScopePart};
use super::signers::Signed;
use crate::policy::{Owner, matches};
use crate::state::{Effect, Release, ReleaseRecord};

pub(super) fn judge(
    entry: &Entry<'_>,
    signed: &Signed<'_>,
    release: &ReleaseStatement,
) -> Result<Effect, Reason> {
    let [subject] = &release.subject;
    let definition = &release.predicate.build_definition;
    let parameters = &definition.external_parameters;
    if subject.name != parameters.project {
        return Err(Reason::SubjectProject {
            project: parameters.project.clone(),
            subject: subject.name.clone(),
        });
    }
    // Every builder that signed must be one that may say this.
    let builders = signed.names(|owner| matches!(owner, Owner::Builder(_)));
    for rule in builders
        .iter()
        .filter_map(|name| signed.policy.builder(name))
    {
        check_scope(rule, release)?;
    }
    if builders.is_empty() {
        return Err(Reason::NoBuilder);
    }
    let (project, hash) = (subject.name.clone(), subject.digest.sha256);
    let payload = entry.payload_digest();
    if let Some(release) = entry.before.release(&project, &hash) {
        check_new(release, &builders, payload)?;
    }
    let [dependency] = &definition.resolved_dependencies;
    let record = ReleaseRecord {
        entry: entry.index,
        builders,
        source: parameters.source.clone(),
        reference: parameters.reference.clone(),
        revision: revision(dependency),
        label: parameters.label.clone(),
        dirty: parameters.dirty,
        build: parameters.build,
        size: subject.annotations.size,
        finished_on: release.predicate.run_details.metadata.finished_on,
        payload,
    };
    Ok(Effect::Release(project, hash, Box::new(record)))
}

/// Refuses what all of its builders have said before, word for word: an envelope can be sent again
/// by anybody, and a builder signs as often as it is asked to.
fn check_new(release: &Release, builders: &[Name], payload: Digest) -> Result<(), Reason> {
    let said = |builder: &Name| {
        let mut statements = release.statements.iter();
        statements.find(|said| said.payload == payload && said.builders.contains(builder))
    };
    let before: Option<Vec<_>> = builders.iter().map(said).collect();
    match before.as_deref() {
        Some([first, ..]) => Err(Reason::Repeated { entry: first.entry }),
        _ => Ok(()),
    }
}

fn check_scope(rule: &BuilderRule, release: &ReleaseStatement) -> Result<(), Reason> {
    let parameters = &release.predicate.build_definition.external_parameters;
    let builder_id = &release.predicate.run_details.builder.id;
    let outside = |part, found: &str| Reason::BuilderScope {
        builder: rule.name.clone(),
        part,
        found: found.to_owned(),
    };
    if *builder_id != rule.builder_id {
        return Err(outside(ScopePart::BuilderId, builder_id));
    }
    for (part, patterns, found) in [
        (
            ScopePart::Project,
            &rule.projects,
            parameters.project.as_str(),
        ),
        (ScopePart::Source, &rule.sources, &parameters.source),
        (ScopePart::Reference, &rule.refs, &parameters.reference),
    ] {
        if !patterns.iter().any(|pattern| matches(pattern, found)) {
            return Err(outside(part, found));
        }
    }
    Ok(())
}

/// The revision as people know it: svn's number, or git's commit id.
fn revision(dependency: &Dependency) -> String {
    match (&dependency.annotations, &dependency.digest) {
        (Some(annotations), _) => annotations.svn_revision.clone(),
        (None, DependencyDigest::GitCommit(id) | DependencyDigest::Sha256(id)) => id.clone(),
    }
}
