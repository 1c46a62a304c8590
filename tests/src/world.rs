//! `World`: keys, a registry with its first policy, and what is published and installed with them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::programs::{Program, hermetic};
use crate::tree::make_removable;
use crate::{GitCheckout, Person, Registry, Server, SvnCheckout, Transcript};

/// The name of the log in every world.
pub const ORIGIN: &str = "releases.example/test";

/// Everything a test needs, gone when it ends.
pub struct World {
    /// The registry, with its first policy.
    pub registry: Registry,
    /// The person who may promote.
    pub alice: Person,
    /// Others who may.
    pub others: Vec<Person>,
    /// A token that may push and pull everything.
    pub token: String,
    /// What a new server starts from.
    pub anchor: String,
    directory: TempDir,
}

impl World {
    /// Starts a registry and gives it a policy: alice promotes, ci releases, to dev and prod.
    pub fn new() -> Self {
        Self::with_channels(&["dev", "prod"])
    }

    /// Starts a registry whose policy has other channels.
    pub fn with_channels(channels: &[&str]) -> Self {
        Self::with_channels_and_others(channels, &[])
    }

    /// Starts a registry in which alice is not the only one who promotes.
    pub fn with_others(others: &[&str]) -> Self {
        Self::with_channels_and_others(&["dev", "prod"], others)
    }

    fn with_channels_and_others(channels: &[&str], others: &[&str]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("bulla-world-")
            .tempdir()
            .expect("a temporary directory");
        let home = directory.path().join("home");
        std::fs::create_dir(&home).expect("a home");
        let people = directory.path().join("people");
        let alice = Person::with_new_key("alice", &people);
        let others = others
            .iter()
            .map(|name| Person::with_new_key(name, &people))
            .collect();
        let registry = Registry::serve(&directory.path().join("registry"), &home);
        let token = registry.create_token("push,pull", "*");
        let mut world = Self {
            registry,
            alice,
            others,
            token,
            anchor: String::new(),
            directory,
        };
        let key = world.builder_key();
        world
            .bulla(&["key".as_ref(), "generate".as_ref(), key.as_os_str()])
            .done();
        let init = world.init(&world.registry, channels);
        init.last_line().clone_into(&mut world.anchor);
        world
    }

