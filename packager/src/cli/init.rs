//! `bulla init`: the first policy of a registry.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use bulla_schemas::Name;
use bulla_schemas::log::Anchor;
use bulla_terminal::{Failure, count, prompt, stderr, stdout};
use clap::Args;

use super::moving::ask;
use super::session::Session;
use crate::init::{self, Genesis, NewChannel};
use crate::ssh::PersonalKey;

/// Make the first policy of a registry: people, builders and channels
///
/// The policy is signed with your SSH key and becomes entry 0 of the registry's log. Every person
/// may move every channel and change the policy; every builder may release every project. Prints
/// the anchor that servers and colleagues start from. Names are permanent: the log keeps them.
///
/// Where two decide from the beginning, both sign it here, with --threshold 2 and a --ssh-key each, since
/// nothing can wait for signatures before there is a policy. People who are not in one place say so next:
/// `bulla policy threshold 2`, which two of them sign.
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
    /// A channel that every project has, and how many people have to sign to move it: `prod=2`; one where
    /// nothing is said
    #[arg(long = "channel", value_name = "CHANNEL[=PEOPLE]", required = true, value_parser = channel)]
    channels: Vec<NewChannel>,
    /// How many people have to sign a change of the policy, and this one
    #[arg(long, value_name = "PEOPLE", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    threshold: u32,
    /// The public half of the key to sign with, given once for each person who signs; by default those of a
    /// --person that can be used
    #[arg(long = "ssh-key", value_name = "KEY.pub")]
    ssh_keys: Vec<PathBuf>,
    /// Do not ask on a terminal
    #[arg(long, short = 'y')]
    yes: bool,
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

/// `CHANNEL` or `CHANNEL=PEOPLE`
fn channel(text: &str) -> Result<NewChannel, String> {
    let (channel, threshold) = match text.split_once('=') {
        None => (text, 1),
        Some((channel, people)) => {
            let people = people.parse().ok().filter(|people| *people > 0);
            let people =
                people.ok_or("expected a channel, or a channel, `=` and how many people")?;
            (channel, people)
        }
    };
    let name = channel.parse().map_err(|error| format!("{error}"))?;
    Ok(NewChannel { name, threshold })
}

pub(super) async fn run(session: &Session, arguments: &InitArguments) -> Result<(), Failure> {
    let people = read_keys(&arguments.people)?;
    let builders = read_keys(&arguments.builders)?;
    require_enough(arguments, &people)?;
    let keys = signing_keys(session, arguments, &people)?;
    let client = session.client()?;
    let directory = session.log_directory()?;
    let origin = &arguments.origin;
    let genesis = Genesis {
        origin: origin.clone(),
        log_key: init::prepare(&client, &directory, origin).await?,
        people: people.into_iter().map(public_half).collect(),
        threshold: arguments.threshold,
        builders: builders.into_iter().map(public_half).collect(),
        channels: arguments.channels.clone(),
    };
    let summary = summary(&genesis, &keys);
    let asks = !arguments.yes && prompt::can_ask();
    if asks {
        stderr::write(&summary);
        ask("Sign it?")?;
    }
    let anchor = init::init(&client, &directory, &genesis, &keys).await?;
    if !asks {
        stdout::write(&summary)?;
    }
    Ok(stdout::line(anchor)?)
}

/// Refuses thresholds that the people who are named cannot reach.
fn require_enough(arguments: &InitArguments, people: &Keys) -> Result<(), Failure> {
    let named = u32::try_from(people.len()).unwrap_or(u32::MAX);
    let channels = arguments.channels.iter();
    let channels = channels.map(|one| (format!("--channel {}", one.name), one.threshold));
    let mut needed = channels.chain([("--threshold".to_owned(), arguments.threshold)]);
    match needed.find(|(_, threshold)| *threshold > named) {
        None => Ok(()),
        Some((what, threshold)) => Err(Failure::usage(format_args!(
            "{what} needs {threshold} people, and {named} {} named",
            if named == 1 { "is" } else { "are" }
        ))
        .with_hint("name more people with --person, or fewer who have to sign")),
    }
}

type Keys = Vec<(Name, PersonalKey)>;

fn read_keys(named: &[NamedKey]) -> Result<Keys, Failure> {
    let read = |named: &NamedKey| Ok((named.name.clone(), PersonalKey::read(&named.path)?));
    named.iter().map(read).collect()
}

fn public_half((name, key): (Name, PersonalKey)) -> (Name, bulla_trust::key::PublicKey) {
    (name, key.public)
}

/// The keys that were named, else as many as it takes of people whose key can be used, else the usual one.
fn signing_keys(
    session: &Session,
    arguments: &InitArguments,
    people: &Keys,
) -> Result<Vec<PersonalKey>, Failure> {
    let needed = usize::try_from(arguments.threshold).unwrap_or(usize::MAX);
    let named = arguments.ssh_keys.iter();
    let named = named.map(|path| session.personal_key(Some(path)));
    let mut keys = named.collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        let usable = people.iter().map(|(_, key)| key);
        keys.extend(usable.filter(|key| key.is_usable()).take(needed).cloned());
    }
    if keys.is_empty() {
        keys.push(session.personal_key(None)?);
    }
    let is_of_people = |key: &PersonalKey| people.iter().any(|(_, one)| one.public == key.public);
    if let Some(stranger) = keys.iter().find(|key| !is_of_people(key)) {
        let path = stranger.path.display();
        return Err(
            Failure::usage(format_args!("`{path}` belongs to none of the --person"))
                .with_hint("the first policy is signed by its people"),
        );
    }
    let mut signers: Vec<_> = keys.iter().map(|key| key.public.fingerprint()).collect();
    signers.sort_unstable();
    signers.dedup();
    if signers.len() < needed {
        let sign = count(signers.len() as u64, "person signs", "people sign");
        return Err(Failure::usage(format_args!(
            "--threshold {needed} needs {needed} signatures, and {sign} here"
        ))
        .with_hint(
            "give the --ssh-key of each, in a file, an agent or a token that is here; or leave --threshold \
             out, and have `bulla policy threshold` approved next",
        ));
    }
    Ok(keys)
}

fn summary(genesis: &Genesis, keys: &[PersonalKey]) -> String {
    let mut text = format!("log      {}\n", genesis.origin);
    for (name, public) in &genesis.people {
        let is_signer = keys.iter().any(|key| *public == key.public);
        let signer = if is_signer { ", signs" } else { "" };
        let _ = writeln!(text, "person   {name} {}{signer}", public.fingerprint());
    }
    for (name, public) in &genesis.builders {
        let _ = writeln!(text, "builder  {name} {}", public.fingerprint());
    }
    for channel in &genesis.channels {
        let people = count(channel.threshold.into(), "person", "people");
        let _ = writeln!(text, "channel  {}, moved by {people}", channel.name);
    }
    let people = count(genesis.threshold.into(), "person", "people");
    let _ = writeln!(text, "policy   changed by {people}");
    text
}
