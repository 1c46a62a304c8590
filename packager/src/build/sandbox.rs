//! What a sandbox shows of the machine, and the two programs that can make one: `bwrap`
//! (bubblewrap), else `unshare` (util-linux) with this program's help.
//!
//! ```text
//! /usr /bin /sbin /lib*   the machine's, read-only
//! /etc                    the few files that programs need, read-only; a user list of its own
//! /proc /dev              of the sandbox
//! /build /tmp HOME        of this build, and writable
//! ```
//!
//! There is nothing else: no `/home`, `/root`, `/run`, `/var`, `/srv`, `/sys`, and no network.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::BuildError;
use super::options::Tools;
use super::run::{self, Ended};
use super::stage::{Mount, Program, SECRETS, SETTINGS, Stage};
use super::surroundings::{BUILD_DIRECTORY, Surroundings};
use super::workspace::Workspace;

/// Directories of programs and libraries; on most systems all but the first are links into it.
const SYSTEM: [&str; 7] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// What programs read in `/etc`: how to find libraries and certificates, and how languages are
/// set up. Nothing here may hold a secret: a build that root starts can read whatever it sees.
/// A `*` stands for the rest of a name.
const CONFIGURATION: [&str; 20] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/java-*",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/perl",
    "/etc/php/*/cli",
    "/etc/php/*/mods-available",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// How long a sandbox for `true` may take.
const ATTEMPT: Duration = Duration::from_mins(1);

/// A way to make a sandbox that works on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sandbox {
    /// `bwrap`, at this path.
    Bubblewrap(PathBuf),
    /// User namespaces, through the `unshare` at this path.
    Namespaces(PathBuf),
}

/// What one sandbox is to be.
pub(super) struct Enclosure<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) surroundings: &'a Surroundings,
    pub(super) network: bool,
    /// The path of this program.
    pub(super) program: &'a Path,
}

impl Sandbox {
    /// Finds the first way that works, by running `true` in a sandbox as the build would be.
    pub(super) fn find(tools: &Tools, enclosure: &Enclosure<'_>) -> Result<Self, BuildError> {
        let bubblewrap = tools.bubblewrap.clone().map(Self::Bubblewrap);
        let namespaces = tools.unshare.clone().map(Self::Namespaces);
        let mut reasons = Vec::new();
        for (name, sandbox) in [("bwrap", bubblewrap), ("unshare", namespaces)] {
            let reason = match sandbox {
                None => "is not installed".to_owned(),
                Some(sandbox) => match sandbox.attempt(enclosure)? {
                    None => return Ok(sandbox),
                    Some(reason) => format!("cannot make one: {reason}"),
                },
            };
            reasons.push((name, reason));
        }
        Err(BuildError::NoSandbox { reasons })
    }

    /// Runs `true` and returns what went wrong.
    fn attempt(&self, enclosure: &Enclosure<'_>) -> Result<Option<String>, BuildError> {
        let command = Program {
            arguments: vec!["true".into()],
            environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
        };
        let first = enclosure.enter(self, command)?;
        let mut said = String::new();
        let command = enclosure.workspace.guarded(enclosure.program, &first)?;
        let ended = run::run(command, ATTEMPT, None, |line| {
            said = line.chars().take(300).collect();
            Ok(())
        })
        .map_err(|source| BuildError::io("cannot run", enclosure.program, source))?;
        Ok(match ended {
            Ended::Exited(status) if status.success() => None,
            Ended::Exited(status) if said.is_empty() => Some(status.to_string()),
            Ended::Exited(_) => Some(said),
            Ended::TimedOut | Ended::OutOfSpace { .. } => {
                Some(format!("it took more than {} s", ATTEMPT.as_secs()))
            }
        })
    }
}

