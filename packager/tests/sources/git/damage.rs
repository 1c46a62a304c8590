//! Repositories with damaged or missing objects: an error, and never another release.

use bulla_packager::source::{GitError, SourceError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::checkout::{GitRepository, open, open_revision, refusal};

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

/// Puts something else in the place of an object.
fn damage(repository: &GitRepository, id: &str) {
    let object = repository.object(id);
    // Git makes its objects unwritable.
    std::fs::remove_file(&object).unwrap();
    std::fs::write(object, "no zlib stream").unwrap();
}

#[test]
fn a_damaged_object_is_named() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    damage(&repository, &blob);
    let said = read_all(&repository, "main").unwrap_err();
    assert!(said.contains(&blob) && said.contains("fsck"), "{said}");
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

#[test]
fn tells_a_damaged_repository_from_an_unknown_revision() {
    let repository = GitRepository::with_files();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    damage(&repository, &commit);
    for revision in ["main", "HEAD", &commit] {
        let error = refusal(open_revision(&repository.work(), revision));
        assert!(
            matches!(error, SourceError::Git(GitError::Repository { .. })),
            "{error:?}"
        );
        assert_eq!(error.kind(), FailureKind::Failed);
        assert!(error.hint().unwrap().contains("git fsck"));
    }
    repository.write(".git/HEAD", "garbage");
    let error = refusal(open(&repository.work()));
    assert!(
        matches!(error, SourceError::Git(GitError::Repository { .. })),
        "{error:?}"
    );

    let none = repository.home().join("none");
    crate::checkout::write(&none, ".git", "garbage");
    let error = refusal(open(&none));
    assert!(
        matches!(error, SourceError::Git(GitError::Repository { .. })),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("git status"));
}

#[test]
fn says_which_object_is_missing() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    std::fs::remove_file(repository.object(&blob)).unwrap();
    let checkout = open_revision(&repository.work(), "HEAD").unwrap();
    let position = checkout
        .tracked()
        .iter()
        .position(|tracked| tracked.path == b"README")
        .unwrap();
    let said = checkout.content(position).unwrap_err().to_string();
    let git_dir = repository.work().join(".git");
    let check = format!("`git --git-dir={} fsck`", git_dir.display());
    assert!(said.contains(&blob) && said.contains(&check), "{said}");
}
