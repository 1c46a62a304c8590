//! What one path of a repository has of another's history: copies and merges, as the repository
//! tells.

use std::path::Path;

use bulla_packager::ancestry::{self, AncestryError, Missing, Revision};

use crate::checkout::{SvnRepository, program, run};

/// A trunk with two changes, r4 and r5.
fn scene() -> SvnRepository {
    let repository = SvnRepository::with_files();
    repository.write("README", "second\n");
    repository.commit("second");
    repository
}

fn at(repository: &SvnRepository, path: &str, number: u64) -> Revision {
    let url = repository.url("");
    let root = url.trim_end_matches('/').to_owned();
    Revision::Svn {
        repository: repository.svn(&["info", "--show-item", "repos-uuid", &root]),
        path: path.to_owned(),
        number,
        source: Some(format!("svn+{root}")),
    }
}

fn nowhere() -> &'static Path {
    Path::new("/nonexistent")
}

fn copy(repository: &SvnRepository, from: &str, to: &str) -> u64 {
    let url = repository.url("");
    let root = url.trim_end_matches('/');
    let target = repository.url(to);
    repository.svn(&[
        "copy",
        "-q",
        "--parents",
        "-m",
        "copy",
        &format!("{root}/{from}"),
        &target,
    ]);
    number(repository, to)
}

fn number(repository: &SvnRepository, path: &str) -> u64 {
    let url = repository.url(path);
    repository
        .svn(&["info", "--show-item", "last-changed-revision", &url])
        .trim()
        .parse()
        .unwrap()
}

/// Asked at the address that a builder gave, and from a working copy.
fn missing(repository: &SvnRepository, live: &Revision, target: &Revision) -> Missing {
    let answer = ancestry::missing(live, target, nowhere()).unwrap();
    let mut without_source = (live.clone(), target.clone());
    for revision in [&mut without_source.0, &mut without_source.1] {
        if let Revision::Svn { source, .. } = revision {
            *source = None;
        }
    }
    let (live, target) = without_source;
    let here = ancestry::missing(&live, &target, &repository.work().join("bin")).unwrap();
    assert_eq!(here, answer);
    answer
}

#[test]
fn a_copy_contains_what_it_was_copied_from() {
    let repository = scene();
    let tag = copy(&repository, "trunk@5", "tags/1.0");
    let old = copy(&repository, "trunk@4", "branches/ö ld");
    let (trunk, before) = (at(&repository, "trunk", 5), at(&repository, "trunk", 4));
    let (tag, old) = (
        at(&repository, "tags/1.0", tag),
        at(&repository, "branches/ö ld", old),
    );
    assert_eq!(missing(&repository, &trunk, &tag), Missing::Nothing);
    assert_eq!(missing(&repository, &before, &tag), Missing::Nothing);
    assert_eq!(missing(&repository, &before, &old), Missing::Nothing);
    // And the other way round: the tag has nothing of its own.
    assert_eq!(missing(&repository, &tag, &trunk), Missing::Nothing);
    assert_eq!(missing(&repository, &old, &tag), Missing::Nothing);
    let lost = missing(&repository, &trunk, &old);
    assert!(lost.has(&trunk) && !lost.has(&before), "{lost:?}");
}

#[test]
fn a_branch_contains_what_was_merged_into_it() {
    let repository = scene();
    copy(&repository, "trunk@4", "branches/fix");
    let branch = repository.check_out("branches/fix", "branch");
    crate::checkout::write(&branch, "fix", "fix\n");
    let svn = |arguments: &[&str]| {
        run(program("svn", repository.home())
            .current_dir(&branch)
            .args(arguments))
    };
    svn(&["add", "-q", "fix"]);
    svn(&["commit", "-q", "-m", "a fix"]);
    let fix = at(
        &repository,
        "branches/fix",
        number(&repository, "branches/fix"),
    );
    let trunk = at(&repository, "trunk", 5);
    let lost = missing(&repository, &fix, &trunk);
    assert!(lost.has(&fix) && !lost.has(&trunk), "{lost:?}");
    repository.svn(&["update", "-q"]);
    repository.svn(&["merge", "-q", &repository.url("branches/fix"), "."]);
    repository.svn(&["commit", "-q", "-m", "merge"]);
    let merged = at(&repository, "trunk", number(&repository, "trunk"));
    assert_eq!(missing(&repository, &fix, &merged), Missing::Nothing);
    assert!(missing(&repository, &merged, &fix).has(&merged));
}

#[test]
fn a_copy_with_changes_of_its_own_is_more_than_its_source() {
    let repository = scene();
    repository.write("README", "not in trunk\n");
    let tag = repository.url("tags/changed");
    repository.svn(&["copy", "-q", "-m", "changed", ".", &tag]);
    let tag = at(
        &repository,
        "tags/changed",
        number(&repository, "tags/changed"),
    );
    let trunk = at(&repository, "trunk", 5);
    assert!(missing(&repository, &tag, &trunk).has(&tag));
    assert_eq!(missing(&repository, &trunk, &tag), Missing::Nothing);
    // The same name again, of an older state.
    repository.svn(&[
        "delete",
        "-q",
        "-m",
        "gone",
        &repository.url("tags/changed"),
    ]);
    let again = copy(&repository, "trunk@4", "tags/changed");
    let again = at(&repository, "tags/changed", again);
    assert!(missing(&repository, &trunk, &again).has(&trunk));
}

#[test]
fn a_repository_that_cannot_be_asked_or_is_another_cannot_tell() {
    let repository = scene();
    let tag = copy(&repository, "trunk@5", "tags/1.0");
    let (trunk, tag) = (
        at(&repository, "trunk", 5),
        at(&repository, "tags/1.0", tag),
    );
    let without_source = |revision: &Revision| {
        let mut revision = revision.clone();
        if let Revision::Svn { source, .. } = &mut revision {
            *source = None;
        }
        revision
    };
    let (live, target) = (without_source(&trunk), without_source(&tag));
    let unknown = ancestry::missing(&live, &target, nowhere()).unwrap_err();
    assert!(
        matches!(unknown, AncestryError::NoWorkingCopy { .. }),
        "{unknown:?}"
    );
    let other = SvnRepository::with_files();
    let unknown = ancestry::missing(&live, &target, &other.work()).unwrap_err();
    assert!(
        matches!(unknown, AncestryError::NoWorkingCopy { .. }),
        "{unknown:?}"
    );

    let moved = |revision: &Revision, to: &str| {
        let mut revision = revision.clone();
        if let Revision::Svn { source, .. } = &mut revision {
            *source = Some(to.to_owned());
        }
        revision
    };
    let elsewhere = format!("svn+{}", other.url("").trim_end_matches('/'));
    for (source, said) in [
        (elsewhere.as_str(), "expected the repository with the UUID"),
        ("svn+svn+own://host/x", "has no such transport itself"),
        ("svn+file:///nonexistent", "Unable to"),
    ] {
        let unknown = ancestry::missing(&moved(&trunk, source), &moved(&tag, source), nowhere());
        let unknown = unknown.unwrap_err();
        let why = std::error::Error::source(&unknown).unwrap().to_string();
        assert!(why.contains(said), "{source}: {why}");
    }
}
