//! `svn:externals`: what has a revision is part of a release, what has none is refused.

use bulla_packager::recipe;
use bulla_packager::select::select;
use bulla_packager::source::{Checkout, SourceError, TrackedKind};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::{assert_same, resolve, set_unchecked};
use crate::checkout::{
    RECIPE, SvnRepository, contents, open, open_revision, open_url, program, refusal, run, write,
};

/// Makes a repository with `other/lib` at r5, which was changed in r6; `trunk` is an unrelated
/// place that has no externals yet.
fn with_library() -> SvnRepository {
    let repository = SvnRepository::with_files();
    let other = repository.check_out("other", "other");
    let svn = |arguments: &[&str]| {
        run(program("svn", repository.home())
            .current_dir(&other)
            .args(arguments))
    };
    write(&other, "lib/code", "old");
    write(&other, "lib/tool", "#!/bin/sh\n");
    write(&other, "lib/in ner/ü@x", "x");
    std::fs::create_dir(other.join("lib/empty")).unwrap();
    svn(&["add", "-q", "lib"]);
    svn(&["propset", "-q", "svn:executable", "*", "lib/tool"]);
    svn(&["commit", "-q", "-m", "library"]);
    write(&other, "lib/code", "new");
    svn(&["commit", "-q", "-m", "newer library"]);
    repository.svn(&["update", "-q"]);
    repository
}

fn set(repository: &SvnRepository, value: &str, directory: &str) {
    let file = repository.home().join("value");
    std::fs::write(&file, value).unwrap();
    let file = file.to_str().unwrap();
    repository.svn(&["propset", "-q", "svn:externals", "-F", file, directory]);
    repository.svn(&["commit", "-q", "-m", "set them"]);
    repository.svn(&["update", "-q"]);
}

fn from_work(repository: &SvnRepository) -> Checkout {
    resolve(open(&repository.work()).unwrap()).unwrap()
}

fn from_url(repository: &SvnRepository) -> Result<Checkout, SourceError> {
    resolve(open_url(&repository.url("trunk")).unwrap())
}

#[test]
fn pinned_externals_are_part_of_the_release_without_a_server_too() {
    let repository = with_library();
    repository.write("lib dir/x", "x");
    repository.svn(&["add", "-q", "lib dir"]);
    set(
        &repository,
        "-r 5 ^/other/lib ext\n^/other/lib/tool@5 'a tool'\n",
        "lib dir",
    );
    let served = from_url(&repository).unwrap();
    let found = contents(&served);
    let text = |path: &str| found[path].clone();
    assert_eq!(text("lib dir/ext/code").1, "old");
    assert_eq!(
        text("lib dir/a tool").0,
        TrackedKind::File { executable: true }
    );
    assert_eq!(text("lib dir/ext/empty").0, TrackedKind::Directory);
    let other_revision = open_revision(&repository.work(), "HEAD").unwrap();
    assert_same(&served, &resolve(other_revision).unwrap());
    let home = repository.home();
    std::fs::rename(home.join("repo"), home.join("away")).unwrap();
    assert_same(&served, &from_work(&repository));
}

#[test]
fn every_way_to_write_a_url_leads_where_svn_leads() {
    let repository = with_library();
    let root = repository.url("");
    let root = root.trim_end_matches('/');
    let path = root.strip_prefix("file://").unwrap();
    let value = format!(
        "../other/lib@5 up\n^/other/lib@5 root\n^/../repo/other/lib@5 above\n{path}/other/lib@5 server\n\
         //{path}/other/lib@5 scheme\n{root}/other/lib@5 absolute\nold -r5 {root}/other/lib\n\
         \"^/other/lib/in ner/ü@x@5\" deep/er/file\n-r 5 ^/other/lib/in%20ner@6 \"quo'ted\"\n"
    );
    set(&repository, &value, ".");
    let exported = repository.home().join("exported");
    run(program("svn", repository.home())
        .args(["export", "-q"])
        .arg(repository.url("trunk"))
        .arg(&exported));
    let found = from_url(&repository).unwrap();
    assert_same(&found, &from_work(&repository));
    let mut files = 0;
    for (path, (kind, text)) in contents(&found) {
        if let TrackedKind::File { .. } = kind {
            let bytes = path.replace("\\xc3\\xbc", "ü").replace("\\'", "'");
            let expected = std::fs::read(exported.join(&bytes)).unwrap();
            assert_eq!(text, expected.escape_ascii().to_string(), "{path}");
            files += 1;
        }
    }
    let count = run(std::process::Command::new("sh")
        .args(["-c", "find . -type f | wc -l"])
        .current_dir(&exported));
    assert_eq!(count.trim(), files.to_string());
}

#[test]
fn externals_without_a_revision_are_refused_by_name() {
    let repository = with_library();
    set(
        &repository,
        "^/other/lib ext\n-r {2030-01-01} ^/other/lib@5 head\n^/other/lib@5 fine\n",
        ".",
    );
    for checkout in [
        open(&repository.work()).unwrap(),
        open_url(&repository.url("trunk")).unwrap(),
    ] {
        let error = refusal(resolve(checkout));
        assert_eq!(error.kind(), FailureKind::Refused);
        let text = error.to_string();
        assert!(
            text.contains("^/other/lib: ext") && text.contains(": head"),
            "{text}"
        );
        assert!(!text.contains("fine"), "{text}");
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("externals = { \"ext\" = REVISION }"),
            "{hint}"
        );
    }
}

