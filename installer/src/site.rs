//! Where everything lies on a server; drawn in the crate's documentation. Knows paths only.

mod command;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_schemas::{Digest, ProjectName};

pub use command::Command;

const STAGING: &str = ".staging";

/// The two directories that the installer works in, and those of projects that lie elsewhere.
#[derive(Debug, Clone)]
pub struct Server {
    root: PathBuf,
    state: PathBuf,
    own_roots: BTreeMap<ProjectName, PathBuf>,
    /// What a command line needs to mean this server, for people and for programs.
    flags: String,
    arguments: Vec<String>,
}

impl Server {
    /// Where projects lie unless a person says otherwise.
    pub const DEFAULT_ROOT: &str = "/srv";
    /// Where the installer's state lies unless a person says otherwise.
    pub const DEFAULT_STATE: &str = "/var/lib/bulla";

    /// Takes the directory that holds the projects and the one that holds the installer's state.
    pub fn new(root: impl Into<PathBuf>, state: impl Into<PathBuf>) -> Self {
        let (root, state) = (root.into(), state.into());
        let server = Self {
            root,
            state,
            own_roots: BTreeMap::new(),
            flags: String::new(),
            arguments: Vec::new(),
        };
        let root = ("--root", server.root.clone(), Self::DEFAULT_ROOT);
        let state = ("--state", server.state.clone(), Self::DEFAULT_STATE);
        let unusual = [&root, &state]
            .into_iter()
            .filter(|(_, path, usual)| path != Path::new(usual))
            .map(|(name, path, _)| (*name, path.as_path()));
        let unusual: Vec<_> = unusual.collect();
        server.with_flags(&unusual)
    }

    /// Puts projects into other directories than the one that holds the rest.
    #[must_use]
    pub fn with_own_roots(self, own_roots: BTreeMap<ProjectName, PathBuf>) -> Self {
        Self { own_roots, ..self }
    }

    /// Replaces the flags that make a command mean this server.
    pub(crate) fn with_flags(self, flags: &[(&str, &Path)]) -> Self {
        let argument = |(name, path): &(&str, &Path)| {
            let path = path.to_string_lossy().into_owned();
            [(*name).to_owned(), path]
        };
        Self {
            arguments: flags.iter().flat_map(argument).collect(),
            flags: flags.iter().map(|(name, path)| flag(name, path)).collect(),
            ..self
        }
    }

    /// The directory that holds the projects.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The projects that lie elsewhere.
    pub(crate) fn projects_elsewhere(&self) -> impl Iterator<Item = &ProjectName> {
        self.own_roots.keys()
    }

    /// The installer's state.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Gives the commands in a text the flags that make them mean this server.
    pub(crate) fn complete(&self, text: &str) -> String {
        Command::complete(text, self.flags.trim_start())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.state.join("log")
    }

    pub(crate) fn synced(&self) -> PathBuf {
        self.state.join("synced")
    }

    /// Since when the agent asks for the log in vain.
    pub(crate) fn unread(&self) -> PathBuf {
        self.state.join("unread")
    }

    /// Which registries are behind another one.
    pub(crate) fn behind(&self) -> PathBuf {
        self.state.join("behind")
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.state.join("token-file")
    }

    /// What is remembered of programs that releases carry.
    pub(crate) fn programs(&self) -> PathBuf {
        self.state.join("programs")
    }

    /// Held while the host file is changed.
    pub(crate) fn host_file_lock(&self) -> PathBuf {
        self.state.join("host-file.lock")
    }

    pub(crate) fn projects(&self) -> PathBuf {
        self.state.join("projects")
    }

    pub(crate) fn bundles(&self) -> PathBuf {
        self.state.join("bundles")
    }

    /// Returns where the project lies.
    pub fn site(&self, project: &ProjectName) -> Site {
        let root = self.own_roots.get(project).unwrap_or(&self.root);
        Site {
            project: project.clone(),
            folder: root.join(project.as_str()),
            state: self.projects().join(project.as_str().replace('/', "%2F")),
            bundles: self.bundles(),
            log: self.log(),
            witnessed: self.state.join("witnessed"),
            arguments: self.arguments.clone(),
        }
    }
}

fn flag(name: &str, path: &Path) -> String {
    let quoted = path.to_string_lossy().replace('\'', r"'\''");
    format!(" {name} '{quoted}'")
}

/// Where one project lies on a server.
#[derive(Debug, Clone)]
pub struct Site {
    project: ProjectName,
    folder: PathBuf,
    state: PathBuf,
    bundles: PathBuf,
    log: PathBuf,
    witnessed: PathBuf,
    arguments: Vec<String>,
}

