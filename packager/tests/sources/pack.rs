//! The same revision gives the same bytes, from whatever it is read.

use std::num::NonZeroUsize;

use bulla_bundle::{Bundle, Limits, NoProgress};
use bulla_packager::pack::{PackError, PackOptions, Packed};
use bulla_packager::source::{self, SourceSpec};
use bulla_packager::{pack, recipe};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::checkout::{GitRepository, SvnRepository, spec, url_spec};

pub(crate) fn packed(spec: &SourceSpec, threads: usize) -> Result<Packed, PackError> {
    let checkout = source::open(spec).unwrap();
    let recipe = recipe::load(&checkout).unwrap();
    let options = PackOptions {
        cache: None,
        threads: NonZeroUsize::new(threads).unwrap(),
        spool: std::env::temp_dir(),
        limits: Limits::default(),
        build: crate::build::options(),
    };
    pack::pack(checkout, &recipe, &options, &NoProgress)
}

pub(crate) fn bundle(spec: &SourceSpec, threads: usize) -> Bundle {
    packed(spec, threads).unwrap().bundle
}

/// The digests of payload, index and frame table.
pub(crate) fn layers(bundle: &Bundle) -> Vec<Digest> {
    let layers = bundle.manifest().layers.iter();
    layers.map(|layer| layer.digest).collect()
}

/// Makes a few files that are larger than a frame and some that are small.
fn write_files(write: impl Fn(&str, Vec<u8>)) {
    write("bulla.toml", crate::checkout::RECIPE.into());
    write("README", b"hello\n".to_vec());
    for number in 0..60_u32 {
        let line = number.wrapping_mul(2_654_435_761).to_be_bytes();
        write(
            &format!("data/{number:03}/file {number} ü@x.bin"),
            line.repeat(usize::try_from(number).unwrap() * 2_000),
        );
    }
}

#[test]
fn a_git_revision_has_one_hash() {
    let repository = GitRepository::new();
    write_files(|path, content| repository.write(path, content));
    repository.make_executable("README");
    repository.link("data/first", "000");
    repository.commit("first");
    let work = repository.work();
    let expected = bundle(&spec(&work), 1).hash();
    assert_eq!(bundle(&spec(&work), 2).hash(), expected);

    let clone = |arguments: &[&str], name: &str| {
        let directory = repository.home().join(name);
        let url = format!("file://{}", work.display());
        let mut all = vec!["clone", "-q"];
        all.extend(arguments);
        all.extend([url.as_str(), directory.to_str().unwrap()]);
        repository.git(&all);
        directory
    };
    for (arguments, name) in [
        (&["--bare"][..], "bare.git"),
        (&["--depth=1"], "shallow"),
        (&[], "an other ümläut @ directory"),
    ] {
        let directory = clone(arguments, name);
        assert_eq!(bundle(&spec(&directory), 2).hash(), expected, "{name}");
    }
    let linked = repository.home().join("linked");
    repository.git(&["worktree", "add", "-q", linked.to_str().unwrap()]);
    repository.git(&["gc", "-q"]);
    assert_eq!(bundle(&spec(&linked), 2).hash(), expected);

    // What lies beside a revision is not part of it.
    repository.write("README", "changed\n");
    let mut named = spec(&work);
    named.revision = Some("main".to_owned());
    assert_eq!(bundle(&named, 2).hash(), expected);
    named.revision = None;
    named.allow_dirty = true;
    let dirty = packed(&named, 2).unwrap();
    assert!(dirty.provenance.dirty);
    assert_ne!(dirty.bundle.hash(), expected);
}

#[test]
fn an_svn_revision_has_one_hash() {
    let repository = SvnRepository::new();
    write_files(|path, content| repository.write(path, content));
    std::fs::create_dir(repository.work().join("empty")).unwrap();
    repository.commit("first");
    let expected = bundle(&spec(&repository.work()), 1).hash();
    assert_eq!(bundle(&spec(&repository.work()), 2).hash(), expected);
    let url = repository.url("trunk");
    assert_eq!(bundle(&url_spec(&url), 2).hash(), expected);
    let again = repository.check_out("trunk", "an other ümläut @ directory");
    assert_eq!(bundle(&spec(&again), 2).hash(), expected);

    let elsewhere = repository.url("other/more");
    repository.svn(&["mkdir", "-q", "-m", "elsewhere", &elsewhere]);
    assert_eq!(bundle(&url_spec(&url), 2).hash(), expected);
}

#[test]
fn git_and_svn_give_the_same_payload() {
    let git = GitRepository::new();
    write_files(|path, content| git.write(path, content));
    git.make_executable("README");
    git.link("data/first", "000");
    git.commit("first");
    let svn = SvnRepository::new();
    write_files(|path, content| svn.write(path, content));
    crate::checkout::make_executable(&svn.work().join("README"));
    std::os::unix::fs::symlink("000", svn.work().join("data/first")).unwrap();
    svn.commit("first");

    let (git, svn) = (bundle(&spec(&git.work()), 2), bundle(&spec(&svn.work()), 2));
    assert_eq!(layers(&git), layers(&svn));
    assert_ne!(git.hash(), svn.hash());
}

#[test]
fn warns_about_names_that_windows_cannot_hold() {
    let repository = GitRepository::with_files();
    repository.write("aux.c", "x");
    repository.write("readme", "x");
    repository.commit("names");
    let warnings = packed(&spec(&repository.work()), 1).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with("2 names do not fit Windows"),
        "{warnings:?}"
    );

    let recipe = |platform: &str| {
        repository.write(
            "bulla.toml",
            format!("{}platforms = [\"{platform}\"]\n", crate::checkout::RECIPE),
        );
        repository.commit("platform");
        packed(&spec(&repository.work()), 1)
    };
    assert!(recipe("linux").unwrap().warnings.is_empty());
    let Err(error) = recipe("windows") else {
        panic!("packed for Windows")
    };
    assert_eq!(error.kind(), FailureKind::Refused);
}

#[test]
fn names_the_file_that_cannot_be_read() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    std::fs::remove_file(repository.object(&blob)).unwrap();
    let Err(error) = packed(&spec(&repository.work()), 2) else {
        panic!("packed without an object")
    };
    assert_eq!(error.kind(), FailureKind::Failed);
    let said = bulla_schemas::outcome::report(&error, None);
    assert!(said.contains("`README`") && said.contains(&blob), "{said}");
}

/// Makes a file that takes no room on the disk. What is larger than this is refused as well.
fn make_sparse(work: &std::path::Path) {
    let sparse = std::fs::File::create(work.join("disk.img")).unwrap();
    sparse.set_len(300 << 20).unwrap();
}

#[test]
fn a_sparse_file_that_no_reader_would_unpack_is_named() {
    let git = GitRepository::with_files();
    make_sparse(&git.work());
    git.commit("sparse");
    let svn = SvnRepository::with_files();
    make_sparse(&svn.work());
    svn.commit("sparse");
    for spec in [
        spec(&git.work()),
        spec(&svn.work()),
        url_spec(&svn.url("trunk")),
    ] {
        let Err(error) = packed(&spec, 2) else {
            panic!("packed {spec:?}")
        };
        assert_eq!(error.kind(), FailureKind::Refused);
        let said = bulla_schemas::outcome::report(&error, error.hint().as_deref());
        assert!(
            said.contains("the largest is `disk.img` with 314572800 bytes")
                && said.contains("at most 500 times")
                && said.contains("exclude = [\"/disk.img\"]"),
            "{said}"
        );
    }
}
