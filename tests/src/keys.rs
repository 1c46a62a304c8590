//! `Person`: somebody with an SSH key, as engineers have.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::Transcript;
use crate::programs::hermetic;

/// A person and the key that `ssh-keygen` made for them.
#[derive(Debug, Clone)]
pub struct Person {
    /// The name that the policy knows.
    pub name: String,
    /// The public half; the private half lies beside it.
    pub public_key: PathBuf,
}

impl Person {
    /// Makes a key in `directory`.
    pub fn with_new_key(name: &str, directory: &Path) -> Self {
        std::fs::create_dir_all(directory).expect("the directory of keys");
        let private_key = directory.join(name);
        Transcript::of(
            hermetic("ssh-keygen", directory)
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(&private_key),
        )
        .done();
        Self {
            name: name.to_owned(),
            public_key: private_key.with_extension("pub"),
        }
    }

    /// Signs as people do, and returns the armoured signature.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> String {
        let mut signing = hermetic("ssh-keygen", Path::new("/"))
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(&self.public_key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ssh-keygen starts");
        let mut stdin = signing.stdin.take().expect("stdin is a pipe");
        stdin.write_all(message).expect("ssh-keygen reads");
        drop(stdin);
        let output = signing.wait_with_output().expect("ssh-keygen ends");
        assert!(output.status.success(), "ssh-keygen does not sign");
        String::from_utf8(output.stdout).expect("an armoured signature is ASCII")
    }

    /// Returns `name=key.pub`, as `bulla init --person` takes it.
    pub fn as_argument(&self) -> String {
        format!("{}={}", self.name, self.public_key.display())
    }
}
