//! A server's directories, a registry, and an organisation that signs.

mod deltas;
mod trees;

use std::fs;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, Output};

use bulla_bundle::{
    Bundle, Limits, MemoryTree, NoProgress, Progress, ReleaseSeed, SourceTree, WriteOptions,
};
use bulla_installer::{
    Activation, Difference, DifferenceKind, EnrollRequest, FollowedLog, HookSettings, HostConfig,
    InstallError, InstallRequest, Installed, LockedSite, Observer, Opening, ProjectConfig,
    ProjectStatus, RollbackError, RollbackRequest, RolledBack, Server, SetAside, Supply, Unproved,
    enroll, install_from, rollback,
};
use bulla_schemas::install::Install;
use bulla_schemas::release::Source;
use bulla_schemas::{Codec, Digest, ProjectName, Timestamp};
use bulla_trust::Verdict;
use bulla_trust::testing::{self, Organisation};
use tempfile::TempDir;

use crate::registry::Registry;

pub(crate) use trees::{mode, mtime, noise, small_tree, wide_tree};

/// When everything happens, by the server's clock.
pub(crate) const NOW: i64 = 1_795_100_000;
/// When the first revision was committed; each further one a minute later.
pub(crate) const COMMITTED: i64 = 1_790_000_000;

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) registry: Registry,
    pub(crate) organisation: Organisation,
    pub(crate) project: ProjectName,
    revisions: i64,
}

/// Keeps the notes of one command.
#[derive(Default)]
pub(crate) struct Notes(std::sync::Mutex<Vec<String>>);

impl Progress for Notes {}

impl Observer for Notes {
    fn note(&self, sentence: &str) {
        self.0.lock().unwrap().push(sentence.to_owned());
    }
}

