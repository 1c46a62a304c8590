//! Clones that do not have everything: shallow, partial, sparse, borrowed, damaged.

use std::path::PathBuf;

use bulla_packager::source::{GitContentError, SourceError};
use bulla_schemas::outcome::FailureKind;

use crate::checkout::{
    GitRepository, RECIPE, contents, open, open_dirty, open_revision, program, refusal, resolve,
    resolved, skip, spec,
};

/// A partial clone with the given filter, without a checkout.
fn partial(repository: &GitRepository, filter: &str) -> PathBuf {
    let clone = repository.home().join("partial");
    repository.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", repository.work().display());
    let filter = format!("--filter={filter}");
    let to = clone.to_str().unwrap();
    repository.git(&["clone", "-q", &filter, "--no-checkout", &url, to]);
    clone
}

#[test]
fn objects_that_a_partial_clone_lacks_are_named() {
    let repository = GitRepository::with_files();
    repository.write("large", "x".repeat(2000));
    repository.write("bulla.toml", format!("{RECIPE}exclude = [\"/bin\"]\n"));
    repository.commit("large");
    let clone = partial(&repository, "blob:limit=1k");
    let mut named = spec(&clone);
    named.revision = Some("HEAD".to_owned());
    let error = refusal(resolve(&named));
    assert_eq!(error.kind(), FailureKind::Failed);
    let large = repository.git(&["rev-parse", "HEAD:large"]);
    assert!(
        error.to_string().contains(&format!("{large}: large")),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("git fetch --refetch --no-filter"), "{hint}");
    // Asking did not fetch it.
    assert!(resolve(&named).is_err());

    repository.git_in(&clone, &["fetch", "-q", "--refetch", "--no-filter"]);
    let found = contents(&resolve(&named).unwrap());
    assert_eq!(found["large"].1.len(), 2000);
}

#[test]
fn what_a_release_leaves_out_may_be_missing() {
    let repository = GitRepository::with_files();
    repository.write("large", "x".repeat(2000));
    repository.write("bulla.toml", format!("{RECIPE}exclude = [\"large\"]\n"));
    repository.commit("large");
    let mut named = spec(&partial(&repository, "blob:limit=1k"));
    named.revision = Some("HEAD".to_owned());
    assert!(resolve(&named).is_ok());
}

#[test]
fn directories_that_a_partial_clone_lacks_are_named() {
    let repository = GitRepository::with_files();
    let clone = partial(&repository, "tree:0");
    let error = refusal(open_revision(&clone, "HEAD"));
    assert!(
        matches!(
            &error,
            SourceError::GitContent(GitContentError::Absent { partial: true, .. })
        ),
        "{error:?}"
    );
}

/// A sparse checkout of `keep` with directories in its index.
fn sparse() -> GitRepository {
    let repository = GitRepository::with_files();
    repository.write("keep/a", "a\n");
    repository.write("gone/b", "b\n");
    repository.write("gone/deep/c", "c\n");
    repository.make_executable("gone/b");
    repository.link("gone/link", "b");
    repository.commit("more");
    repository.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    repository.git(&["sparse-checkout", "set", "keep"]);
    assert!(!repository.work().join("gone").exists());
    let listed = repository.git(&["ls-files", "--sparse"]);
    assert!(listed.lines().any(|line| line == "gone/"), "{listed}");
    repository
}

#[test]
fn a_sparse_index_shows_the_whole_revision() {
    let repository = sparse();
    let mut named = spec(&repository.work());
    named.revision = Some("HEAD".to_owned());
    let expected = contents(&resolve(&named).unwrap());
    assert_eq!(expected["gone/deep/c"].1, "c\\n");
    assert_eq!(resolved(&repository.work()), expected);
    assert!(!open_dirty(&repository.work()).unwrap().provenance.dirty);
}

#[test]
fn changes_beside_a_sparse_index_are_found() {
    let repository = sparse();
    repository.write("keep/a", "changed\n");
    repository.write("keep/new", "new\n");
    repository.git(&["add", "keep/new"]);
    let text = refusal(open(&repository.work())).to_string();
    assert!(
        text.contains("modified: keep/a") && text.contains("added: keep/new"),
        "{text}"
    );
    assert!(!text.contains("gone"), "{text}");
    let found = contents(&open_dirty(&repository.work()).unwrap());
    assert_eq!(found["keep/a"].1, "changed\\n");
    assert_eq!(found["gone/link"].1, "b");
    assert_eq!(found["gone/deep/c"].1, "c\\n");
}

