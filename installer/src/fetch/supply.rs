//! Where the bytes of releases come from: a registry, or a bundle file that a person carried here.
//! The border to async code: everything that waits for the network is driven from here, on the
//! calling thread.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla_bundle::{BundleFile, Limits, read_bundle_file};
use bulla_registry_client::{Client, ClientError, Patience};
use bulla_schemas::api::HostReport;
use bulla_schemas::{DigestPrefix, HostName, ProjectName};
use secrecy::SecretString;
use tokio::runtime::Runtime;
use url::Url;

use super::error::FetchError;
use crate::platform::files::Attempt as _;

/// A registry, and the token for it.
#[derive(Debug, Clone)]
pub struct Access {
    /// Its address.
    pub url: Url,
    /// The token, and for no other registry.
    pub token: Option<Token>,
}

/// A token for a registry.
#[derive(Debug, Clone)]
pub struct Token {
    /// What is shown to the registry.
    pub secret: SecretString,
    /// Where it came from.
    pub origin: TokenOrigin,
}

/// Where a token came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOrigin {
    /// The environment of the process.
    Environment,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for TokenOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => formatter.write_str("BULLA_TOKEN"),
            Self::File(path) => write!(formatter, "`{}`", path.display()),
        }
    }
}

impl Access {
    /// Connects, for a thread that waits.
    pub(crate) fn supply(&self) -> Result<Supply, FetchError> {
        Supply::registry(self.url.clone(), self.secret())
    }

    /// Connects, for a thread of its own that does not.
    pub(crate) fn client(&self) -> Result<Client, ClientError> {
        Client::new(self.url.clone(), self.secret())
    }

    fn secret(&self) -> Option<SecretString> {
        self.token.as_ref().map(|token| token.secret.clone())
    }
}

/// Where releases come from.
pub struct Supply {
    runtime: Runtime,
    source: Source,
    /// Whether it did not answer before.
    is_away: AtomicBool,
}

/// Where the bytes come from.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a command has one of them")]
pub(crate) enum Source {
    /// A registry.
    Registry(Client),
    /// A bundle file; no network is used.
    File(Arc<BundleFile>),
}

impl Supply {
    /// Takes releases from a registry.
    pub fn registry(url: Url, token: Option<SecretString>) -> Result<Self, FetchError> {
        Ok(Self {
            runtime: runtime()?,
            source: Source::Registry(Client::new(url, token)?),
            is_away: AtomicBool::new(false),
        })
    }

    /// Has `tell` called with a sentence, once, when the registry is silent for two seconds.
    #[must_use]
    pub fn on_silence(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let source = match self.source {
            Source::Registry(client) => Source::Registry(client.on_silence(tell)),
            file @ Source::File(_) => file,
        };
        Self { source, ..self }
    }

    /// Takes the one release that a bundle file holds, and says which project it is of.
    pub fn file(path: &Path) -> Result<(Self, ProjectName), FetchError> {
        let file = File::open(path).attempt("open", path)?;
        let file = read_bundle_file(file, &Limits::default())?;
        let project = file.bundle().release().project.clone();
        let supply = Self {
            runtime: runtime()?,
            source: Source::File(Arc::new(file)),
            is_away: AtomicBool::new(false),
        };
        Ok((supply, project))
    }

    /// Tells the registry how this server is. Returns the projects that it left out because the
    /// token is not for them.
    pub(crate) fn report(
        &self,
        host: &HostName,
        report: &HostReport,
    ) -> Result<Vec<ProjectName>, FetchError> {
        match &self.source {
            Source::Registry(client) => Ok(self.wait(client.report(host, report))?),
            Source::File(_) => Ok(Vec::new()),
        }
    }

    /// Says how long a registry is waited for from now on.
    pub(crate) fn set_patience(&self, patience: Patience) {
        if let Source::Registry(client) = &self.source {
            client.set_patience(patience);
        }
    }

    /// Tells whether it did not answer when it was last asked.
    pub(crate) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Remembers whether it answered.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Returns the registry's address, where it is one.
    pub(crate) fn url(&self) -> Option<&Url> {
        match &self.source {
            Source::Registry(client) => Some(client.url()),
            Source::File(_) => None,
        }
    }

    /// Returns the release that the bundle file holds, where there is one.
    pub(crate) fn release_in_file(&self) -> Option<DigestPrefix> {
        match &self.source {
            Source::Registry(_) => None,
            Source::File(file) => Some(file.bundle().hash().into()),
        }
    }

    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    /// Waits for what the network brings.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// One thread is enough for the network; files are written by threads of their own.
fn runtime() -> Result<Runtime, FetchError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(FetchError::Runtime)
}