    /// Goes on with what an archive has of a world (`tests/system/upgrades/make`). Its registry does
    /// not serve yet.
    pub fn from_archive(archive: &Path) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("bulla-world-")
            .tempdir()
            .expect("a temporary directory");
        let home = directory.path().join("home");
        std::fs::create_dir(&home).expect("a home");
        let mut tar = hermetic("tar", &home);
        tar.args(["--extract", "--zstd", "--file"]).arg(archive);
        Transcript::of(tar.arg("--directory").arg(directory.path())).done();
        let read = |name| {
            let text = std::fs::read_to_string(directory.path().join(name));
            text.expect("what `make` has written").trim().to_owned()
        };
        Self {
            registry: Registry::at_rest(&directory.path().join("registry"), &home),
            alice: Person {
                name: "alice".to_owned(),
                public_key: directory.path().join("people/alice.pub"),
            },
            others: Vec::new(),
            token: read("tokens/ci"),
            anchor: read("anchor"),
            directory,
        }
    }

    /// Gives a registry its first policy.
    pub fn init(&self, registry: &Registry, channels: &[&str]) -> Transcript {
        let builder = format!("ci={}.pub", self.builder_key().display());
        let people = std::iter::once(&self.alice).chain(&self.others);
        let people = people.flat_map(|person| ["--person".to_owned(), person.as_argument()]);
        Transcript::of(
            self.bulla_command()
                .args(["init", "--origin", ORIGIN])
                .args(people)
                .args(["--builder", &builder])
                .args(channels.iter().flat_map(|channel| ["--channel", channel]))
                .arg("--ssh-key")
                .arg(&self.alice.public_key)
                .env("BULLA_REGISTRY", registry.url())
                .env("BULLA_TOKEN", registry.create_token("push,pull", "*")),
        )
        .done()
    }

    /// Returns a path in the world's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the HOME of everything that runs here.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Returns the builder's private key.
    pub fn builder_key(&self) -> PathBuf {
        self.path("ci.pem")
    }

    /// Makes a git repository with one commit.
    pub fn git(&self, project: &str) -> GitCheckout {
        GitCheckout::with_application(&self.path("git").join(project), project)
    }

    /// Makes a Subversion repository with one revision of an application.
    pub fn svn(&self, project: &str) -> SvnCheckout {
        SvnCheckout::with_application(&self.path("svn").join(project), project)
    }

    /// Makes a `bulla` command that knows the registry, the token and the anchor.
    pub fn bulla_command(&self) -> Command {
        let mut command = hermetic(Program::Bulla.path(), &self.home());
        command
            .current_dir(self.directory.path())
            .env("BULLA_REGISTRY", self.registry.url())
            .env("BULLA_TOKEN", &self.token);
        if !self.anchor.is_empty() {
            command.env("BULLA_ANCHOR", &self.anchor);
        }
        command
    }

    /// Runs `bulla`.
    pub fn bulla<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Transcript {
        Transcript::of(self.bulla_command().args(arguments))
    }

    /// Makes a command that publishes the checkout at `path`.
    pub fn publish_command(&self, path: &Path) -> Command {
        let mut command = self.bulla_command();
        command
            .arg("publish")
            .arg(path)
            .arg("--key")
            .arg(self.builder_key());
        command
    }

    /// Publishes the checkout at `path` and returns the hash.
    #[track_caller]
    pub fn publish(&self, path: &Path) -> String {
        Transcript::of(&mut self.publish_command(path))
            .done()
            .last_line()
            .to_owned()
    }

    /// Runs `bulla`, signed by a person who is not asked.
    pub fn signed(&self, person: &Person, arguments: &[&str]) -> Transcript {
        let mut command = self.bulla_command();
        command.args(arguments).args(["--yes", "--ssh-key"]);
        Transcript::of(command.arg(&person.public_key))
    }

    /// Returns the short ids of what waits for signatures.
    #[track_caller]
    pub fn pending(&self) -> Vec<String> {
        let pending = self.bulla(&["pending", "--json"]).done().json();
        let ids = pending.as_array().expect("a list").iter();
        let ids =
            ids.map(|one| one["id"].as_str().expect("an id")["sha256:".len()..][..8].to_owned());
        ids.collect()
    }

    /// Makes a command that promotes `hash` to `channel`, in the project's git checkout if it has
    /// one.
    pub fn promote_command(&self, project: &str, hash: &str, channel: &str) -> Command {
        let mut command = self.bulla_command();
        command
            .args(["promote", hash, channel, "--project", project])
            .args(["--yes", "-m", "because a test says so", "--ssh-key"])
            .arg(&self.alice.public_key);
        let checkout = self.path("git").join(project);
        if checkout.exists() {
            command.arg("--checkout").arg(checkout);
        }
        command
    }

    /// Promotes `hash` to `channel`.
    #[track_caller]
    pub fn promote(&self, project: &str, hash: &str, channel: &str) -> Transcript {
        Transcript::of(&mut self.promote_command(project, hash, channel)).done()
    }

    /// Publishes the checkout and promotes it to prod.
    #[track_caller]
    pub fn release(&self, path: &Path, project: &str) -> String {
        let hash = self.publish(path);
        self.promote(project, &hash, "prod");
        hash
    }

    /// Lays out a server that follows the registry.
    pub fn server(&self, name: &str) -> Server {
        self.server_at(name, self.registry.url())
    }

    /// Lays out a server in a directory of its own.
    pub fn server_in(&self, directory: &Path) -> Server {
        self.enrolled(Server::new(directory, &self.home()), self.registry.url())
    }

    /// Lays out a server whose host file follows `prod` of a project, and returns both.
    pub fn follower(&self, name: &str, project: &str) -> (Server, PathBuf) {
        let server = self.server(name);
        let host_file = self.path(&format!("{name}.toml"));
        let follow = ["follow", project, "--channel", "prod", "--config"].map(OsStr::new);
        server
            .run(&[&follow[..], &[host_file.as_os_str()]].concat())
            .done();
        (server, host_file)
    }

    /// Lays out a server that follows the registry at another address.
    #[track_caller]
    pub fn server_at(&self, name: &str, url: &str) -> Server {
        let server = Server::new(&self.path("servers").join(name), &self.home());
        self.enrolled(server, url)
    }

    #[track_caller]
    fn enrolled(&self, server: Server, url: &str) -> Server {
        server.run(&["enroll", url, &self.anchor]).done();
        server
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.registry.stop();
        // Releases on a server have no write bits, so only root could remove them as they are.
        make_removable(self.directory.path());
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
