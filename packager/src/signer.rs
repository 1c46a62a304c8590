//! `Signer`: who signs as a builder: a key that is here, or a program that reaches one elsewhere.
//!
//! ```text
//! stdin    the bytes to sign (DSSE pre-authentication encoding)
//! stdout   the signature: pure Ed25519, 64 bytes, in base64
//! ```

use std::io::{self, Read as _, Write as _};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::statement::ReleaseStatement;
use bulla_trust::key::{PublicKey, SigningKey};

use crate::child;

/// How long a program may take: a person may have to agree to what it does.
const PATIENCE: Duration = Duration::from_mins(5);
/// Most bytes that a program may answer.
const ANSWER_LIMIT: u64 = 4096;
/// How often a program is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Who signs as a builder.
#[derive(Debug)]
pub enum Signer {
    /// A key that is here.
    Key(SigningKey),
    /// A program.
    Program(SignerProgram),
}

/// A program that signs with a key that it reaches.
#[derive(Debug)]
pub struct SignerProgram {
    /// The program and its arguments.
    words: Vec<String>,
    /// The public half of its key.
    public: PublicKey,
    patience: Duration,
}

/// What is signed, for the program to decide whether it wants to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The project.
    pub project: String,
    /// The bundle.
    pub hash: String,
}

impl From<&ReleaseStatement> for Subject {
    fn from(release: &ReleaseStatement) -> Self {
        let [subject] = &release.subject;
        Self {
            project: subject.name.to_string(),
            hash: subject.digest.sha256.to_string(),
        }
    }
}

/// Why a program did not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// Not words.
    #[error("expected a program and its arguments as the signer, found `{line}`")]
    Line {
        /// What was given.
        line: String,
    },
    /// It cannot be started.
    #[error("cannot run the signer `{program}`")]
    Start {
        /// The program.
        program: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// It said no; on stderr it has said why.
    #[error("the signer `{program}` made no signature ({status})")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It did not end.
    #[error("the signer `{program}` made no signature within {} s, and was stopped", .patience.as_secs())]
    Slow {
        /// The program.
        program: String,
        /// How long it had.
        patience: Duration,
    },
    /// It wrote something else.
    #[error("expected 64 bytes in base64 from the signer `{program}`, found {found}")]
    Answer {
        /// The program.
        program: String,
        /// What it wrote.
        found: String,
    },
}

impl Outcome for SignerError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Line { .. } => FailureKind::Usage,
            Self::Slow { .. } => FailureKind::Temporary,
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Line { .. } => {
                "quote as in a shell, which is not started: `--signer 'sign --with key'`"
            }
            Self::Answer { found, .. } if found.starts_with("64 raw") => {
                "pipe what it writes through `base64`"
            }
            Self::Answer { .. } => {
                "it is given the bytes to sign on stdin, and writes the signature and nothing else"
            }
            Self::Start { .. } | Self::Failed { .. } | Self::Slow { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl Signer {
    /// Returns the key that signatures are verified with.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Key(key) => key.public_key(),
            Self::Program(program) => program.public.clone(),
        }
    }

    /// Signs the bytes. What a program answers is not verified here.
    pub(crate) fn sign(&self, bytes: &[u8], subject: &Subject) -> Result<Vec<u8>, SignerError> {
        match self {
            Self::Key(key) => Ok(key.sign_raw(bytes).to_vec()),
            Self::Program(program) => program.sign(bytes, subject),
        }
    }
}

impl SignerProgram {
    /// Takes a command line, which is split as a shell does it, and by none. `public` is the public
    /// half of the key that it signs with.
    pub fn new(line: &str, public: PublicKey) -> Result<Self, SignerError> {
        let words = shell_words::split(line)
            .ok()
            .filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| SignerError::Line {
            line: line.to_owned(),
        })?;
        Ok(Self {
            words,
            public,
            patience: PATIENCE,
        })
    }

    fn sign(&self, bytes: &[u8], subject: &Subject) -> Result<Vec<u8>, SignerError> {
        let program = || self.words[0].clone();
        let failed = |source| SignerError::Start {
            program: program(),
            source,
        };
        let mut child = child::command(&self.words[0])
            .args(&self.words[1..])
            .env("BULLA_SIGN_KEY", self.public.fingerprint())
            .env("BULLA_SIGN_PROJECT", &subject.project)
            .env("BULLA_SIGN_RELEASE", &subject.hash)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let answer = converse(&mut child, bytes.to_vec());
        let end = Instant::now() + self.patience;
        let status = wait(&mut child, end).map_err(failed)?;
        let slow = || SignerError::Slow {
            program: program(),
            patience: self.patience,
        };
        let status = status.ok_or_else(slow)?;
        if !status.success() {
            return Err(SignerError::Failed {
                program: program(),
                status,
            });
        }
        // What it has started itself may hold its stdout open.
        let left = end.saturating_duration_since(Instant::now()).max(LOOK);
        let answer = answer.recv_timeout(left).map_err(|_| slow())?;
        read_answer(&answer).map_err(|found| SignerError::Answer {
            program: program(),
            found,
        })
    }
}

