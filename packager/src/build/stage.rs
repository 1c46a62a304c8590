//! The way into a sandbox, and out of it: this program, started again.
//!
//! ```text
//! bulla ─ starts ─► bulla enter (sweep)
//!       ─ starts ─► bulla enter (guard) ─ starts ─► bwrap ... COMMAND
//!                                       ─ starts ─► unshare ... bulla enter (enclose) ─► COMMAND
//!                                       ─ starts ─► COMMAND                   (--no-sandbox)
//! ```
//!
//! What to do stands in a file, so that nothing of the caller's environment is needed and nothing
//! of the recipe's is seen in a list of processes. Who waits for whom is a matter of pipes, which
//! end with a process however that ends: when `bulla` is gone, the guard ends the build and then
//! itself, and when both are, the directory is swept.

mod guard;
mod keyrings;
mod loopback;
mod mounts;
mod program;
mod sweep;

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{DumpableBehavior, Signal, WaitOptions};
use rustix::thread::CpuSet;
use serde::{Deserialize, Serialize};

pub(super) use mounts::{Mount, SECRETS, SETTINGS};
pub(super) use program::Program;
use program::{doing, named, status_of};
pub(super) use sweep::remove;

/// One stage on the way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Removes a directory when it is no longer needed.
    Sweep {
        /// The directory of one build.
        directory: PathBuf,
    },
    /// Starts the command, and ends all of it in time.
    Guard {
        /// The permission bits that new files lack.
        umask: u32,
        /// How many processors may be used.
        processors: Option<usize>,
        /// Whether the kernel's keyrings are out of reach.
        has_no_keys: bool,
        /// Where the command runs.
        directory: PathBuf,
        /// The command.
        command: Program,
    },
    /// Runs in namespaces of its own: makes them a root, and waits for the command in it.
    Enclose {
        /// An empty directory.
        root: PathBuf,
        /// What lies in the root, in this order.
        mounts: Vec<Mount>,
        /// The machine's name.
        hostname: String,
        /// Whether the network is one of its own, without anything but itself.
        is_offline: bool,
        /// Where the command runs, in the new root.
        directory: PathBuf,
        /// The command.
        command: Program,
    },
}

/// Does what the file at `path` says and returns the exit status of the command. Only what went
/// wrong before that is an error.
pub fn enter(path: &Path) -> io::Result<i32> {
    let stage: Stage = serde_json::from_slice(&fs::read(path)?)?;
    match stage {
        Stage::Sweep { directory } => sweep::sweep(&directory).map(|()| 0),
        Stage::Guard {
            umask,
            processors,
            has_no_keys,
            directory,
            command,
        } => {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
            if let Some(count) = processors {
                keep_processors(count)?;
            }
            if has_no_keys {
                keyrings::take_away().map_err(|error| doing("take keyrings away", &error))?;
            }
            guard::guard(&command, &directory)
        }
        Stage::Enclose {
            root,
            mounts,
            hostname,
            is_offline,
            directory,
            command,
        } => {
            // `unshare` may be killed; a sandbox is of no use to anybody then.
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            if is_offline {
                loopback::bring_up().map_err(|error| doing("bring up the loopback", &error))?;
            }
            rustix::system::sethostname(hostname.as_bytes())
                .map_err(|error| doing("set the machine's name", &error.into()))?;
            mounts::enter_root(&root, &mounts)?;
            drop_privileges().map_err(|error| doing("drop all privileges", &error))?;
            // No process in the sandbox may look into this one, or change what it does.
            rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
            let child = command.command()?.current_dir(directory).spawn();
            match child {
                Ok(child) => wait_for(child.id()),
                Err(error) => Err(named(&command, &error)),
            }
        }
    }
}

/// Uses as few processors as asked, of those that may be used.
fn keep_processors(count: usize) -> io::Result<()> {
    let mut set = rustix::thread::sched_getaffinity(None)?;
    let allowed: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect();
    // The last one is the least likely to be the only one.
    for cpu in allowed.iter().rev().skip(count.max(1)) {
        set.unset(*cpu);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Gives up everything that the namespaces granted, for good.
fn drop_privileges() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets};
    rustix::thread::clear_ambient_capability_set()?;
    rustix::thread::set_no_new_privs(true)?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    Ok(rustix::thread::set_capabilities(None, none)?)
}

/// Waits for one child, as the first process of its namespace: reaps orphans too. Whatever is
/// left ends with this process.
fn wait_for(child: u32) -> io::Result<i32> {
    loop {
        let Some((pid, status)) = rustix::process::wait(WaitOptions::empty())? else {
            continue;
        };
        if u32::try_from(pid.as_raw_pid()) == Ok(child) {
            return Ok(status_of(std::process::ExitStatus::from_raw(
                status.as_raw(),
            )));
        }
    }
}