#[test]
fn patterns_without_cones_are_sparse_too() {
    let repository = GitRepository::with_files();
    repository.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/bin"]);
    assert!(!repository.work().join("bin").exists());
    assert!(resolved(&repository.work()).contains_key("bin/run"));
}

/// Opens the commit and reads everything in it.
fn read_all(repository: &GitRepository, commit: &str) -> Result<Vec<Vec<u8>>, String> {
    let checkout =
        open_revision(&repository.work(), commit).map_err(|error| format!("{error:?}"))?;
    (0..checkout.tracked().len())
        .map(|position| checkout.read(position, 1 << 20))
        .map(|read| read.map_err(|error| error.to_string()))
        .collect()
}

#[test]
fn a_pack_damaged_anywhere_is_noticed_or_does_not_matter() {
    let repository = GitRepository::with_files();
    // Versions of a text, which git stores as deltas.
    for version in 0..4 {
        let lines: Vec<_> = (0..60)
            .map(|line| format!("{line} of {}\n", line % (7 + version)))
            .collect();
        repository.write(&format!("text-{version}"), lines.concat());
    }
    let commit = repository.commit("texts");
    repository.git(&["repack", "-q", "-a", "-d", "-f"]);
    repository.git(&["prune-packed"]);
    let expected = read_all(&repository, &commit).unwrap();
    let packs = repository.work().join(".git/objects/pack");
    let pack = std::fs::read_dir(packs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension() == Some("pack".as_ref()))
        .unwrap();
    let whole = std::fs::read(&pack).unwrap();
    // Git makes its packs unwritable.
    std::fs::remove_file(&pack).unwrap();
    let mut noticed = 0;
    for position in 0..whole.len() {
        for bit in [0x01, 0x10, 0x80] {
            let mut damaged = whole.clone();
            damaged[position] ^= bit;
            std::fs::write(&pack, damaged).unwrap();
            match read_all(&repository, &commit) {
                Ok(found) => assert_eq!(found, expected, "{bit:#x} at {position}"),
                Err(_) => noticed += 1,
            }
        }
    }
    // The first commit and the pack's own checksum are not read.
    assert!(
        noticed > whole.len() * 3 / 2,
        "{noticed} of {}",
        whole.len()
    );
}

#[test]
fn a_pack_cut_anywhere_is_an_error() {
    let repository = GitRepository::with_files();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["repack", "-q", "-a", "-d"]);
    let packs = repository.work().join(".git/objects/pack");
    for kind in ["pack", "idx"] {
        let file = std::fs::read_dir(&packs)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension() == Some(kind.as_ref()))
            .unwrap();
        let whole = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        for len in (0..whole.len() - 20).step_by(7) {
            std::fs::write(&file, &whole[..len]).unwrap();
            assert!(
                read_all(&repository, &commit).is_err(),
                "{kind} of {len} bytes"
            );
        }
        std::fs::write(&file, &whole).unwrap();
        assert!(read_all(&repository, &commit).is_ok());
    }
}

#[test]
fn references_in_a_reftable_are_refused_with_what_to_do() {
    let repository = GitRepository::with_files();
    let clone = repository.home().join("clone");
    let made = program("git", repository.home())
        .args(["clone", "-q", "--ref-format=reftable"])
        .args([repository.work(), clone.clone()])
        .status()
        .unwrap();
    if !made.success() {
        skip("references in a reftable, because this git makes none");
        return;
    }
    let error = refusal(open(&clone));
    assert_eq!(error.kind(), FailureKind::Failed);
    assert!(error.to_string().contains("reftable"), "{error}");
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("git refs migrate --ref-format=files"),
        "{hint}"
    );
}

#[test]
fn a_damaged_object_is_named() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    let object = repository
        .work()
        .join(format!(".git/objects/{}/{}", &blob[..2], &blob[2..]));
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "no zlib stream").unwrap();
    let said = read_all(&repository, "main").unwrap_err();
    assert!(said.contains(&blob[2..]), "{said}");
}

#[test]
fn a_damaged_index_is_an_error() {
    let repository = GitRepository::with_files();
    let index = repository.work().join(".git/index");
    let whole = std::fs::read(&index).unwrap();
    for damaged in [
        &b""[..],
        b"DIRC",
        &whole[..whole.len() / 2],
        b"garbage that is no index",
    ] {
        std::fs::write(&index, damaged).unwrap();
        let error = refusal(open(&repository.work()));
        assert_eq!(error.kind(), FailureKind::Failed, "{error:?}");
    }
    // A named revision needs no index.
    assert!(open_revision(&repository.work(), "HEAD").is_ok());
}
