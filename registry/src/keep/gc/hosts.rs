//! What hosts need of a project, by what they reported.

use std::collections::BTreeSet;

use bulla_schemas::{Digest, HostName, ProjectName};

use crate::database::Changes;
use crate::error::RegistryError;
use crate::keep::parts::Parts;

/// Returns what hosts say that they have, want, or had before.
pub(super) async fn hosts(
    parts: &Parts,
    project: &ProjectName,
) -> Result<BTreeSet<(Digest, HostName)>, RegistryError> {
    let mut known = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = parts.database.project_hosts(project, &after, 100).await?;
        let Some((last, _)) = page.last() else {
            return Ok(known);
        };
        after = last.host.to_string();
        for (row, report) in &page {
            let held = report.hold.as_ref().map(|hold| hold.hash);
            let named = [report.live, report.head, held].into_iter().flatten();
            known.extend(named.map(|hash| (hash, row.host.clone())));
            let (last, mut before) = parts.database.lives(project, &row.host).await?;
            if before.is_none() {
                before = reported_before(parts, project, &row.host, last).await?;
            }
            let lives = [last, before].into_iter().flatten();
            known.extend(lives.map(|hash| (hash, row.host.clone())));
        }
    }
}

/// Returns what was live on a host before `last`, by the reports that are kept: an earlier program wrote
/// it down nowhere else.
async fn reported_before(
    parts: &Parts,
    project: &ProjectName,
    host: &HostName,
    last: Option<Digest>,
) -> Result<Option<Digest>, RegistryError> {
    let asked = Changes {
        host,
        project: Some(project),
        before: u64::MAX,
        limit: 100,
    };
    let changes = parts.database.host_changes(&asked).await?;
    let mut lives = changes.iter().filter_map(|change| change.report.live);
    Ok(lives.find(|live| Some(*live) != last))
}