#[test]
fn the_recipe_gives_a_revision_to_what_has_none() {
    let repository = with_library();
    let recipe = format!("{RECIPE}[source]\nexternals = {{ \"lib/ext\" = 5 }}\n");
    repository.write("bulla.toml", recipe);
    std::fs::create_dir(repository.work().join("lib")).unwrap();
    repository.svn(&["add", "-q", "lib"]);
    set(&repository, "^/other/lib ext", "lib");
    // The working copy has the youngest revision there; the release has the one of the recipe.
    let in_work = std::fs::read_to_string(repository.work().join("lib/ext/code")).unwrap();
    assert_eq!(in_work, "new");
    let found = from_work(&repository);
    assert_eq!(contents(&found)["lib/ext/code"].1, "old");
    assert_same(&found, &from_url(&repository).unwrap());
}

#[test]
fn a_revision_in_the_recipe_that_nothing_needs_is_refused() {
    let repository = with_library();
    let recipe = format!("{RECIPE}[source]\nexternals = {{ \"ext\" = 5, other = 5 }}\n");
    repository.write("bulla.toml", recipe);
    set(&repository, "^/other/lib ext", ".");
    let error = refusal(from_url(&repository));
    assert_eq!(error.kind(), FailureKind::Usage);
    assert!(error.to_string().contains("`other`"), "{error}");
}

#[test]
fn excluded_externals_are_not_fetched() {
    let repository = with_library();
    let recipe = "[bundle]\nproject = \"a\"\nexclude = [\"/gone\", \"lib/**\", \"*.bin\"]\n";
    repository.write("bulla.toml", recipe);
    repository.svn(&["commit", "-q", "-m", "leave out"]);
    let value = "svn://127.0.0.1:9/none gone\n^/other/none@5 lib/ext\n^/none x.bin";
    set_unchecked(&repository, "dir", "trunk", "svn:externals", value);
    let checkout = from_url(&repository).unwrap();
    let recipe = recipe::load(&checkout).unwrap().recipe;
    assert!(select(checkout, &recipe).is_ok());
}

#[test]
fn the_name_in_the_revision_counts_and_a_later_one_wants_a_peg() {
    let repository = with_library();
    let (lib, moved) = (repository.url("other/lib"), repository.url("other/moved"));
    repository.svn(&["move", "-q", "-m", "moved", &lib, &moved]);
    repository.svn(&["mkdir", "-q", "-m", "another", &lib]);
    // `svn update` finds none of it: it looks from today's names.
    let value = "-r 5 ^/other/lib lib\n-r 5 ^/other/moved@7 moved";
    set_unchecked(&repository, "dir", "trunk", "svn:externals", value);
    let texts = contents(&from_url(&repository).unwrap());
    assert_eq!(texts["moved/code"].1, "old");
    assert_eq!(texts["lib/code"].1, "old");
    // Today's name leads back to r5; tomorrow it may lead elsewhere.
    let value = "-r 5 ^/other/moved moved";
    set_unchecked(&repository, "dir", "trunk", "svn:externals", value);
    let error = refusal(from_url(&repository));
    assert_eq!(error.kind(), FailureKind::Refused);
    let said = error.to_string();
    assert!(said.contains("nothing had that name in r5"), "{said}");
    assert!(error.hint().unwrap().contains("-r 5 URL@PEG"));
}

#[test]
fn a_line_that_is_no_external_is_refused_with_the_line() {
    let repository = with_library();
    let value = "^/other/lib@5 ../out";
    set_unchecked(&repository, "dir", "trunk/bin", "svn:externals", value);
    let error = refusal(from_url(&repository));
    assert!(error.to_string().contains(value), "{error}");
    assert!(error.to_string().contains("of `bin`"), "{error}");
    assert!(error.hint().unwrap().contains("svn propedit"));
}

#[test]
fn an_external_in_the_place_of_something_is_refused() {
    for (value, clash) in [
        ("^/other/lib@5 bin", "bin"),
        ("^/other/lib@5 README", "README"),
        ("^/other/lib@5 README/lib", "README/lib"),
        ("^/other/lib@5 a\n^/other/lib@5 a/code", "a/code"),
        ("^/other/lib@5 a\n^/other/lib@5 a/code/x", "a/code/x"),
        ("^/other/lib/tool@5 a\n^/other/lib@5 a/b", "a/b"),
    ] {
        let repository = with_library();
        run(program("svnmucc", repository.home())
            .args(["-m", "clash", "propset", "svn:externals", value])
            .arg(repository.url("trunk")));
        let error = refusal(from_url(&repository));
        let expected = format!("the external `{clash}` is in the place of something else");
        assert_eq!(error.to_string(), expected);
    }
}
