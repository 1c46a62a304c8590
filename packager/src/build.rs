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
mod options;
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

use std::path::{Path, PathBuf};

use bulla_schemas::recipe::Recipe;
use bulla_schemas::statement::Build;

use crate::source::Checkout;
pub use error::BuildError;
pub use options::{BuildOptions, Listener, Tools, log_of};
#[cfg(target_os = "linux")]
pub use stage::enter;
pub use surroundings::{BUILD_DIRECTORY, FalseClock, Order, Surroundings};

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
