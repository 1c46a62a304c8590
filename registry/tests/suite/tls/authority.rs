//! A certificate authority of `openssl`, and the certificate of a server that it signed.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_registry::CertificateFiles;
use tempfile::TempDir;

/// Keys and certificates in a folder.
pub(crate) struct Authority(TempDir);

impl Authority {
    /// Makes an authority and the certificate of 127.0.0.1; says so where there is no openssl.
    #[expect(clippy::print_stdout, reason = "a skipped test says so aloud")]
    pub(crate) fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skip: TLS, because there is no openssl");
            return None;
        }
        let authority = Self(tempfile::tempdir().unwrap());
        authority.make("root", &["-addext", "basicConstraints=critical,CA:TRUE"]);
        let (root, key) = (authority.path("root.pem"), authority.path("root.key"));
        authority.make(
            "server",
            &[
                "-CA",
                root.to_str().unwrap(),
                "-CAkey",
                key.to_str().unwrap(),
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-addext",
                "subjectAltName=IP:127.0.0.1,DNS:localhost",
            ],
        );
        Some(authority)
    }

    fn make(&self, name: &str, more: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-subj", &format!("/CN={name}")])
            .arg("-keyout")
            .arg(self.path(&format!("{name}.key")))
            .arg("-out")
            .arg(self.path(&format!("{name}.pem")))
            .args(more);
        let made = openssl.output().unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
    }

    /// The authority's own certificate.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root.pem")
    }

    pub(crate) fn root_for_reqwest(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_pem(&std::fs::read(self.root()).unwrap()).unwrap()
    }

    /// The server's certificate and key.
    pub(crate) fn files(&self) -> CertificateFiles {
        CertificateFiles {
            chain: self.path("server.pem"),
            key: self.path("server.key"),
        }
    }

    /// Puts the files of another authority in place of these.
    pub(crate) fn replace_with(&self, other: &Self) {
        let (ours, theirs) = (self.files(), other.files());
        copy(&theirs.chain, &ours.chain);
        copy(&theirs.key, &ours.key);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Copies a file so that its name never stands for half of it.
fn copy(from: &Path, to: &Path) {
    let new = to.with_extension("new");
    std::fs::copy(from, &new).unwrap();
    std::fs::rename(new, to).unwrap();
}
