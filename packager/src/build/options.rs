//! How to build, and where what a build says is kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_schemas::ProjectName;

use super::surroundings::Surroundings;

/// How to build.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The path of this program, `bulla`, which starts itself on the way into a sandbox.
    pub program: PathBuf,
    /// The programs that can make a sandbox.
    pub tools: Tools,
    /// Whether to do without one.
    pub no_sandbox: bool,
    /// The directory for the export.
    pub spool: PathBuf,
    /// How many bytes the build must leave free there.
    pub reserve: u64,
    /// The directory that keeps the output of each project's last build.
    pub logs: PathBuf,
    /// What the build sees besides its revision.
    pub surroundings: Surroundings,
    /// Who hears what the build says.
    pub listener: Listener,
}

/// Programs that can make a sandbox, where they are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// `bwrap`
    pub bubblewrap: Option<PathBuf>,
    /// `unshare`
    pub unshare: Option<PathBuf>,
}

/// Is told each line that a build says, and which build that is where there are two.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&str) + Send + Sync>);

impl Listener {
    /// Takes a listener.
    pub fn new(hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    /// Tells one line.
    pub(crate) fn tell(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Listener")
    }
}

/// Returns the file in `directory` with the output of a project's last build. No name of a project
/// has a `+`, so no two projects share one.
pub fn log_of(directory: &Path, project: &ProjectName) -> PathBuf {
    let name = project.as_str().replace('/', "+");
    directory.join(format!("{name}.log"))
}
