//! Selection: what of a checkout becomes part of a release.

use bulla_bundle::SourceTree as _;
use bulla_packager::recipe;
use bulla_packager::select::{SelectError, Selection, select};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::checkout::{GitRepository, open};

fn selection(repository: &GitRepository) -> Result<Selection, SelectError> {
    let checkout = open(&repository.work()).unwrap();
    let recipe = recipe::load(&checkout).unwrap();
    select(checkout, &recipe.recipe)
}

fn selected(repository: &GitRepository) -> Vec<String> {
    let selection = selection(repository).unwrap();
    let mut paths: Vec<String> = selection
        .entries()
        .iter()
        .map(|entry| entry.path.to_string())
        .collect();
    paths.sort();
    paths
}

fn refused(repository: &GitRepository) -> SelectError {
    match selection(repository) {
        Ok(_) => panic!("selected"),
        Err(error) => error,
    }
}

fn with_recipe(more: &str) -> GitRepository {
    let repository = GitRepository::with_files();
    repository.write("bulla.toml", format!("[bundle]\nproject = \"a\"\n{more}"));
    repository
}

#[test]
fn takes_everything_that_is_tracked() {
    let repository = with_recipe("");
    repository.commit("recipe");
    assert_eq!(
        selected(&repository),
        ["README", "bin/run", "bin/start", "bulla.toml"]
    );
}

#[test]
fn includes_and_excludes() {
    let repository =
        with_recipe("include = [\"bin/\", \"src/**\"]\nexclude = [\"*.psd\", \"src/tests/\"]\n");
    repository.write("src/a.rs", "x");
    repository.write("src/logo.psd", "x");
    repository.write("src/tests/b.rs", "x");
    repository.commit("more");
    assert_eq!(selected(&repository), ["bin/run", "bin/start", "src/a.rs"]);
}

#[test]
fn refuses_a_selection_without_files() {
    let repository = with_recipe("exclude = [\"**\"]\n");
    repository.commit("none");
    let error = refused(&repository);
    assert!(matches!(error, SelectError::Nothing { tracked: 4 }));
    assert_eq!(error.kind(), FailureKind::Usage);
}

#[test]
fn refuses_links_that_leave_the_tree_unless_excluded() {
    for target in ["/etc/passwd", "../../outside", "run/../../../x"] {
        let repository = with_recipe("");
        repository.link("bin/out", target);
        repository.commit("link");
        let error = refused(&repository);
        assert!(error.to_string().contains("`bin/out`"), "{error}");
        assert_eq!(error.kind(), FailureKind::Refused);

        repository.write(
            "bulla.toml",
            "[bundle]\nproject = \"a\"\nexclude = [\"/bin/out\"]\n",
        );
        repository.commit("excluded");
        assert!(selection(&repository).is_ok());
    }
}

#[test]
fn refuses_submodules_unless_excluded() {
    let repository = with_recipe("");
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{},lib/other", "1".repeat(40)),
    ]);
    repository.git(&["add", "bulla.toml"]);
    repository.git(&["commit", "-q", "-m", "submodule"]);
    std::fs::create_dir_all(repository.work().join("lib/other")).unwrap();
    let error = refused(&repository);
    assert!(
        error.to_string().contains("`lib/other` is a git submodule"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("exclude = [\"/lib/other\"]"));

    repository.write(
        "bulla.toml",
        "[bundle]\nproject = \"a\"\nexclude = [\"/lib/other\"]\n",
    );
    repository.git(&["commit", "-q", "-a", "-m", "excluded"]);
    assert!(selection(&repository).is_ok());
}

#[test]
fn refuses_names_that_are_no_text_unless_excluded() {
    use std::os::unix::ffi::OsStrExt as _;
    let repository = with_recipe("");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    std::fs::write(repository.work().join(name), "x").unwrap();
    repository.commit("latin");
    let error = refused(&repository);
    assert_eq!(error.to_string(), "the name `caf\\xe9.txt` is not UTF-8");
    repository.write(
        "bulla.toml",
        "[bundle]\nproject = \"a\"\nexclude = [\"caf*\"]\n",
    );
    repository.commit("excluded");
    assert!(selection(&repository).is_ok());
}

#[test]
fn refuses_control_characters_in_names() {
    let repository = with_recipe("");
    repository.write("two\nlines", "x");
    repository.commit("control");
    assert!(matches!(refused(&repository), SelectError::Path(_)));
    repository.write(
        "bulla.toml",
        "[bundle]\nproject = \"a\"\nexclude = [\"two*\"]\n",
    );
    repository.commit("excluded");
    assert!(selection(&repository).is_ok());
}

#[test]
fn refuses_the_file_that_the_installer_writes() {
    let repository = with_recipe("");
    repository.write(".bulla-release", "x");
    repository.commit("reserved");
    assert!(matches!(refused(&repository), SelectError::Path(_)));
}

#[test]
fn refuses_tracked_files_at_persistent_paths() {
    for (persist, tracked) in [
        ("var/uploads", "var/uploads/.gitkeep"),
        ("var/uploads", "var/uploads"),
        ("var/uploads/images", "var/uploads"),
    ] {
        let repository = with_recipe(&format!("[install]\npersist = [\"{persist}\"]\n"));
        repository.write(tracked, "x");
        repository.commit("persist");
        let error = refused(&repository);
        let said = error.to_string();
        assert!(
            said.contains(&format!("`{persist}`")) && said.contains(&format!("`{tracked}`")),
            "{said}"
        );
    }
    let repository = with_recipe("[install]\npersist = [\"var/uploads\"]\n");
    repository.write("var/uploads.txt", "x");
    repository.commit("beside");
    assert!(selection(&repository).is_ok());
}