impl Notes {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

impl World {
    /// A server that is enrolled with an organisation's registry.
    pub(crate) fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            registry: Registry::start(),
            organisation: Organisation::new(),
            project: testing::project(),
            revisions: 0,
        };
        world.serve_log();
        world.enroll();
        world
    }

    pub(crate) fn enroll(&self) {
        let url = self.registry.url().parse().unwrap();
        let request = EnrollRequest {
            url,
            anchor: self.organisation.anchor(),
            file: None,
            snapshot: None,
            said: None,
            token: None,
            token_file: None,
            on_wait: |_| {},
            now: now(),
        };
        enroll(&self.server(), request).unwrap();
    }

    pub(crate) fn server(&self) -> Server {
        Server::new(self.root(), self.state())
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("srv")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn site(&self) -> PathBuf {
        self.root().join(self.project.as_str())
    }

    /// The tree that is live.
    pub(crate) fn current(&self) -> PathBuf {
        self.site().join("current")
    }

    pub(crate) fn tree(&self, hash: &Digest) -> PathBuf {
        self.site().join("releases").join(hash.hex())
    }

    /// What says which release a tree is.
    pub(crate) fn note(&self, hash: &Digest) -> PathBuf {
        self.tree(hash).with_added_extension("json")
    }

    /// The names of the trees on this disk. Nothing but their notes lies beside them.
    pub(crate) fn trees(&self) -> Vec<String> {
        let entries = fs::read_dir(self.site().join("releases")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let (notes, mut trees): (Vec<_>, Vec<_>) = names.partition(|name| name.contains(".json"));
        for note in notes {
            assert!(trees.contains(&note.replace(".json", "")), "{note}");
        }
        trees.sort();
        trees
    }

    /// Which release is live, read from disk.
    pub(crate) fn live(&self) -> Option<Digest> {
        let target = fs::read_link(self.current()).ok()?;
        let hex = target.to_str()?.strip_prefix("releases/")?.to_owned();
        Some(Digest::from_hex(&hex).unwrap())
    }

    /// Publishes a release and promotes it to `prod`.
    pub(crate) fn release(&mut self, tree: &MemoryTree) -> Digest {
        let hash = self.publish(tree, Install::default());
        self.promote(hash);
        hash
    }

    /// Publishes and promotes a release that wants to be installed in some way.
    pub(crate) fn release_with(&mut self, tree: &MemoryTree, install: &str) -> Digest {
        let install = serde_json::from_str(install).unwrap();
        let hash = self.publish(tree, install);
        self.promote(hash);
        hash
    }

    /// Publishes a release.
    pub(crate) fn publish(&mut self, tree: &dyn SourceTree, install: Install) -> Digest {
        let seed = self.seed(install);
        let options = WriteOptions {
            threads: NonZeroUsize::MIN,
            spool: self.folder.path().to_owned(),
            limits: Limits::default(),
        };
        let bundle = bulla_bundle::write(tree, seed, &options, &NoProgress).unwrap();
        self.serve_bundle(&bundle);
        self.log_release(bundle.hash(), bundle.total_size());
        bundle.hash()
    }

    pub(crate) fn seed(&mut self, install: Install) -> ReleaseSeed {
        self.revisions += 1;
        ReleaseSeed {
            project: self.project.clone(),
            source: Source::Git {
                revision: format!("{:040x}", self.revisions),
                tree: format!("{:040x}", self.revisions + 1_000_000),
                committed: Timestamp::from_seconds(COMMITTED + 60 * (self.revisions - 1)).unwrap(),
            },
            recipe: Digest::of(b"recipe"),
            codec: Codec::current(7).unwrap(),
            install,
            platforms: Vec::new(),
        }
    }

    pub(crate) fn serve_bundle(&self, bundle: &Bundle) {
        let hash = bundle.hash();
        self.serve_manifest(&hash, bundle.manifest_bytes());
        for blob in bundle.blobs() {
            let mut bytes = Vec::new();
            blob.open().unwrap().read_to_end(&mut bytes).unwrap();
            self.serve_blob(&blob.descriptor().digest, bytes);
        }
    }

    pub(crate) fn serve_manifest(&self, hash: &Digest, bytes: &[u8]) {
        let path = format!("/v2/{}/manifests/{hash}", self.project);
        self.registry
            .change(|served| served.files.insert(path, bytes.to_vec()));
    }

    pub(crate) fn serve_blob(&self, digest: &Digest, bytes: Vec<u8>) {
        let path = self.blob_path(digest);
        self.registry
            .change(|served| served.files.insert(path, bytes));
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> String {
        format!("/v2/{}/blobs/{digest}", self.project)
    }

    /// The path of a release's payload, `place` 0, or its index, 1, or its frame table, 2.
    pub(crate) fn layer_path(&self, hash: &Digest, place: usize) -> String {
        let path = format!("/v2/{}/manifests/{hash}", self.project);
        let manifest = self.registry.change(|served| served.files[&path].clone());
        let manifest = bulla_schemas::manifest::Manifest::from_bytes(&manifest).unwrap();
        self.blob_path(&manifest.layers[place].digest)
    }

    pub(crate) fn log_release(&mut self, hash: Digest, size: u64) {
        let mut statement = testing::release(&self.project, hash);
        statement.subject[0].annotations.size = size;
        let verdict = self.organisation.append_release(&statement);
        assert_eq!(verdict, Verdict::Effective);
        self.serve_log();
    }

    pub(crate) fn promote(&mut self, hash: Digest) {
        let mut promotion = self.organisation.draft("prod", hash);
        if self.project != testing::project() {
            promotion = bulla_trust::statement::promote(
                &self.organisation.state,
                &self.project,
                &"prod".parse().unwrap(),
                hash,
                "because".to_owned(),
                now(),
            );
        }
        let verdict = self.organisation.append_promotion(&promotion, &["alice"]);
        assert_eq!(verdict, Verdict::Effective);
        self.serve_log();
    }

    pub(crate) fn serve_log(&self) {
        let files = self.organisation.files();
        self.registry.change(|served| {
            for (path, bytes) in files {
                served.files.insert(format!("/log/{path}"), bytes);
            }
        });
    }

    pub(crate) fn install(&self) -> Result<Installed, InstallError> {
        self.install_with(&request()).0
    }

    pub(crate) fn install_with(
        &self,
        request: &InstallRequest,
    ) -> (Result<Installed, InstallError>, String) {
        let notes = Notes::default();
        let result = install_on(&self.server(), &self.project, request, &notes);
        (result, notes.text())
    }

    pub(crate) fn rollback(&self, hash: Option<&str>) -> Result<RolledBack, RollbackError> {
        self.rollback_with_notes(hash).0
    }

    pub(crate) fn rollback_with_notes(
        &self,
        hash: Option<&str>,
    ) -> (Result<RolledBack, RollbackError>, String) {
        let request = RollbackRequest {
            project: self.project.clone(),
            hash: hash.map(|hash| hash.parse().unwrap()),
            by: "carol".to_owned(),
            reason: Some("it was slow".to_owned()),
            pin: false,
            config: ProjectConfig::default(),
            hooks: hooks(),
            threads: NonZeroUsize::MIN,
            now: now(),
        };
        let notes = Notes::default();
        let result = rollback(&self.server(), &request, &notes);
        (result, notes.text())
    }

    /// What `status` says about one project, or about all.
    pub(crate) fn status(&self, project: Option<&ProjectName>) -> Vec<ProjectStatus> {
        bulla_installer::status(
            &self.server(),
            &HostConfig::default(),
            project,
            Timestamp::EPOCH,
        )
        .unwrap()
    }

    /// What differs in the live tree, as `status` and `verify` say with one voice.
    pub(crate) fn differences(&self) -> Vec<(String, DifferenceKind)> {
        let status = self.status(Some(&self.project));
        let quick = status[0].differences.clone().unwrap();
        let full = bulla_installer::verify(&self.server(), &self.project).unwrap();
        assert_eq!(quick, full.differences);
        let pair = |found: Difference| (found.path, found.difference);
        quick.into_iter().map(pair).collect()
    }

    /// What was made live, the oldest first.
    pub(crate) fn history(&self) -> Vec<Activation> {
        bulla_installer::history(&self.server(), &self.project, &Notes::default()).unwrap()
    }

    /// What the installer remembers of the project.
    pub(crate) fn memory(&self) -> PathBuf {
        let name = self.project.as_str().replace('/', "%2F");
        self.state().join("projects").join(name)
    }

    /// Publishes, promotes and installs a release of each version.
    pub(crate) fn install_each(&mut self, versions: &[&str]) -> Vec<Digest> {
        let install = |version: &&str| {
            let hash = self.release(&small_tree(version));
            self.install().unwrap();
            hash
        };
        versions.iter().map(install).collect()
    }

    /// The trees that are set aside, the oldest first.
    pub(crate) fn set_aside(&self) -> Vec<SetAside> {
        bulla_installer::set_aside(&self.server(), Some(&self.project)).unwrap()
    }

    /// Runs the program itself.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla-installer"));
        command
            .args(arguments)
            .arg("--root")
            .arg(self.root())
            .arg("--state")
            .arg(self.state())
            .env_remove("BULLA_TOKEN")
            .env_remove("BULLA_CONFIG");
        command
    }

    /// The same with a copy of the program that every user may run, wherever it was built.
    pub(crate) fn command_of_anybody(&self, arguments: &[&str]) -> Command {
        use std::os::unix::fs::PermissionsExt as _;
        let program = self.folder.path().join("bulla-installer");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_bulla-installer"), &program).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let command = self.command(arguments);
        let mut copied = Command::new(program);
        copied.args(command.get_args()).env_remove("BULLA_TOKEN");
        copied
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().unwrap())
    }

    /// Compares the live tree with its index, and expects no difference.
    pub(crate) fn assert_intact(&self) {
        let verification = bulla_installer::verify(&self.server(), &self.project).unwrap();
        assert_eq!(verification.differences, []);
    }
}

