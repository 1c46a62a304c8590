//! `bulla init`: the first policy of a registry.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use bulla_schemas::log::Anchor;
use bulla_schemas::{ChannelName, Name};
use bulla_terminal::{Failure, stdout};
use clap::Args;

use super::session::Session;
use crate::init::{self, Genesis};
use crate::ssh::PersonalKey;

/// Make the first policy of a registry: people, builders and channels
///
/// The policy is signed with your SSH key and becomes entry 0 of the registry's log. Every person
/// may move every channel and change the policy; every builder may release every project. Prints
/// the anchor that servers and colleagues start from. Names are permanent: the log keeps them.
///
/// One person signs it, since nothing can wait for signatures before there is a policy. A team in which
/// two decide names all its people and says so next: `bulla policy threshold 2`, which two of them sign.
#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The log's name, permanent, such as `releases.acme.example/bulla`
    #[arg(long, value_name = "NAME", value_parser = origin)]
    origin: String,
    /// A person and the file with their SSH public key (Ed25519, also in a FIDO token)
    #[arg(long = "person", value_name = "NAME=KEY.pub", required = true)]
    people: Vec<NamedKey>,
    /// A builder (CI) and the file with its public key, see `bulla key generate`
    #[arg(long = "builder", value_name = "NAME=KEY.pub")]
    builders: Vec<NamedKey>,
    /// A channel that every project has
    #[arg(long = "channel", value_name = "CHANNEL", required = true)]
    channels: Vec<ChannelName>,
    /// The public half of the key to sign with; by default that of a --person that can be used
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
    let origin = &arguments.origin;
    let genesis = Genesis {
        origin: origin.clone(),
        log_key: init::prepare(&client, &directory, origin).await?,
        people: people.into_iter().map(public_half).collect(),
        builders: builders.into_iter().map(public_half).collect(),
        channels: arguments.channels.clone(),
    };
    let anchor = init::init(&client, &directory, &genesis, &key).await?;
    stdout::write(&summary(&genesis, &key))?;
    Ok(stdout::line(anchor)?)
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
    let message =
        format_args!("`{}` belongs to none of the --person", key.path.display()).to_string();
    Err(Failure::usage(message).with_hint("the first policy is signed by one of its people"))
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
