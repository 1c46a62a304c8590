//! `bulla init`: the first policy of a registry.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::{ChannelName, Name};
use clap::Args;

use super::failure::Failure;
use super::output;
use super::session::Session;
use crate::init::{self, Genesis};
use crate::ssh::PersonalKey;

/// Makes the first policy of a registry: people, builders and channels.
///
/// The policy is signed with your SSH key and becomes entry 0 of the registry's log. Every person
/// may move every channel and change the policy; every builder may release every project. Prints
/// the anchor that servers and colleagues start from. Names are permanent: the log keeps them.
#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The log's name, the same for ever, such as `releases.acme.example/bulla`.
    #[arg(long, value_name = "NAME", value_parser = origin)]
    origin: String,
    /// A person and the file with their SSH public key (Ed25519, also in a FIDO token).
    #[arg(long = "person", value_name = "NAME=KEY.pub", required = true)]
    people: Vec<NamedKey>,
    /// A builder (CI) and the file with its public key, see `bulla key generate`.
    #[arg(long = "builder", value_name = "NAME=KEY.pub")]
    builders: Vec<NamedKey>,
    /// A channel that every project has.
    #[arg(long = "channel", value_name = "CHANNEL", required = true)]
    channels: Vec<ChannelName>,
    /// The public half of the key to sign with; by default that of a --person that can be used.
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
}

/// `NAME=KEY.pub`
#[derive(Debug, Clone)]
struct NamedKey {
    name: Name,
    path: PathBuf,
}

impl FromStr for NamedKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text
            .split_once('=')
            .ok_or("expected a name, `=` and the file of a public key")?;
        let name = name.parse().map_err(|error| format!("{error}"))?;
        let path = PathBuf::from(path);
        Ok(Self { name, path })
    }
}

fn origin(text: &str) -> Result<String, String> {
    if Anchor::is_origin(text) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 255 characters without spaces and `+`".to_owned())
    }
}

pub(super) async fn run(session: &Session, arguments: &InitArguments) -> Result<(), Failure> {
    let people = read_keys(&arguments.people)?;
    let builders = read_keys(&arguments.builders)?;
    let key = signing_key(session, arguments, &people)?;
    let client = session.client()?;
    let directory = session.log_directory()?;
    if let Some(log) = LogFollower::open(&directory)? {
        return Err(Failure::new(
            FailureKind::Refused,
            format_args!(
                "this machine remembers the log `{}` of {}",
                log.origin(),
                client.url()
            ),
        )
        .with_hint(format!(
            "`bulla anchor` prints its anchor; if the registry was made anew, move `{}` away",
            directory.display()
        )));
    }
    let genesis = Genesis {
        origin: arguments.origin.clone(),
        log_key: log_key(&client, &arguments.origin).await?,
        people: people.into_iter().map(public_half).collect(),
        builders: builders.into_iter().map(public_half).collect(),
        channels: arguments.channels.clone(),
    };
    let envelope = init::sign(&genesis.policy(), &key)?;
    let anchor = init::anchor(&genesis.origin, &envelope);
    client.append(&envelope.to_bytes()).await?;
    LogFollower::enroll(&directory, &client, Some(anchor.clone())).await?;
    output::write(&summary(&genesis, &key))?;
    output::line(anchor)
}

type Keys = Vec<(Name, PersonalKey)>;

fn read_keys(named: &[NamedKey]) -> Result<Keys, Failure> {
    let read = |named: &NamedKey| Ok((named.name.clone(), PersonalKey::read(&named.path)?));
    named.iter().map(read).collect()
}

fn public_half((name, key): (Name, PersonalKey)) -> (Name, bulla_trust::key::PublicKey) {
    (name, key.public)
}

/// The key that was named, else the first of a person that can be used, else the usual one.
fn signing_key(
    session: &Session,
    arguments: &InitArguments,
    people: &Keys,
) -> Result<PersonalKey, Failure> {
    let usable = || people.iter().find(|(_, key)| key.is_usable());
    let key = match (&arguments.ssh_key, usable()) {
        (None, Some((_, key))) => key.clone(),
        (named, _) => session.personal_key(named.as_deref())?,
    };
    if people.iter().any(|(_, person)| person.public == key.public) {
        return Ok(key);
    }
    let message = format_args!("`{}` is the key of no --person", key.path.display()).to_string();
    Err(Failure::usage(message).with_hint("the first policy is signed by one of its people"))
}

/// Asks the registry for its log key, and whether the log is still empty.
async fn log_key(client: &Client, origin: &str) -> Result<bulla_trust::note::VerifierKey, Failure> {
    let info = client.log_info().await?;
    if let Some(taken) = info.origin {
        return Err(Failure::new(
            FailureKind::Refused,
            format_args!(
                "{} has a first policy already, for the log `{taken}`",
                client.url()
            ),
        )
        .with_hint("ask who made it for the output of `bulla anchor`"));
    }
    let public = STANDARD.decode(&info.log_key).ok();
    let public = public.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = public.and_then(|public| init::log_key(origin, &public));
    key.ok_or_else(|| {
        let message = format_args!("the log key of {} is no Ed25519 key", client.url()).to_string();
        Failure::new(FailureKind::Refused, message)
    })
}

fn summary(genesis: &Genesis, key: &PersonalKey) -> String {
    let mut text = format!("log      {}\n", genesis.origin);
    for (name, public) in &genesis.people {
        let signer = if *public == key.public {
            ", signed"
        } else {
            ""
        };
        let _ = writeln!(text, "person   {name} {}{signer}", public.fingerprint());
    }
    for (name, public) in &genesis.builders {
        let _ = writeln!(text, "builder  {name} {}", public.fingerprint());
    }
    for channel in &genesis.channels {
        let _ = writeln!(text, "channel  {channel}");
    }
    text
}
