//! The certificate that the registry shows, with its private key: read from two files in PEM, and
//! read again when they have changed, as after `certbot renew`.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bulla_files::{Attempt as _, FileError};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome, with_causes};
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::blocking::blocking;

/// How often the files are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Most bytes of each file.
const MOST_BYTES: u64 = 1 << 20;
/// What lets users read a file who neither own it nor are in its group.
const OTHERS_READ: u32 = 0o007;

/// Where a certificate and its key lie.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate and those between it and a root, in this order.
    pub chain: PathBuf,
    /// The private key, which only its owner and group may read.
    pub key: PathBuf,
}

/// The certificate that is shown to new connections.
pub struct Certificate {
    files: CertificateFiles,
    shown: RwLock<Shown>,
    asked: Notify,
}

/// A certificate with its key, and the digest of the files that it was read from.
#[derive(Clone)]
struct Shown {
    pair: Arc<CertifiedKey>,
    digest: Digest,
}

/// Why two files are not a certificate and its key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Everybody on the machine may use the key.
    #[error("other users may read the private key `{}` (mode {mode:04o})", path.display())]
    OpenKey {
        /// The key.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file without what it is to hold.
    #[error("`{}` is not a {what} in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it is to hold.
        what: &'static str,
        /// Why it is none.
        source: pem::Error,
    },
    /// The key is another certificate's.
    #[error("the private key `{}` does not belong to the certificate `{}`", key.display(), chain.display())]
    OtherKey {
        /// The certificate.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// Nothing can be encrypted at all.
    #[error("TLS is not available")]
    NoTls(#[source] rustls::Error),
    /// Something about them is not supported.
    #[error("the certificate `{}` cannot be used with its key", chain.display())]
    Unusable {
        /// The certificate.
        chain: PathBuf,
        /// What.
        source: rustls::Error,
    },
}

impl Outcome for CertificateError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::OpenKey { .. } => FailureKind::Refused,
            Self::Pem { .. } | Self::OtherKey { .. } | Self::NoTls(_) | Self::Unusable { .. } => {
                FailureKind::Failed
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::OpenKey { path, .. } => Some(format!("chmod 640 {}", path.display())),
            Self::Pem { .. } | Self::OtherKey { .. } => Some(
                "name the chain with --tls-certificate and its key with --tls-key, such as \
                 certbot's fullchain.pem and privkey.pem"
                    .to_owned(),
            ),
            Self::NoTls(_) => None,
            Self::Unusable { .. } => Some(
                "use an RSA key of at least 2048 bits, or ECDSA with P-256 or P-384".to_owned(),
            ),
        }
    }
}

impl Certificate {
    /// Reads the files.
    pub fn open(files: CertificateFiles) -> Result<Arc<Self>, CertificateError> {
        Ok(Arc::new(Self {
            shown: RwLock::new(files.read()?),
            files,
            asked: Notify::new(),
        }))
    }

    /// Has the files read now.
    pub fn look_again(&self) {
        self.asked.notify_one();
    }

    /// Follows the files for ever. What cannot be used changes nothing, and is said once.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut said = String::new();
        loop {
            tokio::select! {
                () = self.asked.notified() => said.clear(),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            let certificate = Arc::clone(&self);
            match blocking(move || certificate.renew()).await {
                Ok(is_new) => {
                    if is_new {
                        tracing::info!("new connections are shown the new certificate");
                    }
                    said.clear();
                }
                Err(error) => {
                    let error = with_causes(&error);
                    if error != said {
                        tracing::error!(error, "the certificate stays as it was");
                        said = error;
                    }
                }
            }
        }
    }

    /// Reads the files, and tells whether they have changed.
    fn renew(&self) -> Result<bool, CertificateError> {
        let read = self.files.read()?;
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = read.digest != shown.digest;
        if is_new {
            *shown = read;
        }
        Ok(is_new)
    }
}

impl CertificateFiles {
    fn read(&self) -> Result<Shown, CertificateError> {
        let Self { chain, key } = self;
        let certificates = read(chain)?;
        // The mode first: what others can read is no secret.
        let mode = fs::metadata(key)
            .attempt("look at", key)?
            .permissions()
            .mode()
            & 0o7777;
        if mode & OTHERS_READ != 0 {
            return Err(CertificateError::OpenKey {
                path: key.clone(),
                mode,
            });
        }
        let secret = read(key)?;
        let digest = Digest::of(&Zeroizing::new([certificates.as_slice(), &secret].concat()));
        let found = CertificateDer::pem_slice_iter(&certificates).collect::<Result<Vec<_>, _>>();
        let found = found.and_then(|found| {
            if found.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(found)
            }
        });
        let found = found.map_err(|source| CertificateError::Pem {
            path: chain.clone(),
            what: "certificate",
            source,
        })?;
        let secret =
            PrivateKeyDer::from_pem_slice(&secret).map_err(|source| CertificateError::Pem {
                path: key.clone(),
                what: "private key",
                source,
            })?;
        let pair = CertifiedKey::from_der(found, secret, &default_provider());
        let pair = pair.map_err(|source| match source {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                CertificateError::OtherKey {
                    chain: chain.clone(),
                    key: key.clone(),
                }
            }
            source => CertificateError::Unusable {
                chain: chain.clone(),
                source,
            },
        })?;
        Ok(Shown {
            pair: Arc::new(pair),
            digest,
        })
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let missing = || FileError::new("read", path, std::io::ErrorKind::NotFound.into());
    let read = bulla_files::read_up_to(path, MOST_BYTES)?;
    read.map(Zeroizing::new).ok_or_else(missing)
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown.pair))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Certificate");
        shown.field("files", &self.files).finish_non_exhaustive()
    }
}
