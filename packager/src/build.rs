//! The arrow from a checkout to the files that its build makes: export, run in a sandbox, collect.
//!
//! The command of `[build]` runs in a fresh export of the whole revision, at a fixed path, in the
//! usual [`Surroundings`], and only what `outputs` names takes the place of the checkout's files.
//! Nothing of the caller's environment, home or network is there. What a sandbox shows is in
//! `build/sandbox.rs`, and how a process gets there in `build/stage.rs`.

mod error;
#[cfg(target_os = "linux")]
mod export;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod outputs;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod stage;
mod surroundings;
#[cfg(target_os = "linux")]
mod workspace;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_schemas::ProjectName;
use bulla_schemas::recipe::Recipe;
use bulla_schemas::statement::Build;

use crate::source::Checkout;
pub use error::BuildError;
#[cfg(target_os = "linux")]
pub use stage::enter;
pub use surroundings::{BUILD_DIRECTORY, FalseClock, Order, Surroundings};

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

/// How many bytes a build must leave free in `spool`: 1 GiB, or a tenth of what is free now if
/// that is less.
#[cfg(target_os = "linux")]
pub fn reserve(spool: &Path) -> u64 {
    const RESERVE: u64 = 1 << 30;
    rustix::fs::statvfs(spool).map_or(0, |found| {
        RESERVE.min(found.f_bavail.saturating_mul(found.f_frsize) / 10)
    })
}

/// Builds run on Linux only.
#[cfg(not(target_os = "linux"))]
pub fn reserve(_: &Path) -> u64 {
    0
}

/// Builds `checkout` if the recipe has a build, and returns it with the outputs for its files.
#[cfg(target_os = "linux")]
pub fn build(
    checkout: Checkout,
    recipe: &Recipe,
    limits: &bulla_bundle::Limits,
    options: &BuildOptions,
) -> Result<Checkout, BuildError> {
    let Some(section) = &recipe.build else {
        return Ok(checkout);
    };
    let workspace = workspace::Workspace::new(&options.spool, &options.program)?;
    export::export(&checkout, &workspace.build(), options.surroundings.order)?;
    let stage = prepare(&checkout, section, &workspace, options)?;
    let mut log = log::Log::begin(&options.logs, &recipe.bundle.project)?;
    let command = workspace.guarded(&options.program, &stage)?;
    let reserve = run::Reserve {
        directory: &options.spool,
        bytes: options.reserve,
    };
    let ended = run::run(
        command,
        section.timeout.as_duration(),
        Some(reserve),
        |line| {
            // Whatever is shown has been kept.
            let kept = log.line(line);
            options.listener.tell(line);
            kept
        },
    )
    .map_err(|source| BuildError::io("cannot run the build with", &options.program, source))?;
    let (log, tail) = log.finish();
    let command = section.command.arguments().join(" ");
    match ended {
        run::Ended::Exited(status) if status.success() => {}
        run::Ended::Exited(status) => {
            let status = run::words(status);
            return Err(BuildError::Exited {
                command,
                status,
                tail,
                log,
            });
        }
        run::Ended::OutOfSpace { reserve } => {
            return Err(BuildError::OutOfSpace {
                command,
                directory: options.spool.clone(),
                reserve,
                log,
            });
        }
        run::Ended::TimedOut => {
            return Err(BuildError::TimedOut {
                command,
                timeout: section.timeout.to_string(),
                tail,
                log,
            });
        }
    }
    let outputs = outputs::Outputs::collect(workspace, &section.outputs, limits.entries)?;
    let mut checkout = checkout.replaced(Box::new(outputs));
    checkout.provenance.build = if options.no_sandbox {
        Build::NoSandbox
    } else {
        Build::Sandbox
    };
    Ok(checkout)
}

/// Makes a sandbox and says which program made it.
#[cfg(target_os = "linux")]
pub fn probe(options: &BuildOptions) -> Result<&'static str, BuildError> {
    let workspace = workspace::Workspace::new(&options.spool, &options.program)?;
    let enclosure = sandbox::Enclosure {
        workspace: &workspace,
        surroundings: &options.surroundings,
        network: false,
        program: &options.program,
    };
    Ok(match sandbox::Sandbox::find(&options.tools, &enclosure)? {
        sandbox::Sandbox::Bubblewrap(_) => "bwrap",
        sandbox::Sandbox::Namespaces(_) => "unshare",
    })
}

/// Builds run on Linux only.
#[cfg(not(target_os = "linux"))]
pub fn probe(_: &BuildOptions) -> Result<&'static str, BuildError> {
    Err(BuildError::NotLinux)
}

/// Writes the stages that lead to the command, inside a sandbox or not, and returns the first.
#[cfg(target_os = "linux")]
fn prepare(
    checkout: &Checkout,
    section: &bulla_schemas::recipe::BuildSection,
    workspace: &workspace::Workspace,
    options: &BuildOptions,
) -> Result<PathBuf, BuildError> {
    let surroundings = &options.surroundings;
    let committed = checkout.source.committed();
    let program = |places: &surroundings::Places| stage::Program {
        arguments: section.command.arguments().iter().map(Into::into).collect(),
        environment: surroundings.environment(section, committed, places),
    };
    if options.no_sandbox {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let places = surroundings::Places {
            build: text(workspace.build()),
            home: text(workspace.home()),
            temporary: text(workspace.temporary()),
        };
        let stage = stage::Stage::Guard {
            umask: surroundings.umask,
            processors: surroundings.processors,
            has_no_keys: false,
            directory: workspace.build(),
            command: program(&places),
        };
        return workspace.write_stage("guard.json", &stage);
    }
    let enclosure = sandbox::Enclosure {
        workspace,
        surroundings,
        network: section.network,
        program: &options.program,
    };
    let sandbox = sandbox::Sandbox::find(&options.tools, &enclosure)?;
    let places = surroundings::Places {
        build: BUILD_DIRECTORY.to_owned(),
        home: surroundings.home.to_owned(),
        temporary: "/tmp".to_owned(),
    };
    enclosure.enter(&sandbox, program(&places))
}

/// Builds need Linux.
#[cfg(not(target_os = "linux"))]
pub fn build(
    checkout: Checkout,
    recipe: &Recipe,
    _: &bulla_bundle::Limits,
    _: &BuildOptions,
) -> Result<Checkout, BuildError> {
    match recipe.build {
        None => Ok(checkout),
        Some(_) => Err(BuildError::NotLinux),
    }
}
