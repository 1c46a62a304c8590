//! What `bulla show` reports about a release: the verified bundle, and what the log says about it.

use bulla_bundle::VerifiedBundle;
use bulla_schemas::ProjectName;
use bulla_schemas::report::{ReleaseReport, StatementReport};
use bulla_trust::{LogState, ReleaseRecord};

use crate::resolve::ResolveError;

/// Gathers what is known about a release.
pub fn release(
    state: &LogState,
    project: &ProjectName,
    bundle: &VerifiedBundle,
) -> Result<ReleaseReport, ResolveError> {
    let hash = bundle.hash();
    let release = state
        .release(project, &hash)
        .ok_or_else(|| ResolveError::Unknown {
            name: hash.to_string(),
            project: Some(project.clone()),
            elsewhere: Vec::new(),
            channels: Vec::new(),
        })?;
    Ok(ReleaseReport {
        project: project.clone(),
        summary: state.release_summary(project, release),
        manifest: bundle.manifest().clone(),
        document: bundle.release().clone(),
        statements: release.statements.iter().map(statement).collect(),
    })
}

fn statement(record: &ReleaseRecord) -> StatementReport {
    StatementReport {
        entry: record.entry,
        builders: record.builders.clone(),
        source: record.source.clone(),
        reference: record.reference.clone(),
        revision: record.revision.clone(),
        label: record.label.clone(),
        dirty: record.dirty,
        build: record.build,
        finished_on: record.finished_on,
    }
}