/// Gives a program the bytes and takes its answer, both without waiting for it here.
fn converse(child: &mut Child, bytes: Vec<u8>) -> mpsc::Receiver<Vec<u8>> {
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read them says itself what it wants.
        std::thread::spawn(move || {
            let _ = stdin.write_all(&bytes);
        });
    }
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut answer = Vec::new();
            let _ = stdout.take(ANSWER_LIMIT + 1).read_to_end(&mut answer);
            let _ = sender.send(answer);
        });
    }
    receiver
}

/// Waits for the end of a program, and stops it when it takes too long.
fn wait(child: &mut Child, end: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// Reads a signature; else says what was found in its place.
fn read_answer(answer: &[u8]) -> Result<Vec<u8>, String> {
    if answer.is_empty() {
        return Err("nothing".to_owned());
    }
    if answer.len() as u64 > ANSWER_LIMIT {
        return Err(format!("more than {ANSWER_LIMIT} bytes"));
    }
    let text: Vec<u8> = answer
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    match STANDARD.decode(&text) {
        Ok(signature) if signature.len() == 64 => Ok(signature),
        Ok(other) => Err(format!("base64 of {} bytes", other.len())),
        Err(_) if answer.len() == 64 => Err("64 raw bytes, or another text".to_owned()),
        Err(_) => Err(format!("{} bytes that are not base64", answer.len())),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(&[7; 32])
    }

    fn subject() -> Subject {
        Subject {
            project: "acme/billing".to_owned(),
            hash: "sha256:00".to_owned(),
        }
    }

    fn run(script: &str, bytes: &[u8], patience: Duration) -> Result<Vec<u8>, SignerError> {
        let line = format!("sh -c {}", shell_words::quote(script));
        let mut program = SignerProgram::new(&line, key().public_key()).expect("a program");
        program.patience = patience;
        Signer::Program(program).sign(bytes, &subject())
    }

    fn answer(script: &str) -> Result<Vec<u8>, SignerError> {
        run(script, b"message", PATIENCE)
    }

    #[test]
    fn a_program_is_told_what_it_signs_and_gets_the_exact_bytes() {
        let signature = STANDARD.encode([9; 64]);
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..30_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let script = format!(
            "cd '{}' && cat >bytes && printf '%s %s %s' \"$BULLA_SIGN_KEY\" \"$BULLA_SIGN_PROJECT\" \
             \"$BULLA_SIGN_RELEASE\" >told && echo {signature}",
            folder.path().display()
        );
        assert_eq!(run(&script, &bytes, PATIENCE).unwrap(), [9; 64]);
        assert_eq!(std::fs::read(folder.path().join("bytes")).unwrap(), bytes);
        let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
        let fingerprint = key().public_key().fingerprint();
        assert_eq!(told, format!("{fingerprint} acme/billing sha256:00"));
    }

    #[test]
    fn what_a_program_does_wrong_is_said() {
        for (script, kind, said) in [
            ("exit 3", FailureKind::Failed, "exit status: 3"),
            ("true", FailureKind::Failed, "found nothing"),
            ("echo error", FailureKind::Failed, "not base64"),
            ("echo AAAA", FailureKind::Failed, "base64 of 3 bytes"),
            (
                "printf '%064d' 0 | tr 0 !",
                FailureKind::Failed,
                "64 raw bytes",
            ),
            (
                "head -c 5000 /dev/zero",
                FailureKind::Failed,
                "more than 4096 bytes",
            ),
        ] {
            let error = answer(script).unwrap_err();
            assert_eq!(error.kind(), kind, "{script}");
            assert!(error.to_string().contains(said), "{script}: {error}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_stopped() {
        for script in ["exec sleep 1000", "sleep 2 & echo AAAA"] {
            let error = run(script, b"message", Duration::from_millis(50)).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Temporary, "{script}: {error}");
        }
    }

    #[test]
    fn a_program_that_is_missing_or_none_is_named() {
        let new = |line: &str| SignerProgram::new(line, key().public_key());
        for line in ["", "  ", "sign 'with"] {
            assert_eq!(new(line).unwrap_err().kind(), FailureKind::Usage, "{line}");
        }
        let missing = Signer::Program(new("/nowhere/sign").unwrap());
        let error = missing.sign(b"message", &subject()).unwrap_err();
        assert!(error.to_string().contains("`/nowhere/sign`"));
    }
}
