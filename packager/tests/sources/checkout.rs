//! Repositories in temporary directories, and what the packager sees in them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bulla_packager::source::{
    self, Checkout, GivenReference, Location, SourceError, SourceSpec, TrackedKind,
};
use tempfile::TempDir;

/// Says aloud that a test, or a part of one, is left out. The test runner keeps what `eprintln!`
/// says of a passed test.
pub(crate) fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "skip: {why}");
}

/// A program that knows nothing of the machine's or the user's configuration.
pub(crate) fn program(name: &str, home: &Path) -> Command {
    let mut command = Command::new(name);
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "LANGUAGE",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
    ] {
        command.env_remove(variable);
    }
    command
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_AUTHOR_DATE", "2026-11-20T10:00:00+0100")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_DATE", "2026-11-20T10:00:00+0100");
    command
}

/// Runs `command`, which must succeed, and returns its standard output without the last line end.
pub(crate) fn run(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert!(
        status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap().trim_end().to_owned()
}

/// A git repository with a work tree, and a home of its own.
pub(crate) struct GitRepository {
    directory: TempDir,
}

impl GitRepository {
    /// Makes an empty repository on the branch `main`.
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::create_dir_all(directory.path().join("work")).unwrap();
        let repository = Self { directory };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// Makes a repository with a recipe and a few files in one commit.
    pub(crate) fn with_files() -> Self {
        let repository = Self::new();
        repository.write("bulla.toml", RECIPE);
        repository.write("README", "hello\n");
        repository.write("bin/run", "#!/bin/sh\n");
        repository.make_executable("bin/run");
        repository.link("bin/start", "run");
        repository.commit("first");
        repository
    }

    pub(crate) fn home(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.work(), arguments)
    }

    pub(crate) fn git_in(&self, directory: &Path, arguments: &[&str]) -> String {
        run(program("git", self.home())
            .current_dir(directory)
            .args(arguments))
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        write(&self.work(), path, content);
    }

    pub(crate) fn make_executable(&self, path: &str) {
        make_executable(&self.work().join(path));
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.work().join(path)).unwrap();
    }

    /// Where the object `id` lies when it is in no pack.
    pub(crate) fn object(&self, id: &str) -> PathBuf {
        let objects = self.work().join(".git/objects");
        objects.join(&id[..2]).join(&id[2..])
    }

    /// Commits everything and returns the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}

pub(crate) const RECIPE: &str = "[bundle]\nproject = \"acme/billing\"\n";

pub(crate) fn write(top: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = top.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Bytes that no codec makes smaller, by xorshift64 (Marsaglia 2003).
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(size).collect()
}

pub(crate) fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn spec(directory: &Path) -> SourceSpec {
    SourceSpec {
        location: Location::Directory(directory.to_owned()),
        revision: None,
        allow_dirty: false,
        reference: GivenReference::default(),
        spool: std::env::temp_dir(),
    }
}

pub(crate) fn open(directory: &Path) -> Result<Checkout, SourceError> {
    source::open(&spec(directory))
}

pub(crate) fn open_revision(directory: &Path, revision: &str) -> Result<Checkout, SourceError> {
    source::open(&SourceSpec {
        revision: Some(revision.to_owned()),
        ..spec(directory)
    })
}

pub(crate) fn open_dirty(directory: &Path) -> Result<Checkout, SourceError> {
    source::open(&SourceSpec {
        allow_dirty: true,
        ..spec(directory)
    })
}

/// Opens and resolves what the recipe takes, as packing does.
pub(crate) fn resolve(spec: &SourceSpec) -> Result<Checkout, SourceError> {
    let checkout = source::open(spec)?;
    let recipe = bulla_packager::recipe::load(&checkout).unwrap().recipe;
    let filter = bulla_packager::filter::Filter::new(&recipe.bundle).unwrap();
    checkout.resolve(&recipe.source, &filter)
}

/// The content of every file as it would be packed.
pub(crate) fn resolved(directory: &Path) -> BTreeMap<String, (TrackedKind, String)> {
    contents(&resolve(&spec(directory)).unwrap())
}

