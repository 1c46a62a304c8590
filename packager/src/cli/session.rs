//! What one command works with: the settings from command line, environment and configuration
//! file, and what they lead to.

use std::path::{Path, PathBuf};

use bulla_registry_client::{
    Client, LogDirectory, LogFollower, fetch_unverified, read_token, registry_url,
};
use bulla_schemas::line::list;
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::recipe::RECIPE_FILE;
use bulla_schemas::{Digest, ProjectName};
use bulla_terminal::{Failure, prompt, stderr};
use bulla_trust::LogState;
use secrecy::SecretString;
use url::Url;

use super::environment;
use super::options::Options;
use crate::config::Config;
use crate::recipe;
use crate::resolve::{self, ReleaseName};
use crate::ssh::PersonalKey;

/// The names of the keys that `ssh-keygen` makes when it is not told otherwise.
const DEFAULT_KEYS: [&str; 2] = ["id_ed25519.pub", "id_ed25519_sk.pub"];

/// The settings of this run.
pub(super) struct Session {
    options: Options,
    config: Config,
}

impl Session {
    /// Takes the command line, which includes the environment, and reads the configuration file.
    pub(super) fn new(options: Options) -> Result<Self, Failure> {
        let config = match environment::configuration_directory() {
            Some(directory) => Config::load(&directory.join("config.toml"))?,
            None => Config::default(),
        };
        Ok(Self::with_config(options, config))
    }

    /// Takes the command line and a configuration.
    pub(super) const fn with_config(options: Options, config: Config) -> Self {
        Self { options, config }
    }

    /// Returns the registry to talk to.
    pub(super) fn registry(&self) -> Result<Url, Failure> {
        if let Some(named) = &self.options.registry {
            return Ok(registry_url(named)?);
        }
        self.config.registry.clone().ok_or_else(|| {
            Failure::usage("no registry is named").with_hint(
                "give --registry URL, set BULLA_REGISTRY, or write `registry = \"URL\"` to \
                 ~/.config/bulla/config.toml",
            )
        })
    }

