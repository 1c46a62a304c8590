//! Makes a server of a machine with systemd: a user and a group, directories, and the units that
//! keep the agent running and look at every live tree once a day. Undoes it too.
//!
//! ```text
//! /etc/systemd/system/bulla-agent.service              and bulla-verify.service, bulla-verify.timer
//! /etc/systemd/system/bulla-agent.service.d/           what the host file says of directories
//! /etc/sysusers.d/bulla.conf, /etc/tmpfiles.d/bulla.conf
//! ```
//!
//! A package has the same files below `/lib` and `/usr/lib`; where they are, only what differs on
//! this server is written. [`plan`] says what there is to do, and [`Step::take`] does it.

mod error;
mod step;
mod units;

use std::path::{Path, PathBuf};

pub use error::SetupError;
pub use step::Step;

use crate::site::Server;
use step::{Needed, find};
use units::{AGENT, SYSUSERS, TMPFILES, UNITS, VERIFY_TIMER};

/// Where systemd says that it runs (`sd_booted(3)`).
const BOOTED: &str = "/run/systemd/system";

/// Where administrators put units, and where packages do.
const UNITS_HERE: &str = "etc/systemd/system";
const UNITS_OF_PACKAGE: &str = "lib/systemd/system";

/// What is to be set up.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The program that the units start.
    pub program: &'a Path,
    /// The server, for the directories that it works in.
    pub server: &'a Server,
    /// What the agent writes to besides.
    pub others: Vec<PathBuf>,
    /// The directory that a package is made in; none for this machine.
    pub destination: Option<&'a Path>,
}

impl Setup<'_> {
    /// Returns what has to be done, in order. What is there already is among it, and not needed.
    pub fn plan(&self) -> Result<Vec<Step>, SetupError> {
        match self.destination {
            Some(destination) => {
                let mut steps = self.files(destination, true)?;
                if let Some(text) = self.directories() {
                    steps.push(Step::write(drop_in(destination), text)?);
                }
                for step in &steps {
                    step.require_below(destination)?;
                }
                Ok(steps)
            }
            None => self.plan_here(),
        }
    }

    /// Returns what has to be done to undo it. Users, state and trees stay.
    pub fn plan_removal(&self) -> Result<Vec<Step>, SetupError> {
        let mut steps = Vec::new();
        if find("systemctl").is_ok() && (is_packaged() || is_here()) {
            let disable = ["disable", "--now", AGENT.name, VERIFY_TIMER.name];
            steps.push(Step::run("systemctl", &disable, Needed::Always)?);
        }
        let root = Path::new("/");
        for step in self.files(root, false)? {
            if let Step::Write { path, .. } = step {
                steps.push(Step::remove(path));
            }
        }
        steps.push(Step::remove(drop_in(root)));
        if is_booted() {
            let is_changed = steps.iter().any(Step::is_needed);
            steps.push(Step::run(
                "systemctl",
                &["daemon-reload"],
                Needed::If(is_changed),
            )?);
        }
        Ok(steps)
    }

    fn plan_here(&self) -> Result<Vec<Step>, SetupError> {
        let mut steps = Vec::new();
        if !is_packaged() {
            steps.extend(self.files(Path::new("/"), false)?);
        }
        steps.push(match self.directories() {
            Some(text) => Step::write(drop_in(Path::new("/")), text)?,
            None => Step::remove(drop_in(Path::new("/"))),
        });
        let is_changed = steps.iter().any(Step::is_needed);
        let has_group = nix::unistd::Group::from_name("bulla");
        let has_group = has_group.is_ok_and(|found| found.is_some());
        steps.push(Step::run(
            "systemd-sysusers",
            &["bulla.conf"],
            Needed::If(!has_group),
        )?);
        let create = ["--create", "bulla.conf"];
        let has_all = ["/etc/bulla", Server::DEFAULT_STATE]
            .iter()
            .all(|directory| Path::new(directory).is_dir());
        steps.push(Step::run(
            "systemd-tmpfiles",
            &create,
            Needed::If(!has_all),
        )?);
        let enable = ["enable", AGENT.name, VERIFY_TIMER.name];
        if !is_booted() {
            steps.push(Step::run("systemctl", &enable, Needed::Always)?);
            return Ok(steps);
        }
        steps.push(Step::run(
            "systemctl",
            &["daemon-reload"],
            Needed::If(is_changed),
        )?);
        steps.push(Step::run("systemctl", &enable, Needed::Always)?);
        // One that runs goes by its units of before.
        let restart = ["try-restart", AGENT.name];
        steps.push(Step::run("systemctl", &restart, Needed::If(is_changed))?);
        let start = ["start", AGENT.name, VERIFY_TIMER.name];
        steps.push(Step::run("systemctl", &start, Needed::Always)?);
        Ok(steps)
    }

    /// Returns the files below a directory.
    fn files(&self, below: &Path, is_package: bool) -> Result<Vec<Step>, SetupError> {
        let (units, others) = if is_package {
            (UNITS_OF_PACKAGE, "usr/lib")
        } else {
            (UNITS_HERE, "etc")
        };
        let program = if is_package { None } else { Some(self.program) };
        let mut steps = Vec::new();
        for unit in UNITS {
            let path = below.join(units).join(unit.name);
            steps.push(Step::write(path, unit.text(program)?)?);
        }
        for (name, text) in [("sysusers.d", SYSUSERS), ("tmpfiles.d", TMPFILES)] {
            let path = below.join(others).join(name).join("bulla.conf");
            steps.push(Step::write(path, text.to_owned())?);
        }
        Ok(steps)
    }

    /// Returns the drop-in with the directories that the unit does not know, where there are some.
    fn directories(&self) -> Option<String> {
        let usual = [Server::DEFAULT_ROOT, Server::DEFAULT_STATE].map(Path::new);
        let directories = [self.server.root(), self.server.state()];
        let directories = directories
            .into_iter()
            .chain(self.others.iter().map(PathBuf::as_path))
            .filter(|directory| !usual.contains(directory));
        let mut lines: Vec<String> = directories
            .map(|directory| format!("ReadWritePaths=\"-{}\"\n", directory.display()))
            .collect();
        lines.sort();
        lines.dedup();
        (!lines.is_empty()).then(|| {
            format!(
                "# Written by `bulla-installer setup`, as the host file says.\n[Service]\n{}",
                lines.concat()
            )
        })
    }
}

/// Tells whether systemd runs this machine.
pub(crate) fn is_booted() -> bool {
    Path::new(BOOTED).is_dir()
}

/// Tells whether a package brought the units.
pub(crate) fn is_packaged() -> bool {
    let directory = Path::new("/").join(UNITS_OF_PACKAGE);
    directory.join(AGENT.name).exists()
}

fn is_here() -> bool {
    Path::new("/").join(UNITS_HERE).join(AGENT.name).exists()
}

fn drop_in(below: &Path) -> PathBuf {
    let directory = format!("{}.d", AGENT.name);
    let units = below.join(UNITS_HERE);
    units.join(directory).join("directories.conf")
}
