//! Externals in externals, changed externals, and externals of another repository.

use bulla_packager::source::{Checkout, SourceError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::server::serve;
use super::{assert_same, resolve};
use crate::checkout::{
    RECIPE, SvnRepository, contents, open, open_dirty, open_url, program, refusal, run,
};

fn from_url(repository: &SvnRepository) -> Result<Checkout, SourceError> {
    resolve(open_url(&repository.url("trunk")).unwrap())
}

/// Sets `svn:externals` of a directory in the repository.
fn set(repository: &SvnRepository, value: &str, directory: &str) {
    run(program("svnmucc", repository.home())
        .args(["-m", "externals", "propset", "svn:externals", value])
        .arg(repository.url(directory)));
}

#[test]
fn externals_of_externals_come_along() {
    let repository = SvnRepository::with_files();
    for directory in ["other/one", "other/two", "other/three"] {
        repository.svn(&["mkdir", "-q", "-m", "library", &repository.url(directory)]);
    }
    set(&repository, "../three@7 deep/three", "other/two");
    set(
        &repository,
        "^/other/two@8 two\n^/trunk/README@4 read",
        "other/one",
    );
    set(&repository, "^/other/one@9 one", "trunk");
    repository.svn(&["update", "-q"]);
    let served = from_url(&repository).unwrap();
    let found = contents(&served);
    assert!(found.contains_key("one/two/deep/three"), "{found:?}");
    assert_eq!(found["one/read"].1, "hello\\n");
    let home = repository.home();
    std::fs::rename(home.join("repo"), home.join("away")).unwrap();
    let offline = resolve(open(&repository.work()).unwrap()).unwrap();
    assert_same(&served, &offline);
}

#[test]
fn the_recipe_pins_files_and_externals_of_externals_too() {
    let repository = SvnRepository::with_files();
    repository.write(
        "bulla.toml",
        format!("{RECIPE}[source]\nexternals = {{ \"one/two\" = 4, \"one/read\" = 4 }}\n"),
    );
    repository.commit("pins");
    repository.svn(&["mkdir", "-q", "-m", "library", &repository.url("other/one")]);
    set(
        &repository,
        "^/trunk/bin two\n^/trunk/README read",
        "other/one",
    );
    set(&repository, "^/other/one@7 one", "trunk");
    repository.write("README", "later\n");
    repository.svn(&["commit", "-q", "-m", "later", "README"]);
    repository.svn(&["update", "-q"]);
    let served = from_url(&repository).unwrap();
    let found = contents(&served);
    assert_eq!(found["README"].1, "later\\n");
    assert_eq!(found["one/read"].1, "hello\\n");
    assert_eq!(found["one/two/start"].1, "run");
    assert_same(
        &served,
        &resolve(open(&repository.work()).unwrap()).unwrap(),
    );
}

#[test]
fn refuses_an_external_that_contains_itself() {
    let repository = SvnRepository::with_files();
    // A definition may name the revision that it becomes.
    set(&repository, "^/trunk@5 self", "trunk");
    let error = refusal(from_url(&repository));
    assert_eq!(error.kind(), FailureKind::Refused);
    assert!(
        error.to_string().contains("`self` contains itself"),
        "{error}"
    );
}

#[test]
fn refuses_changes_in_an_external() {
    let repository = SvnRepository::with_files();
    set(
        &repository,
        "^/trunk/bin@4 ext\n^/trunk/README@4 read",
        "trunk",
    );
    repository.svn(&["update", "-q"]);
    repository.write("ext/run", "changed");
    let error = refusal(resolve(open(&repository.work()).unwrap()));
    assert!(error.to_string().contains("modified: run"), "{error}");
    assert!(error.hint().unwrap().contains("svn revert"));
    repository.svn(&["revert", "-q", "ext/run"]);
    repository.write("ext/new", "x");
    let found = resolve(open(&repository.work()).unwrap()).unwrap();
    assert_eq!(
        found.warnings,
        ["`ext/new` is not tracked and not part of the release"]
    );
    repository.write("read", "changed");
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("modified: read"), "{error}");
    assert!(!error.hint().unwrap().contains("--allow-dirty"), "{error}");
    // Its revision would be packed, and the change lost without a word.
    refusal(open_dirty(&repository.work()));
}

#[test]
fn a_file_external_that_was_taken_away_wants_an_update() {
    let repository = SvnRepository::with_files();
    set(&repository, "^/trunk/README@4 read", "trunk");
    repository.svn(&["update", "-q"]);
    repository.svn(&["update", "-q", "-r", "4"]);
    let error = refusal(open(&repository.work()));
    let said = error.to_string();
    assert!(said.contains("left by a file external: read"), "{said}");
    assert!(error.hint().unwrap().contains("svn update"), "{error}");
    repository.svn(&["update", "-q", "-r", "4"]);
    assert!(open(&repository.work()).is_ok());
}

#[test]
fn an_external_of_another_server_is_there_when_that_is_gone() {
    let other = SvnRepository::with_files();
    let (svnserve, url) = serve(other.home());
    let repository = SvnRepository::with_files();
    set(&repository, &format!("{url}/repo/trunk@4 ext"), "trunk");
    repository.svn(&["update", "-q"]);
    let served = from_url(&repository).unwrap();
    assert_eq!(contents(&served)["ext/bin/start"].1, "run");
    drop(svnserve);
    let offline = resolve(open(&repository.work()).unwrap()).unwrap();
    assert_same(&served, &offline);
    let error = refusal(from_url(&repository));
    assert_eq!(error.kind(), FailureKind::Temporary);
}