/// Installs the head of `prod`, and keeps the live release and one more.
pub(crate) const INSTALL: [&str; 6] = [
    "install",
    "acme/billing",
    "--channel",
    "prod",
    "--keep",
    "2",
];

/// What most tests ask for.
pub(crate) fn request() -> InstallRequest {
    InstallRequest {
        channel: "prod".parse().unwrap(),
        hash: None,
        pin_old: false,
        switch_channel: false,
        over_edits: false,
        release_hold: false,
        at_once: None,
        allow_stale: None,
        config: ProjectConfig::default(),
        hooks: hooks(),
        threads: NonZeroUsize::new(2).unwrap(),
        now: now(),
    }
}

/// What a server says whose hooks run as the user who runs the tests.
pub(crate) fn hooks() -> HookSettings {
    let is_root = rustix::process::geteuid().is_root();
    HookSettings {
        user: is_root.then(|| "root".parse().unwrap()),
        ..HookSettings::default()
    }
}

/// The same, although a person rolled back.
pub(crate) fn releasing() -> InstallRequest {
    InstallRequest {
        release_hold: true,
        ..request()
    }
}

/// The same, with another number of releases that are kept.
pub(crate) fn keeping(keep: usize) -> InstallRequest {
    let mut request = request();
    request.config.keep.count = keep;
    request
}

/// Installs as the program does: lock, sync, install.
pub(crate) fn install_on(
    server: &Server,
    project: &ProjectName,
    request: &InstallRequest,
    notes: &dyn Observer,
) -> Result<Installed, InstallError> {
    let mut log = FollowedLog::open(server, &HostConfig::default())?;
    let supply = Supply::registry(log.registries()[0].url.clone(), None)?;
    let opening = Opening {
        command: "install",
        settings: &request.hooks,
        unproved: Unproved::Prove,
        now: request.now,
    };
    let site = LockedSite::open(server, project, opening, notes)?;
    install_from(&site, server, &mut log, &[supply], request, notes)
}

/// What a program said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(NOW).unwrap()
}
