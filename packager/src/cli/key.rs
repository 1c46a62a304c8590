//! `bulla key`: new keys for builders, and which keys people and builders sign with.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use bulla_schemas::Name;
use bulla_terminal::{Failure, stderr, stdout};
use clap::{Args, Subcommand};

use super::policy::{ChangeArguments, change, change_with};
use super::session::Session;
use crate::policy::{Change, KeyName};
use crate::ssh::PersonalKey;

/// Make keys for builders (CI), and say in the policy who signs with which
#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    pub(super) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    Generate(GenerateArguments),
    Add(AddArguments),
    Remove(RemoveArguments),
    Rotate(RotateArguments),
}

/// Write a new key to FILE (PKCS#8 PEM, mode 0600) and its public half to FILE.pub
///
/// Prints the public half, as `bulla init --builder` and the policy take it. People sign with the SSH
/// keys they have.
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// Where the private half goes; an existing file is not overwritten
    #[arg(value_name = "FILE")]
    path: PathBuf,
}

/// Give a person one more key
#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// The person
    #[arg(value_name = "PERSON")]
    person: Name,
    /// The file with the SSH public key (Ed25519, also in a FIDO token)
    #[arg(value_name = "KEY.pub")]
    key: PathBuf,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Take a key from a person, such as one that was lost
///
/// What was signed with it before stays in effect.
#[derive(Debug, Args)]
pub(super) struct RemoveArguments {
    /// The person
    #[arg(value_name = "PERSON")]
    person: Name,
    /// The key: its fingerprint (`SHA256:...`) or the file with the public key
    #[arg(value_name = "KEY")]
    key: NamedKey,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Put a key of a person or builder in the place of another one
///
/// What was signed with the other one before stays in effect. Who rotates their own key signs with
/// both.
#[derive(Debug, Args)]
pub(super) struct RotateArguments {
    /// The person or builder
    #[arg(value_name = "NAME")]
    owner: Name,
    /// The file with the new public key
    #[arg(value_name = "NEW.pub")]
    to: PathBuf,
    /// The key that goes, by its fingerprint or file; needed where a person has several
    #[arg(long, value_name = "KEY")]
    from: Option<NamedKey>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// A fingerprint, or the file of a public key.
#[derive(Debug, Clone)]
pub(super) struct NamedKey(String);

impl FromStr for NamedKey {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl NamedKey {
    fn find(&self) -> Result<KeyName, Failure> {
        if self.0.starts_with("SHA256:") {
            return Ok(KeyName::Fingerprint(self.0.clone()));
        }
        Ok(KeyName::Key(PersonalKey::read(Path::new(&self.0))?.public))
    }

    /// Returns the fingerprint.
    pub(super) fn fingerprint(&self) -> Result<String, Failure> {
        self.find().map(|key| key.fingerprint())
    }
}

pub(super) fn generate(arguments: &GenerateArguments) -> Result<(), Failure> {
    let path = &arguments.path;
    let public = crate::key::generate(path)?;
    let public_path = crate::key::public_half(path);
    stderr::say(format_args!(
        "wrote `{}` (keep it secret) and `{}`",
        path.display(),
        public_path.display()
    ));
    stderr::say(format_args!("fingerprint {}", public.fingerprint()));
    Ok(stdout::line(public.to_openssh())?)
}

pub(super) async fn add(session: &Session, arguments: &AddArguments) -> Result<(), Failure> {
    let key = Change::AddKey {
        person: arguments.person.clone(),
        key: PersonalKey::read(&arguments.key)?.public,
    };
    change(session, &arguments.change, &key).await
}

pub(super) async fn remove(session: &Session, arguments: &RemoveArguments) -> Result<(), Failure> {
    let key = Change::RemoveKey {
        person: arguments.person.clone(),
        key: arguments.key.find()?,
    };
    change(session, &arguments.change, &key).await
}

pub(super) async fn rotate(session: &Session, arguments: &RotateArguments) -> Result<(), Failure> {
    let from = arguments.from.as_ref().map(NamedKey::find).transpose()?;
    let to = PersonalKey::read(&arguments.to)?;
    let key = Change::RotateKey {
        owner: arguments.owner.clone(),
        from,
        to: to.public.clone(),
    };
    change_with(session, &arguments.change, &key, Some(&to)).await
}
