//! The recipe of a checkout: whether it is valid, and whether each of its patterns matches
//! something.

use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::report::{Finding, Step};
use std::path::Path;

use bulla_schemas::ProjectName;
use bulla_schemas::recipe::{BundleSection, Recipe};

use crate::filter::Filter;
use crate::select::select;
use crate::source::{
    self, Checkout, GivenReference, Location, SourceError, SourceSpec, TrackedKind,
};
use crate::{recipe, source::Tracked};

const STEP: Step = Step::Recipe;

/// What is known of a checkout when its recipe has been looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// The project.
    pub project: Option<ProjectName>,
    /// Whether it is a Subversion checkout.
    pub is_svn: bool,
    /// Whether it is a git checkout.
    pub is_git: bool,
    /// Whether some of its files are kept by Git LFS.
    pub has_large_files: bool,
    /// The recipe, when it is valid.
    pub recipe: Option<Recipe>,
}

/// Looks at the checkout at or above `directory`.
pub fn examine(directory: &Path, spool: &Path) -> (Vec<Finding>, Examined) {
    let mut examined = Examined::default();
    let opened = source::open(&SourceSpec {
        location: Location::Directory(directory.to_owned()),
        revision: None,
        // What is not committed is no reason not to look at the rest.
        allow_dirty: true,
        reference: GivenReference::default(),
        spool: spool.to_owned(),
    });
    let checkout = match opened {
        Ok(checkout) => checkout,
        Err(SourceError::NoRepository { directory }) => {
            let finding = Finding::warning(
                STEP,
                format_args!("`{}` is in no checkout", directory.display()),
                "go into a checkout to have its recipe looked at",
            );
            return (vec![finding], examined);
        }
        Err(error) => return (vec![Finding::error(STEP, &error, error.hint())], examined),
    };
    examined.is_git = matches!(checkout.source, bulla_schemas::release::Source::Git { .. });
    examined.is_svn = !examined.is_git;
    examined.has_large_files = has_large_files(&checkout);
    let checked = match recipe::load(&checkout) {
        Ok(checked) => checked,
        Err(error) => return (vec![Finding::error(STEP, &error, error.hint())], examined),
    };
    let project = checked.recipe.bundle.project.clone();
    let mut findings = Vec::new();
    if checkout.provenance.dirty {
        findings.push(Finding::warning(
            STEP,
            "the checkout has changes that are in no revision",
            "commit them: a release that was packed with them cannot be promoted",
        ));
    }
    for warning in &checkout.warnings {
        findings.push(Finding::warning(
            STEP,
            warning,
            "add and commit what belongs to the release, and ignore the rest",
        ));
    }
    for path in checked.unclear_paths() {
        findings.push(Finding::warning(
            STEP,
            format_args!("the persistent path `{path}` may be a file or a directory"),
            recipe::make_clear(path),
        ));
    }
    findings.extend(patterns(&checked.recipe, checkout.tracked()));
    let tracked = checkout.tracked().len();
    let filter = match &checked.recipe.build {
        None => Filter::new(&checked.recipe.bundle).unwrap_or_else(|_| Filter::everything()),
        Some(_) => Filter::everything(),
    };
    match checkout.resolve(&checked.recipe.source, &filter) {
        Err(error) => findings.push(Finding::error(STEP, &error, error.hint())),
        // What a build makes is not there yet, and may be all that belongs to the release.
        Ok(_) if checked.recipe.build.is_some() => findings.push(Finding::ok(
            STEP,
            format_args!("{project}: valid, with a build"),
        )),
        Ok(checkout) => match select(checkout, &checked.recipe) {
            Err(error) => findings.push(Finding::error(STEP, &error, error.hint())),
            Ok(selection) => findings.push(Finding::ok(
                STEP,
                format_args!(
                    "{project}: valid; {} of {tracked} tracked paths belong to the release",
                    bulla_bundle::SourceTree::entries(&selection).len(),
                ),
            )),
        },
    }
    examined.project = Some(project);
    examined.recipe = Some(checked.recipe);
    (findings, examined)
}

/// Names each pattern that matches nothing: most likely a slip of the pen.
fn patterns(recipe: &Recipe, tracked: &[Tracked]) -> Vec<Finding> {
    let section = &recipe.bundle;
    let keys = [("include", &section.include), ("exclude", &section.exclude)];
    let all = keys
        .into_iter()
        .flat_map(|(key, patterns)| patterns.iter().map(move |pattern| (key, pattern)));
    // A pattern that takes something back matches only what another one took.
    let all = all.filter(|(_, pattern)| !pattern.starts_with('!'));
    all.filter(|(_, pattern)| !matches_any(section, pattern, tracked))
        .map(|(key, pattern)| {
            Finding::warning(
                STEP,
                format_args!("the pattern `{pattern}` of `{key}` matches nothing that is tracked"),
                "correct it, or remove it from `bulla.toml`",
            )
        })
        .collect()
}

fn matches_any(section: &BundleSection, pattern: &str, tracked: &[Tracked]) -> bool {
    let alone = BundleSection {
        include: vec![pattern.to_owned()],
        exclude: Vec::new(),
        ..section.clone()
    };
    let Ok(filter) = Filter::new(&alone) else {
        return true;
    };
    let mut judge = filter.judge();
    tracked.iter().any(|tracked| {
        let is_directory = matches!(
            tracked.kind,
            TrackedKind::Directory | TrackedKind::Submodule
        );
        judge.takes(&String::from_utf8_lossy(&tracked.path), is_directory)
    })
}

/// Tells whether an attributes file of the checkout names the filter of Git LFS.
fn has_large_files(checkout: &Checkout) -> bool {
    /// Most bytes of an attributes file that are looked at.
    const MOST: u64 = 1024 * 1024;
    let tracked = checkout.tracked().iter().enumerate();
    let mut attributes = tracked.filter(|(_, tracked)| {
        tracked.path == b".gitattributes" || tracked.path.ends_with(b"/.gitattributes")
    });
    attributes.any(|(position, _)| {
        checkout
            .read(position, MOST)
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("filter=lfs"))
    })
}
