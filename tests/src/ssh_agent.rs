//! SSH agents: OpenSSH's own, and one whose only key lives in a security key that is made of software.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_trust::SigningKey;
use sha2::{Digest as _, Sha256};

use crate::programs::hermetic;
use crate::{Person, Transcript};

/// OpenSSH's agent, which ends with this value.
#[derive(Debug)]
pub struct SshAgent {
    process: Child,
    /// What `SSH_AUTH_SOCK` says.
    pub socket: PathBuf,
}

impl SshAgent {
    /// Starts an agent without keys. The path of a socket is short.
    pub fn start(directory: &Path) -> Self {
        let socket = directory.join("a");
        let process = hermetic("ssh-agent", directory)
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh-agent starts");
        while UnixStream::connect(&socket).is_err() {
            std::thread::yield_now();
        }
        Self { process, socket }
    }

    /// Gives it a person's key.
    pub fn add(&self, person: &Person) {
        let mut add = hermetic("ssh-add", Path::new("/"));
        add.arg("-q").arg(person.public_key.with_extension(""));
        Transcript::of(add.env("SSH_AUTH_SOCK", &self.socket)).done();
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const SECURITY_KEY: &str = "sk-ssh-ed25519@openssh.com";
const APPLICATION: &str = "ssh:";
/// Numbers of draft-ietf-sshm-ssh-agent, section 5.
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;

/// A security key as OpenSSH uses one through an agent (PROTOCOL.u2f), for `ssh-keygen` to sign with.
/// It ends with the test.
#[derive(Debug)]
pub struct SoftwareToken {
    /// Who has it.
    pub person: Person,
    /// What `SSH_AUTH_SOCK` says.
    pub socket: PathBuf,
}

impl SoftwareToken {
    /// Makes a key. `flags` is what the token says of its user: bit 0 that somebody touched it.
    pub fn start(name: &str, directory: &Path, seed: u8, flags: u8) -> Self {
        std::fs::create_dir_all(directory).expect("a directory");
        let key = SigningKey::from_seed(&[seed; 32]);
        let blob = blob(&key);
        let public_key = directory.join(format!("{name}.pub"));
        let line = format!("{SECURITY_KEY} {} {name}\n", STANDARD.encode(&blob));
        std::fs::write(&public_key, line).expect("the public key");
        let socket = directory.join(format!("{name}.s"));
        let listener = UnixListener::bind(&socket).expect("a socket");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &key, &blob, flags);
            }
        });
        let name = name.to_owned();
        Self {
            person: Person { name, public_key },
            socket,
        }
    }
}

fn blob(key: &SigningKey) -> Vec<u8> {
    let mut blob = string(SECURITY_KEY.as_bytes());
    blob.extend(string(key.public_key().as_bytes()));
    blob.extend(string(APPLICATION.as_bytes()));
    blob
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short string");
    [&length.to_be_bytes(), bytes].concat()
}

fn serve(mut stream: UnixStream, key: &SigningKey, blob: &[u8], flags: u8) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        if stream.read_exact(&mut message).is_err() {
            return;
        }
        let answer = answer(&message, key, blob, flags);
        if stream.write_all(&string(&answer)).is_err() {
            return;
        }
    }
}

fn answer(message: &[u8], key: &SigningKey, blob: &[u8], flags: u8) -> Vec<u8> {
    match message {
        [REQUEST_IDENTITIES] => {
            let one = 1_u32.to_be_bytes();
            [&[IDENTITIES], &one[..], &string(blob), &string(b"token")].concat()
        }
        [SIGN_REQUEST, rest @ ..] => {
            let rest = rest.strip_prefix(&string(blob)[..]);
            let Some((length, rest)) = rest.and_then(|rest| rest.split_first_chunk::<4>()) else {
                return vec![FAILURE];
            };
            let data = &rest[..u32::from_be_bytes(*length) as usize];
            let counter = 7_u32.to_be_bytes();
            let mut signed = Sha256::digest(APPLICATION).to_vec();
            signed.push(flags);
            signed.extend(counter);
            signed.extend(Sha256::digest(data));
            let signature = [
                string(SECURITY_KEY.as_bytes()),
                string(&key.sign_raw(&signed)),
                vec![flags],
                counter.to_vec(),
            ];
            [vec![SIGN_RESPONSE], string(&signature.concat())].concat()
        }
        _ => vec![FAILURE],
    }
}
