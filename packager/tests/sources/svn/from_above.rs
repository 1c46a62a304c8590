//! Externals that a directory above the packed one defines.

use bulla_packager::source::{Location, SourceSpec};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::resolve;
use crate::checkout::{RECIPE, SvnRepository, open, open_url, program, refusal, run};

/// A trunk with `app`, into which `svn:externals` of `trunk` puts `app/vendor/lib`.
fn with_external(recipe: &str) -> SvnRepository {
    let repository = SvnRepository::with_files();
    repository.write("lib/code", "code\n");
    repository.write("app/bulla.toml", recipe);
    repository.write("app/file", "file\n");
    repository.commit("application");
    let value = "^/trunk/lib@5 app/vendor/lib\n^/trunk/lib@5 apple\n";
    repository.svn(&["propset", "-q", "svn:externals", value, "."]);
    repository.svn(&["commit", "-q", "-m", "external"]);
    repository.svn(&["update", "-q"]);
    repository
}

#[test]
fn what_it_put_there_is_refused_by_name() {
    let repository = with_external(RECIPE);
    let app = repository.work().join("app");
    assert!(app.join("vendor/lib/code").exists());
    let error = refusal(open(&app).and_then(resolve));
    assert_eq!(error.kind(), FailureKind::Refused);
    assert!(
        error
            .to_string()
            .contains("`vendor/lib` is defined in a directory above"),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("svn propedit") && hint.contains("`exclude`"),
        "{hint}"
    );
    // The directory that defines it has it as one of its own.
    assert!(resolve(open(&repository.work()).unwrap()).is_ok());
}

#[test]
fn what_it_did_not_put_there_is_warned_about() {
    let repository = with_external(RECIPE);
    let warned = |checkout| {
        let checkout = resolve(checkout).unwrap();
        let warnings = checkout.warnings.join("\n");
        assert!(
            warnings.contains("the external `vendor/lib` is defined above"),
            "{warnings}"
        );
        assert!(!warnings.contains("apple"), "{warnings}");
    };
    warned(open_url(&repository.url("trunk/app")).unwrap());
    let app = repository.work().join("app");
    warned(crate::checkout::open_revision(&app, "HEAD").unwrap());
    let without = repository.home().join("without");
    run(program("svn", repository.home())
        .args([
            "checkout",
            "-q",
            "--ignore-externals",
            &repository.url("trunk"),
        ])
        .arg(&without));
    warned(open(&without.join("app")).unwrap());
}

#[test]
fn one_that_is_left_out_says_nothing() {
    let repository = with_external(&format!("{RECIPE}exclude = [\"/vendor\"]\n"));
    for location in [
        Location::Directory(repository.work().join("app")),
        Location::Url(repository.url("trunk/app")),
    ] {
        let spec = SourceSpec {
            location,
            ..crate::checkout::spec(&repository.work())
        };
        let checkout = resolve(bulla_packager::source::open(&spec).unwrap()).unwrap();
        assert!(
            !checkout.warnings.join("\n").contains("external"),
            "{:?}",
            checkout.warnings
        );
    }
}