/// The error of an attempt that must fail.
pub(crate) fn refusal(attempt: Result<Checkout, SourceError>) -> SourceError {
    match attempt {
        Ok(checkout) => panic!("opened {:?}", checkout.source),
        Err(error) => error,
    }
}

/// What a checkout tracks, path by path: a kind and the content.
pub(crate) fn contents(checkout: &Checkout) -> BTreeMap<String, (TrackedKind, String)> {
    let mut contents = BTreeMap::new();
    for (position, tracked) in checkout.tracked().iter().enumerate() {
        let content = match tracked.kind {
            TrackedKind::File { .. } | TrackedKind::Link => {
                let bytes = checkout.read(position, 1 << 20).unwrap();
                bytes.escape_ascii().to_string()
            }
            _ => String::new(),
        };
        let path = tracked.path.escape_ascii().to_string();
        let before = contents.insert(path, (tracked.kind, content));
        assert_eq!(before, None);
    }
    contents
}

/// A Subversion repository and a working copy of its `trunk`, in one temporary directory.
pub(crate) struct SvnRepository {
    directory: TempDir,
}

impl SvnRepository {
    /// Makes a repository with an empty `trunk`, checked out.
    pub(crate) fn new() -> Self {
        let repository = Self {
            directory: TempDir::new().unwrap(),
        };
        let home = repository.home();
        run(program("svnadmin", home)
            .arg("create")
            .arg(home.join("repo")));
        for directory in ["trunk", "tags", "other"] {
            let url = repository.url(directory);
            repository.svn(&["mkdir", "-q", "-m", "layout", &url]);
        }
        repository.check_out("trunk", "work");
        repository
    }

    /// Makes a repository with a recipe and a few files in one commit.
    pub(crate) fn with_files() -> Self {
        let repository = Self::new();
        repository.write("bulla.toml", RECIPE);
        repository.write("README", "hello\n");
        repository.write("bin/run", "#!/bin/sh\n");
        std::os::unix::fs::symlink("run", repository.work().join("bin/start")).unwrap();
        repository.svn(&["add", "-q", "bulla.toml", "README", "bin"]);
        repository.svn(&["propset", "-q", "svn:executable", "*", "bin/run"]);
        repository.commit("first");
        repository
    }

    pub(crate) fn home(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.home().join("work")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let repository = self.home().join("repo");
        let mut url = url::Url::from_file_path(repository).unwrap();
        url.path_segments_mut()
            .unwrap()
            .extend(path.split('/').filter(|part| !part.is_empty()));
        url.to_string()
    }

    /// Checks `path` of the repository out to the directory `name`.
    pub(crate) fn check_out(&self, path: &str, name: &str) -> PathBuf {
        let directory = self.home().join(name);
        run(program("svn", self.home())
            .args(["checkout", "-q"])
            .arg(format!("{}@", self.url(path)))
            .arg(&directory));
        directory
    }

    /// Runs `svn` in the working copy.
    pub(crate) fn svn(&self, arguments: &[&str]) -> String {
        let work = self.work();
        let directory = if work.exists() { &work } else { self.home() };
        run(program("svn", self.home())
            .current_dir(directory)
            .args(arguments))
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        write(&self.work(), path, content);
    }

    /// Adds everything, commits it and brings the working copy to that one revision.
    pub(crate) fn commit(&self, message: &str) {
        self.svn(&["add", "-q", "--force", "."]);
        self.svn(&["commit", "-q", "-m", message]);
        self.svn(&["update", "-q"]);
    }
}

pub(crate) fn url_spec(url: &str) -> SourceSpec {
    SourceSpec {
        location: Location::Url(url.to_owned()),
        ..spec(Path::new(""))
    }
}

pub(crate) fn open_url(url: &str) -> Result<Checkout, SourceError> {
    source::open(&url_spec(url))
}

pub(crate) fn open_url_revision(url: &str, revision: &str) -> Result<Checkout, SourceError> {
    source::open(&SourceSpec {
        revision: Some(revision.to_owned()),
        ..url_spec(url)
    })
}
