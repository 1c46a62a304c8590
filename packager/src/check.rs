//! Whether a revision gives the same release twice: it is packed twice, the second time in other
//! surroundings, and whatever differs is named with the first place.
//!
//! Without a build only the number of threads can vary. With one, time, processors, the order of
//! directories, umask, user, home, name of the machine, locale and time zone do as well; the path
//! of the build does not, since it is fixed for everybody.

mod explain;
mod format;
mod place;
mod variation;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use bulla_bundle::{Bundle, Progress, SourceTree as _};
use bulla_schemas::EntryPath;
use bulla_schemas::api::ChangeKind;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::recipe::BuildSection;
use bulla_schemas::report::{CheckDifference, CheckReport};

use crate::build::{BuildError, Surroundings};
use crate::pack::{self, PackError, PackOptions};
use crate::recipe::CheckedRecipe;
use crate::select::Selection;
use crate::source::SourceSpec;

pub use explain::Explainer;

/// Most files that are looked into.
const LOOKED_INTO: usize = 100;
/// How long the second build waits, so that the clock shows another second.
const ANOTHER_SECOND: Duration = Duration::from_millis(1100);

/// Why a revision could not be packed twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// It cannot be packed even once.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The second build failed.
    #[error("the build works once, and fails in other surroundings ({})", .varied.join(", "))]
    Unstable {
        /// What was different.
        varied: Vec<String>,
        /// How it failed.
        #[source]
        source: Box<BuildError>,
    },
    /// An output cannot be read again.
    #[error("cannot compare `{path}`")]
    Compare {
        /// The path.
        path: EntryPath,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
}

impl Outcome for CheckError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Pack(error) => error.kind(),
            Self::Unstable { .. } | Self::Compare { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Pack(error) => error.hint(),
            Self::Unstable { .. } | Self::Compare { .. } => None,
        }
    }
}

/// What was found out.
pub struct Checked {
    /// What differs.
    pub report: CheckReport,
    /// What a person should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Packs the revision twice and compares.
pub fn check(
    spec: &SourceSpec,
    options: &PackOptions,
    explainer: Option<&Explainer>,
    progress: &dyn Progress,
) -> Result<Checked, CheckError> {
    let (checkout, recipe) = pack::open(spec)?;
    let section = recipe.recipe.build.as_ref();
    let revision = checkout.source.revision().to_owned();
    if section.is_some() {
        options.build.listener.tell("first build:");
    }
    let first = Packing {
        selection: pack::choose(checkout, &recipe, options)?,
        recipe: &recipe,
        options,
    };
    let (other, varied) = vary(options, section);
    // Also with a false clock: not every program looks at it.
    if section.is_some() {
        std::thread::sleep(ANOTHER_SECOND);
        options.build.listener.tell("second build:");
    }
    let (again, _) = pack::open(spec)?;
    let second = pack::choose(again, &recipe, &other);
    let second = Packing {
        selection: second.map_err(|error| match error {
            PackError::Build(
                source @ (BuildError::Exited { .. } | BuildError::TimedOut { .. }),
            ) => {
                let varied = varied.clone();
                CheckError::Unstable {
                    varied,
                    source: Box::new(source),
                }
            }
            error => error.into(),
        })?,
        recipe: &recipe,
        options: &other,
    };
    let (one, two) = (first.write(progress)?, second.write(progress)?);
    let report = CheckReport {
        project: recipe.recipe.bundle.project.clone(),
        revision,
        built: section.is_some(),
        first: one.hash(),
        second: two.hash(),
        varied,
        differences: compare(&first, &second, &one, &two, explainer)?,
    };
    let mut warnings = first.selection.into_checkout().warnings;
    warnings.extend(recipe.warnings());
    Ok(Checked { report, warnings })
}

/// One of the two times.
struct Packing<'a> {
    selection: Selection,
    recipe: &'a CheckedRecipe,
    options: &'a PackOptions,
}

impl Packing<'_> {
    fn write(&self, progress: &dyn Progress) -> Result<Bundle, PackError> {
        pack::write(&self.selection, self.recipe, self.options, progress)
    }

    fn positions(&self) -> HashMap<&EntryPath, usize> {
        let entries = self.selection.entries().iter().enumerate();
        entries
            .map(|(position, entry)| (&entry.path, position))
            .collect()
    }
}

/// Returns other options than `options`, and what is different about them.
fn vary(options: &PackOptions, section: Option<&BuildSection>) -> (PackOptions, Vec<String>) {
    let mut other = options.clone();
    let one = NonZeroUsize::MIN;
    other.threads = match options.threads.get() {
        1 => one.saturating_add(1),
        _ => one,
    };
    let mut varied = vec![format!("threads {} and {}", options.threads, other.threads)];
    let Some(section) = section else {
        return (other, varied);
    };
    // In another year no certificate of a server is valid.
    let clock = variation::false_clock().filter(|_| !section.network);
    let usual = &options.build.surroundings;
    let unusual = Surroundings::unusual(variation::other_locale(), clock);
    varied.push(match &unusual.clock {
        Some(clock) => format!("time now and {}", clock.offset),
        None if section.network => {
            "time by a second or more (not the date, because of the network)".to_owned()
        }
        None => "time by a second or more (not the date, without `libfaketime`)".to_owned(),
    });
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    if processors > 1 {
        varied.push(format!("processors {processors} and 1"));
    }
    varied.push(match variation::other_spool(&options.build.spool) {
        Some(spool) => {
            other.build.spool = spool;
            "order of directories, on another file system".to_owned()
        }
        None => "order in which files are made".to_owned(),
    });
    varied.push(format!(
        "umask {:03o} and {:03o}",
        usual.umask, unusual.umask
    ));
    // Without a sandbox the kernel says the same of both, and no two paths are the same.
    let (reach, home) = if options.build.no_sandbox {
        (
            ", in variables only",
            "paths of the build and its home".to_owned(),
        )
    } else {
        ("", format!("home {} and {}", usual.home, unusual.home))
    };
    varied.push(home);
    for (what, one, two, reach) in [
        ("user", usual.user, unusual.user, reach),
        ("machine", usual.hostname, unusual.hostname, reach),
        ("locale", &usual.locale, &unusual.locale, ""),
        ("time zone", usual.timezone, unusual.timezone, ""),
    ] {
        varied.push(format!("{what} {one} and {two}{reach}"));
    }
    other.build.surroundings = unusual;
    (other, varied)
}

fn compare(
    first: &Packing<'_>,
    second: &Packing<'_>,
    one: &Bundle,
    two: &Bundle,
    explainer: Option<&Explainer>,
) -> Result<Vec<CheckDifference>, CheckError> {
    let (in_first, in_second) = (first.positions(), second.positions());
    let mut differences = Vec::new();
    for change in bulla_bundle::diff(one.entries(), two.entries()) {
        let mut difference = CheckDifference {
            change,
            place: None,
            explanation: None,
        };
        let path = &difference.change.path;
        let is_content = difference.change.change == ChangeKind::Changed;
        if let (true, Some(one), Some(two)) = (
            is_content && differences.len() < LOOKED_INTO,
            in_first.get(path),
            in_second.get(path),
        ) {
            let failed = |source| CheckError::Compare {
                path: path.clone(),
                source,
            };
            let one = || first.selection.content(*one);
            let two = || second.selection.content(*two);
            difference.place = place::find(&one, &two).map_err(failed)?;
            if let Some(explainer) = explainer {
                difference.explanation = explainer.explain(path, &one, &two).map_err(failed)?;
            }
        }
        differences.push(difference);
    }
    Ok(differences)
}