impl Site {
    /// The project.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// What the command line of a program needs to mean this server.
    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Where the log is remembered, which is that of all projects.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The latest time that witnesses vouched for the log.
    pub(crate) fn witnessed(&self) -> &Path {
        &self.witnessed
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn current(&self) -> PathBuf {
        self.folder.join("current")
    }

    pub(crate) fn releases(&self) -> PathBuf {
        self.folder.join("releases")
    }

    pub(crate) fn tree(&self, hash: &Digest) -> PathBuf {
        self.releases().join(hash.hex())
    }

    /// What says which release a tree is; beside it.
    pub(crate) fn note(&self, hash: &Digest) -> PathBuf {
        self.releases().join(format!("{}.json", hash.hex()))
    }

    pub(crate) fn persist(&self) -> PathBuf {
        self.folder.join("persist")
    }

    pub(crate) fn set_aside(&self) -> PathBuf {
        self.folder.join("set-aside")
    }

    /// Where a hook finds the file in which it may say why it fails.
    pub(crate) fn reason_directory(&self) -> PathBuf {
        self.folder.join(".reason")
    }

    /// Staging directories are numbered: one that cannot be removed keeps its name.
    pub(crate) fn staging(&self, number: u32) -> PathBuf {
        match number {
            0 | 1 => self.folder.join(STAGING),
            number => self.folder.join(format!("{STAGING}-{number}")),
        }
    }

    /// Tells whether a name in the project's folder is that of a staging directory.
    pub(crate) fn is_staging(name: &str) -> bool {
        name.strip_prefix(STAGING).is_some_and(|rest| {
            let number = rest
                .strip_prefix('-')
                .and_then(|rest| rest.parse::<u32>().ok());
            rest.is_empty() || number.is_some()
        })
    }

    pub(crate) fn bundle(&self, hash: &Digest) -> PathBuf {
        self.bundles.join(hash.hex())
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The directories of the state that several processes make: those of all projects, and this
    /// one's.
    pub(crate) fn shared_directories(&self) -> [&Path; 3] {
        let projects = self.state.parent().unwrap_or(&self.state);
        [projects, &self.state, &self.bundles]
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.state.join("history")
    }

    pub(crate) fn hold(&self) -> PathBuf {
        self.state.join("hold")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.state.join("quarantine")
    }

    /// What is remembered of a promotion that is waited with.
    pub(crate) fn rollout(&self) -> PathBuf {
        self.state.join("rollout")
    }

    /// What decides what may become of the project, so that none of it may be passed over.
    pub(crate) fn decisive(&self) -> [PathBuf; 6] {
        [
            self.history(),
            self.journal(),
            self.hold(),
            self.quarantine(),
            self.rollout(),
            self.drained(),
        ]
    }

    /// There while the server may be out of its load balancer.
    pub(crate) fn drained(&self) -> PathBuf {
        self.state.join("drained")
    }

    /// The last attempt, where it failed before the switch.
    pub(crate) fn attempt(&self) -> PathBuf {
        self.state.join("attempt")
    }

    /// The release whose program passed its check, in the project that carries the installer.
    pub(crate) fn checked(&self) -> PathBuf {
        self.state.join("checked")
    }

    /// What hooks and checks wrote, by the number of the activation.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.state.join("output")
    }

    pub(crate) fn leftovers(&self) -> PathBuf {
        self.state.join("leftovers")
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.state.join("trees")
    }

    pub(crate) fn record(&self, hash: &Digest) -> PathBuf {
        self.records().join(hash.hex())
    }

    pub(crate) fn spools(&self) -> PathBuf {
        self.state.join("spool")
    }

    pub(crate) fn spool(&self, hash: &Digest) -> PathBuf {
        self.spools().join(hash.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_whose_names_differ_in_a_slash_have_their_own_state() {
        let server = Server::new("/srv", "/var/lib/bulla");
        let site = |name: &str| server.site(&name.parse().unwrap());
        assert_ne!(site("acme/billing").state, site("acme-billing").state);
        assert_eq!(
            site("acme/billing").state,
            Path::new("/var/lib/bulla/projects/acme%2Fbilling")
        );
        assert_eq!(
            site("acme/billing").current(),
            Path::new("/srv/acme/billing/current")
        );
    }

    #[test]
    fn a_project_may_lie_elsewhere_with_its_state_where_all_is() {
        let own = BTreeMap::from([("acme/billing".parse().unwrap(), "/data".into())]);
        let server = Server::new("/srv", "/var/lib/bulla").with_own_roots(own);
        let site = server.site(&"acme/billing".parse().unwrap());
        assert_eq!(site.folder(), Path::new("/data/acme/billing"));
        assert_eq!(
            site.state(),
            Path::new("/var/lib/bulla/projects/acme%2Fbilling")
        );
        let other = server.site(&"acme/shop".parse().unwrap());
        assert_eq!(other.folder(), Path::new("/srv/acme/shop"));
    }

    #[test]
    fn hints_name_what_is_not_as_usual() {
        assert_eq!(Server::new("/srv", "/var/lib/bulla").flags, "");
        assert_eq!(
            Server::new("/it's", "/var/lib/bulla").flags,
            r" --root '/it'\''s'"
        );
        let server = Server::new("/r", "/s").with_flags(&[("--config", Path::new("/c"))]);
        assert_eq!(server.flags, " --config '/c'");
    }

    #[test]
    fn commands_in_a_text_get_the_flags_of_the_server() {
        let release = Command::new("release acme/billing");
        let text = format!("{release} ends it; see bulla-installer");
        let complete = |state: &str| Server::new("/srv", state).complete(&text);
        assert_eq!(complete("/var/lib/bulla"), text);
        assert_eq!(
            complete("/s"),
            "`bulla-installer --state '/s' release acme/billing` ends it; see bulla-installer"
        );
    }
}
