//! What a mirror answers otherwise than the registry that it is a copy of.

use bulla_schemas::ProjectName;

use crate::app::App;
use crate::http::problem::Problem;
use crate::pattern::ProjectPattern;

/// Refuses what would be written to a mirror; `allow` are the methods that are answered there.
pub(super) fn refuse(app: &App, allow: &'static str) -> Result<(), Problem> {
    match &app.mirror {
        None => Ok(()),
        Some(mirror) => Err(Problem::Mirror {
            origin: mirror.origin.clone(),
            allow,
        }),
    }
}

/// Says where the content of a project is that is not mirrored.
pub(super) fn elsewhere(app: &App, project: &ProjectName, problem: Problem) -> Problem {
    let is_absent = matches!(
        problem,
        Problem::BlobUnknown { .. }
            | Problem::ManifestUnknown { .. }
            | Problem::NameUnknown { .. }
            | Problem::NotFound { what: "bundle", .. }
    );
    let Some(mirror) = app.mirror.as_ref().filter(|_| is_absent) else {
        return problem;
    };
    let matches = |pattern: &String| {
        let pattern = pattern.parse::<ProjectPattern>();
        pattern.is_ok_and(|pattern| pattern.matches(project))
    };
    if mirror.projects.is_empty() || mirror.projects.iter().any(matches) {
        return problem;
    }
    Problem::NotMirrored {
        project: project.clone(),
        origin: mirror.origin.clone(),
    }
}