impl Enclosure<'_> {
    /// Writes the stages that lead into the sandbox, and returns the file of the first.
    pub(super) fn enter(&self, sandbox: &Sandbox, command: Program) -> Result<PathBuf, BuildError> {
        let mounts = self.mounts()?;
        let outside = match sandbox {
            Sandbox::Bubblewrap(bwrap) => Program {
                arguments: self.bubblewrap(bwrap, &mounts, &command),
                environment: command.environment,
            },
            Sandbox::Namespaces(unshare) => {
                let enclose = Stage::Enclose {
                    root: self.workspace.root(),
                    mounts,
                    hostname: self.surroundings.hostname.to_owned(),
                    is_offline: !self.network,
                    directory: BUILD_DIRECTORY.into(),
                    command,
                };
                let file = self.workspace.write_stage("enclose.json", &enclose)?;
                Program {
                    arguments: self.namespaces(unshare, &file),
                    environment: std::collections::BTreeMap::new(),
                }
            }
        };
        self.workspace.write_stage(
            "guard.json",
            &Stage::Guard {
                umask: self.surroundings.umask,
                processors: self.surroundings.processors,
                has_no_keys: true,
                directory: "/".into(),
                command: outside,
            },
        )
    }

    fn bubblewrap(&self, bwrap: &Path, mounts: &[Mount], command: &Program) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![bwrap.into()];
        let mut add = |words: &[&dyn AsRef<std::ffi::OsStr>]| {
            arguments.extend(words.iter().map(|word| word.as_ref().to_owned()));
        };
        add(&[&"--unshare-all", &"--unshare-user", &"--disable-userns"]);
        if self.network {
            add(&[&"--share-net"]);
        }
        let uid = self.surroundings.uid.to_string();
        add(&[&"--uid", &uid, &"--gid", &uid]);
        add(&[&"--hostname", &self.surroundings.hostname]);
        add(&[&"--die-with-parent", &"--cap-drop", &"ALL"]);
        for mount in mounts {
            match mount {
                Mount::Shown { from, at } => add(&[&"--ro-bind", from, at]),
                Mount::Lent { from, at } => add(&[&"--bind", from, at]),
                Mount::Link { target, at } => add(&[&"--symlink", target, at]),
                Mount::Processes { at } => {
                    add(&[&"--proc", at]);
                    for path in existing_in_proc(&SETTINGS) {
                        add(&[&"--ro-bind", &path, &path]);
                    }
                    for path in existing_in_proc(&SECRETS) {
                        add(&[&"--ro-bind", &"/dev/null", &path]);
                    }
                }
                Mount::Devices { at } => add(&[&"--dev", at]),
            }
        }
        add(&[&"--remount-ro", &"/", &"--chdir", &BUILD_DIRECTORY, &"--"]);
        arguments.extend(command.arguments.iter().cloned());
        arguments
    }

    fn namespaces(&self, unshare: &Path, file: &Path) -> Vec<OsString> {
        let uid = self.surroundings.uid;
        let mut arguments: Vec<OsString> = vec![unshare.into()];
        arguments.extend(
            [
                "--user",
                "--keep-caps",
                "--mount",
                "--pid",
                "--ipc",
                "--uts",
            ]
            .map(OsString::from),
        );
        if !self.network {
            arguments.push("--net".into());
        }
        arguments.extend([
            format!("--map-user={uid}").into(),
            format!("--map-group={uid}").into(),
            "--kill-child".into(),
            "--".into(),
            self.program.into(),
            "enter".into(),
            file.into(),
        ]);
        arguments
    }

    fn mounts(&self) -> Result<Vec<Mount>, BuildError> {
        let mut mounts = Vec::new();
        for directory in SYSTEM {
            let directory = Path::new(directory);
            let failed = |source| BuildError::io("cannot look at", directory, source);
            match fs::symlink_metadata(directory) {
                Ok(metadata) if metadata.is_symlink() => mounts.push(Mount::Link {
                    target: fs::read_link(directory).map_err(failed)?,
                    at: directory.into(),
                }),
                Ok(_) => mounts.push(shown(directory)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let configuration = CONFIGURATION.iter().flat_map(|pattern| existing(pattern));
        mounts.extend(configuration.map(|path| shown(&path)));
        for (name, file) in self.workspace.write_etc(self.surroundings)? {
            mounts.push(Mount::Shown {
                from: file,
                at: Path::new("/etc").join(name),
            });
        }
        if self.network {
            // A link to a file of the resolver's, which is not shown.
            if let Ok(resolver) = Path::new("/etc/resolv.conf").canonicalize() {
                mounts.push(Mount::Shown {
                    from: resolver,
                    at: "/etc/resolv.conf".into(),
                });
            }
        }
        mounts.push(Mount::Processes { at: "/proc".into() });
        mounts.push(Mount::Devices { at: "/dev".into() });
        let home = self.surroundings.home;
        for (from, at) in [
            (self.workspace.build(), BUILD_DIRECTORY),
            (self.workspace.temporary(), "/tmp"),
            (self.workspace.home(), home),
        ] {
            let at = at.into();
            mounts.push(Mount::Lent { from, at });
        }
        Ok(mounts)
    }
}

fn existing_in_proc(names: &'static [&str]) -> impl Iterator<Item = PathBuf> {
    let paths = names.iter().map(|name| Path::new("/proc").join(name));
    paths.filter(|path| path.exists())
}

fn shown(path: &Path) -> Mount {
    Mount::Shown {
        from: path.into(),
        at: path.into(),
    }
}

/// Returns the paths that a pattern of [`CONFIGURATION`] means on this machine, sorted.
fn existing(pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("/")];
    for part in pattern.split('/').skip(1) {
        paths = match part.strip_suffix('*') {
            None => paths.iter().map(|path| path.join(part)).collect(),
            Some(prefix) => paths
                .iter()
                .filter_map(|path| fs::read_dir(path).ok())
                .flat_map(|entries| entries.filter_map(Result::ok))
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
                .map(|entry| entry.path())
                .collect(),
        };
    }
    paths.retain(|path| path.exists());
    paths.sort();
    paths
}