    /// Prepares to talk to the registry.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let client = Client::new(self.registry()?, self.token()?)?;
        Ok(client.on_silence(|sentence| stderr::note(sentence)))
    }

    /// Refuses to go on without a token; `doing` names what needs it.
    pub(super) fn require_token(client: &Client, doing: &str) -> Result<(), Failure> {
        if client.has_token() {
            return Ok(());
        }
        let message = format_args!("{doing} needs a token and none was given");
        Err(Failure::usage(message).with_hint(
            "give --token-file FILE or set BULLA_TOKEN; `bulla-registry token create` makes one",
        ))
    }

    /// The token: of `--token-file`, else of `BULLA_TOKEN`, else of the configured file.
    fn token(&self) -> Result<Option<SecretString>, Failure> {
        if let Some(path) = &self.options.token_file {
            return Ok(Some(read_token(path)?));
        }
        match (
            environment::variable("BULLA_TOKEN"),
            &self.config.token_file,
        ) {
            (Some(token), _) => Ok(Some(token.into())),
            (None, Some(path)) => Ok(Some(read_token(path)?)),
            (None, None) => Ok(None),
        }
    }

    /// Returns the project that `--project` names.
    pub(super) const fn named_project(&self) -> Option<&ProjectName> {
        self.options.project.as_ref()
    }

    /// Returns the named project, or the one of the nearest recipe; `None` when there is neither.
    pub(super) fn optional_project(&self) -> Result<Option<ProjectName>, Failure> {
        if let Some(project) = &self.options.project {
            return Ok(Some(project.clone()));
        }
        let here = std::env::current_dir()
            .map_err(|error| Failure::io("cannot find the current directory", error))?;
        let recipes = here
            .ancestors()
            .map(|directory| directory.join(RECIPE_FILE));
        let Some(path) = recipes.into_iter().find(|path| path.is_file()) else {
            return Ok(None);
        };
        let bytes = bulla_files::read_up_to(&path, recipe::MAX_LEN)?;
        let checked = recipe::parse(&bytes.unwrap_or_default())?;
        Ok(Some(checked.recipe.bundle.project))
    }

    /// Returns the anchor that is given or configured.
    pub(super) fn named_anchor(&self) -> Option<&Anchor> {
        self.options.anchor.as_ref().or(self.config.anchor.as_ref())
    }

    /// Tells whether a log may be believed about which nothing is known.
    pub(super) const fn trusts_first_use(&self) -> bool {
        self.options.trust_first_use
    }

    /// Returns the builder's key that is configured, or its public half where a program is configured that
    /// signs, and that program.
    pub(super) fn configured_builder(&self) -> (Option<&Path>, Option<&str>) {
        (self.config.key.as_deref(), self.config.signer.as_deref())
    }

    /// Refuses a recipe of another project than `--project` names.
    pub(super) fn require_project(&self, found: &ProjectName) -> Result<(), Failure> {
        match &self.options.project {
            Some(named) if named != found => Err(Failure::usage(format_args!(
                "--project is {named}, the recipe of the revision is {found}'s"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the project that the command is about.
    pub(super) fn project(&self) -> Result<ProjectName, Failure> {
        self.optional_project()?.ok_or_else(|| {
            Failure::usage("no project is named")
                .with_hint("give --project NAME, or go into a checkout with a `bulla.toml`")
        })
    }

    /// Finds the release that a person names, in the verified log. A hash names one everywhere, and
    /// anything else one of the project.
    pub(super) fn find(
        &self,
        state: &LogState,
        name: &ReleaseName,
    ) -> Result<(ProjectName, Digest), Failure> {
        let project = if name.is_hash() {
            self.optional_project()?
        } else {
            Some(self.project()?)
        };
        Ok(resolve::find(state, project.as_ref(), name)?)
    }

    /// Returns the key to sign with: the one named, the configured one, or the usual one.
    pub(super) fn personal_key(&self, named: Option<&Path>) -> Result<PersonalKey, Failure> {
        if let Some(path) = named.or(self.config.ssh_key.as_deref()) {
            return Ok(PersonalKey::read(path)?);
        }
        let directory = environment::home_directory().map(|home| home.join(".ssh"));
        let usual = directory
            .into_iter()
            .flat_map(|directory| DEFAULT_KEYS.map(|name| directory.join(name)));
        match usual.into_iter().find(|path| path.exists()) {
            Some(path) => Ok(PersonalKey::read(&path)?),
            None => Err(Failure::usage("no SSH key is named").with_hint(
                "give --ssh-key KEY.pub, or write `ssh-key = \"PATH\"` to \
                 ~/.config/bulla/config.toml; without either, ~/.ssh/id_ed25519.pub or \
                 ~/.ssh/id_ed25519_sk.pub is used, where there is one",
            )),
        }
    }

    /// Returns the key to sign with and checks that there is a token besides, which `doing` needs; nothing
    /// where it is only looked.
    pub(super) fn signing_key(
        &self,
        client: &Client,
        named: Option<&Path>,
        is_dry_run: bool,
        doing: &str,
    ) -> Result<Option<PersonalKey>, Failure> {
        if is_dry_run {
            return Ok(None);
        }
        Self::require_token(client, doing)?;
        self.personal_key(named).map(Some)
    }

    /// Returns the verified log of the registry, synchronised. The first time it needs an anchor,
    /// or leave to do without.
    pub(super) async fn log(&self, client: &Client) -> Result<LogFollower, Failure> {
        let directory = self.log_directory()?;
        let anchor = self.named_anchor();
        let directory = LogDirectory::from(&directory).of_newest();
        if let Some(mut log) = LogFollower::open(directory.clone())? {
            log.sync(client).await?;
            if let Some(anchor) = anchor {
                log.check_anchor(anchor)?;
            }
            return Ok(log);
        }
        match anchor {
            Some(anchor) => Ok(LogFollower::enroll(directory, client, Some(anchor.clone())).await?),
            None if self.options.trust_first_use => {
                let anchor = first_use(client).await?;
                Ok(LogFollower::enroll(directory, client, Some(anchor)).await?)
            }
            None => Err(no_anchor(client).await),
        }
    }

    /// Tells whether there is something to verify the registry's log against.
    pub(super) fn can_verify(&self) -> Result<bool, Failure> {
        Ok(self.options.trust_first_use
            || self.options.anchor.is_some()
            || self.config.anchor.is_some()
            || self.remembered_log()?.is_some())
    }

    /// Returns the remembered log, without asking the registry; `None` when there is none.
    pub(super) fn remembered_log(&self) -> Result<Option<LogFollower>, Failure> {
        // A machine without a home directory remembers nothing.
        match self.log_directory() {
            Ok(directory) => Ok(LogFollower::open(
                LogDirectory::from(&directory).of_newest(),
            )?),
            Err(_) => Ok(None),
        }
    }

    /// Returns the directory that remembers the registry's log.
    pub(super) fn log_directory(&self) -> Result<PathBuf, Failure> {
        let state = environment::state_directory().ok_or_else(|| {
            Failure::usage("no directory for what is remembered between runs")
                .with_hint("set HOME or XDG_STATE_HOME")
        })?;
        Ok(state.join("logs").join(file_name(&self.registry()?)))
    }
}

/// Shows what would be believed of a registry about which nothing is known, and asks where somebody can
/// answer. Exactly that is believed then.
async fn first_use(client: &Client) -> Result<Anchor, Failure> {
    let shown = fetch_unverified(client).await?;
    let (Some(anchor), Some(policy)) = (shown.anchor(), shown.policy()) else {
        return Err(no_anchor(client).await);
    };
    stderr::say(format_args!("trusting what the registry shows: {anchor}"));
    stderr::say(format_args!(
        "  its policy {} is in the hands of {}",
        policy.version,
        list(&policy.root.people)
    ));
    if prompt::can_ask() && !prompt::confirm("Is that what you expect?")? {
        return Err(Failure::new(FailureKind::Failed, "nothing was trusted"));
    }
    Ok(anchor)
}

/// Says that nothing is known of the registry's log: unless the registry says that there is nothing
/// to know yet, which is believed for this sentence only.
async fn no_anchor(client: &Client) -> Failure {
    if let Some(answer) = client.lacks_policy().await {
        return answer.into();
    }
    Failure::new(
        FailureKind::Refused,
        format_args!("this machine does not know the log of {} yet", client.url()),
    )
    .with_hint(
        "ask a colleague for the output of `bulla anchor` and give it with --anchor or \
         BULLA_ANCHOR once; or believe the registry this once with --trust-first-use",
    )
}

/// A readable name for a registry's directory, with a digest so that no two share one.
fn file_name(url: &Url) -> String {
    let text = url.as_str().trim_end_matches('/');
    let readable: String = text
        .split_once("://")
        .map_or(text, |(_, rest)| rest)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .take(80)
        .collect();
    let digest = Digest::of(text.as_bytes()).hex();
    format!("{readable}-{}", &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_do_not_share_a_directory() {
        let name = |text: &str| file_name(&text.parse().unwrap());
        assert!(name("https://releases.acme.example/").starts_with("releases.acme.example-"));
        assert_eq!(
            name("http://localhost:5000/"),
            name("http://localhost:5000")
        );
        assert_ne!(name("http://a/b"), name("http://a-b"));
        assert_ne!(name("http://a"), name("https://a"));
    }
}
