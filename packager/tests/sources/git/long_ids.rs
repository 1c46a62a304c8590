//! Repositories with SHA-256 ids: all that is read of one with SHA-1 is read of them.

use std::path::Path;

use bulla_packager::source::{ContentId, SourceSpec};

use crate::checkout::{GitRepository, RECIPE, noise, refusal, resolve, spec};

/// A repository with SHA-256, a submodule, `export-subst` and a file that is too large for memory.
struct Long {
    main: GitRepository,
    _library: GitRepository,
}

fn new() -> GitRepository {
    let repository = GitRepository::new();
    std::fs::remove_dir_all(repository.work().join(".git")).unwrap();
    repository.git(&["init", "-q", "-b", "main", "--object-format=sha256"]);
    repository
}

impl Long {
    fn new() -> Self {
        let library = new();
        library.write("run", "#!/bin/sh\n");
        library.make_executable("run");
        library.commit("library");
        let main = new();
        main.write("bulla.toml", RECIPE);
        main.write(".gitattributes", "version export-subst\n");
        main.write("version", "$Format:%H$\n");
        main.write("large", noise(1, 9 << 20));
        main.link("link", "version");
        let url = library.work();
        let allow = "protocol.file.allow=always";
        let add = ["-c", allow, "submodule", "-q", "add"];
        main.git(&[&add[..], &[url.to_str().unwrap(), "lib"]].concat());
        main.commit("main");
        Self {
            main,
            _library: library,
        }
    }
}

#[test]
fn everything_in_them_is_read() {
    let long = Long::new();
    let commit = long.main.git(&["rev-parse", "HEAD"]);
    assert_eq!(commit.len(), 64);
    let checkout = resolve(&spec(&long.main.work())).unwrap();
    assert_eq!(checkout.source.revision(), commit);
    let position = |name: &[u8]| {
        let mut tracked = checkout.tracked().iter();
        tracked.position(|tracked| tracked.path == name).unwrap()
    };
    let read = |name: &[u8]| checkout.read(position(name), 1 << 30).unwrap();
    assert_eq!(read(b"version"), format!("{commit}\n").into_bytes());
    assert!(read(b"large") == noise(1, 9 << 20));
    assert_eq!(read(b"lib/run"), b"#!/bin/sh\n");
    assert!(matches!(
        checkout.id(position(b"lib/run")),
        Some(ContentId::GitSha256(_))
    ));
}

fn hash(directory: &Path) -> bulla_schemas::Digest {
    let spec = SourceSpec {
        revision: Some("HEAD".to_owned()),
        ..spec(directory)
    };
    crate::pack::bundle(&spec, 2).hash()
}

#[test]
fn every_clone_of_them_has_one_hash() {
    let long = Long::new();
    let main = &long.main;
    // Only a clone that has the submodule can be packed offline.
    main.write("bulla.toml", format!("{RECIPE}exclude = [\"/lib\"]\n"));
    main.commit("without the library");
    let expected = hash(&main.work());
    let url = format!("file://{}", main.work().display());
    for (name, options) in [
        ("bare", &["--bare"][..]),
        ("shallow", &["--depth=1"]),
        ("shared", &["--shared"]),
        ("partial", &["--filter=blob:none"]),
        ("sparse", &["--sparse"]),
    ] {
        let clone = main.home().join(name);
        let work = main.work();
        let from = if name == "shared" {
            work.to_str().unwrap()
        } else {
            &url
        };
        main.git(&["config", "uploadpack.allowFilter", "true"]);
        let to = clone.to_str().unwrap();
        main.git(&[&["clone", "-q"], options, &[from, to]].concat());
        assert_eq!(hash(&clone), expected, "{name}");
    }
    main.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(hash(&main.work()), expected);
    main.git(&["multi-pack-index", "write"]);
    assert_eq!(hash(&main.work()), expected);
}

#[test]
fn changes_in_them_are_found() {
    let long = Long::new();
    long.main.write("version", "changed\n");
    let mut dirty = spec(&long.main.work());
    let said = refusal(resolve(&dirty)).to_string();
    assert!(said.contains("modified: version"), "{said}");
    dirty.allow_dirty = true;
    let checkout = resolve(&dirty).unwrap();
    let mut tracked = checkout.tracked().iter();
    let position = tracked.position(|tracked| tracked.path == b"version");
    assert_eq!(checkout.read(position.unwrap(), 100).unwrap(), b"changed\n");
}
