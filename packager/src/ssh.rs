//! People's SSH keys: found by their public half, used by `ssh-keygen` only.
//!
//! This program never reads a private key of a person. `ssh-keygen -Y sign` asks the agent, or
//! reads the file next to the public one, or waits for the touch on a FIDO token.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use bulla_files::FileError;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::key::{KeyError, PublicKey};

use crate::child;

/// Most bytes of a file that holds a public key.
const PUBLIC_KEY_LIMIT: u64 = 16 * 1024;
/// Most files of a directory that are looked at for other keys.
const MOST_BESIDE: usize = 256;

/// The public half of a person's key, and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalKey {
    /// The `.pub` file.
    pub path: PathBuf,
    /// What it holds.
    pub public: PublicKey,
}

/// A key of the person that was not named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The public half.
    pub public: PublicKey,
    /// Its file; `None` where only the agent has the key.
    pub path: Option<PathBuf>,
}

/// Why a key cannot be used or a signature could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// The public key cannot be read.
    #[error("cannot read the public key `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// There is no such file, or no file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else.
    #[error("`{}` is not a public key that can be used", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: KeyError,
    },
    /// A private key was named.
    #[error("`{}` is a private key; expected its public half", .path.display())]
    Private {
        /// The file.
        path: PathBuf,
    },
    /// A program of OpenSSH cannot be started.
    #[error("cannot run `{program}`")]
    Start {
        /// Which program.
        program: &'static str,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// `ssh-keygen` made no signature; it has told the person why.
    #[error("`ssh-keygen` made no signature with `{}` ({status})", .path.display())]
    Sign {
        /// The public key.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
}

impl Outcome for SshError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Key { .. } | Self::Private { .. } => FailureKind::Usage,
            Self::File(error) => error.kind(),
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } | Self::File(_) => Some(
                "name the file of a public key; `ssh-keygen -t ed25519` makes one for a person, and \
                 `bulla key generate` one for a builder"
                    .to_owned(),
            ),
            Self::Key { source, .. } => source.hint(),
            Self::Private { path } => Some(format!("name `{}.pub`", path.display())),
            Self::Start { .. } => Some("install OpenSSH's client (`openssh-client`)".to_owned()),
            Self::Sign { path, .. } => Some(format!(
                "load the key into the agent with `ssh-add`, or put its private half at `{}`",
                private_half(path).display()
            )),
        }
    }
}

impl PersonalKey {
    /// Reads the public half of a key. A pipe or a device is refused, and not waited for.
    pub fn read(path: &Path) -> Result<Self, SshError> {
        use std::io::Read as _;
        let mut text = String::new();
        bulla_files::open_file(path)?
            .take(PUBLIC_KEY_LIMIT)
            .read_to_string(&mut text)
            .map_err(|source| SshError::Read {
                path: path.to_owned(),
                source,
            })?;
        if text.starts_with("-----BEGIN ") {
            return Err(SshError::Private {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            public: text.parse().map_err(|source| SshError::Key {
                path: path.to_owned(),
                source,
            })?,
        })
    }

    /// Returns the other keys that the person probably has: those of the agent, and the public keys in
    /// the directory of this one.
    pub fn others(&self) -> Vec<FoundKey> {
        let beside = self.path.parent().and_then(|parent| parent.read_dir().ok());
        let beside = beside.into_iter().flatten().take(MOST_BESIDE).flatten();
        let paths = beside.map(|entry| entry.path());
        let public = paths.filter(|path| path.extension().is_some_and(|end| end == "pub"));
        let files = public
            .filter_map(|path| Self::read(&path).ok())
            .map(|key| FoundKey {
                public: key.public,
                path: Some(key.path),
            });
        let mut found: Vec<FoundKey> = Vec::new();
        let agent = agent_keys()
            .into_iter()
            .map(|public| FoundKey { public, path: None });
        for key in files.chain(agent) {
            if key.public != self.public && !found.iter().any(|one| one.public == key.public) {
                found.push(key);
            }
        }
        found
    }

    /// Tells whether a signature can probably be made: the private half lies next to it, or the
    /// agent has it.
    pub fn is_usable(&self) -> bool {
        private_half(&self.path).exists() || agent_keys().contains(&self.public)
    }

    /// Signs `message` in the namespace `bulla` and returns the armoured signature. What
    /// `ssh-keygen` asks of the person goes to their terminal.
    pub fn sign(&self, message: &[u8]) -> Result<String, SshError> {
        const PROGRAM: &str = "ssh-keygen";
        let start = |source| SshError::Start {
            program: PROGRAM,
            source,
        };
        let mut child = child::command(PROGRAM)
            .args(["-q", "-Y", "sign", "-n", "bulla", "-f"])
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(start)?;
        // The message is small, and a program that ends early says why itself.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(message);
        }
        let output = child.wait_with_output().map_err(start)?;
        match String::from_utf8(output.stdout) {
            Ok(armoured) if output.status.success() => Ok(armoured),
            _ => Err(SshError::Sign {
                path: self.path.clone(),
                status: output.status,
            }),
        }
    }
}

/// Where the private half of a key lies when it is a file.
fn private_half(public: &Path) -> PathBuf {
    match public.extension() {
        Some(extension) if extension == "pub" => public.with_extension(""),
        _ => public.to_owned(),
    }
}

/// The keys of the agent, none when there is no agent.
fn agent_keys() -> Vec<PublicKey> {
    let output = child::command("ssh-add")
        .arg("-L")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect()
}
