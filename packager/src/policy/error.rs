//! Why a policy is not changed.

use bulla_registry_client::{ClientError, FollowError};
use bulla_schemas::Name;
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::units::count;
use bulla_trust::policy::PolicyError;

use crate::pending::PendingError;
use crate::person::PersonError;
use crate::sign::SignError;

/// Why a change cannot be made to a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// A name that a person or a builder has.
    #[error("`{name}` is in the policy already")]
    TakenName {
        /// The name.
        name: Name,
    },
    /// A name that somebody else had.
    #[error("`{name}` was in the policy before, with other keys")]
    FormerName {
        /// The name.
        name: Name,
    },
    /// A channel that comes after one that nobody can move.
    #[error(
        "nobody could move `{channel}` of `{project}`: a release must have been on `{via}` before, \
         and no other rule is for that"
    )]
    NoWay {
        /// Its projects.
        project: String,
        /// The channel.
        channel: String,
        /// The one before.
        via: String,
    },
    /// Channels that come after each other.
    #[error(
        "nobody could move `{channel}` of `{project}`: a release comes to it after {}",
        way.iter().map(|channel| format!("`{channel}`")).collect::<Vec<_>>().join(", after ")
    )]
    Circle {
        /// Its projects.
        project: String,
        /// The channel.
        channel: String,
        /// The one before it, and so on, up to one that was met before.
        way: Vec<String>,
    },
    /// A rule that never decides.
    #[error(
        "the rule for `{channel}` of `{project}` would never decide: the one for {by} stands before it"
    )]
    Shadowed {
        /// Its projects.
        project: String,
        /// Its channels.
        channel: String,
        /// What the other rule is for.
        by: String,
    },
    /// A key that a person or a builder has.
    #[error("the key {fingerprint} is `{owner}`'s already")]
    TakenKey {
        /// The key.
        fingerprint: String,
        /// Whose it is.
        owner: Name,
    },
    /// Nobody of that name.
    #[error("the policy has no person `{name}`")]
    UnknownPerson {
        /// The name.
        name: Name,
        /// Those that it has.
        known: String,
    },
    /// No builder of that name.
    #[error("the policy has no builder `{name}`")]
    UnknownBuilder {
        /// The name.
        name: Name,
        /// Those that it has.
        known: String,
    },
    /// Neither a person nor a builder of that name.
    #[error("the policy has no person or builder `{name}`")]
    UnknownOwner {
        /// The name.
        name: Name,
        /// Those that it has.
        known: String,
    },
    /// A text of another policy than the one in effect.
    #[error("the text is of policy {taken_from}, and policy {in_effect} is in effect")]
    OtherVersion {
        /// The version that the text was taken from.
        taken_from: u64,
        /// The version in effect.
        in_effect: u64,
    },
    /// A key that somebody else has, or nobody.
    #[error("`{owner}` has no key {fingerprint}")]
    UnknownKey {
        /// The person or builder.
        owner: Name,
        /// What was named.
        fingerprint: String,
        /// The keys that there are.
        known: String,
    },
    /// A log key that is named.
    #[error("the policy names the log key `{key}` already, beside others")]
    KnownLogKey {
        /// The key.
        key: String,
    },
    /// A witness that is there.
    #[error("the policy has a witness `{name}` already")]
    KnownWitness {
        /// Its name.
        name: String,
    },
    /// No witness of that name.
    #[error("the policy has no witness `{name}`")]
    UnknownWitness {
        /// The name.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// The only key of a person.
    #[error("it is the only key of `{person}`, who could sign nothing without it")]
    LastKey {
        /// The person.
        person: Name,
    },
    /// Which key is to go, of several.
    #[error("`{owner}` has {} keys, and it was not said which one goes", .keys.len())]
    SeveralKeys {
        /// The person.
        owner: Name,
        /// Their fingerprints.
        keys: Vec<String>,
    },
    /// A rule that is there.
    #[error("the policy has a rule for `{channel}` of `{project}` already")]
    KnownChannel {
        /// Its projects.
        project: String,
        /// Its channels.
        channel: String,
    },
    /// More signatures than there are people who may.
    #[error(
        "`{channel}` of `{project}` would need {threshold} people, and {} may", count(*.people as u64, "person", "people")
    )]
    TooFewPeople {
        /// Its projects.
        project: String,
        /// The channel.
        channel: String,
        /// How many have to sign.
        threshold: u32,
        /// How many may.
        people: usize,
    },
    /// A rule that is not there.
    #[error("the policy has no rule for exactly `{channel}` of `{project}`")]
    UnknownChannel {
        /// The projects.
        project: String,
        /// The channels.
        channel: String,
        /// The rules that it has.
        known: String,
    },
}

impl Outcome for ChangeError {
    fn kind(&self) -> FailureKind {
        match self {
            // A name that leads to nothing, as everywhere else.
            Self::UnknownPerson { .. }
            | Self::UnknownBuilder { .. }
            | Self::UnknownOwner { .. }
            | Self::UnknownKey { .. }
            | Self::UnknownWitness { .. }
            | Self::UnknownChannel { .. } => FailureKind::Failed,
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoWay { via, .. } => format!("`bulla channel add {via}` first"),
            Self::Shadowed { .. } => {
                "the first rule that matches decides: put the narrower one before it".to_owned()
            }
            Self::Circle { .. } => {
                "the first channel of a way has no --via: `bulla policy show` prints all rules".to_owned()
            }
            Self::TakenName { .. } | Self::FormerName { .. } => {
                "take another name: the log shows who signed by names, for ever".to_owned()
            }
            Self::TakenKey { .. } => "make a key of its own for each purpose".to_owned(),
            Self::UnknownPerson { known, .. } => format!("people: {known}"),
            Self::KnownLogKey { .. } => {
                "which of them goes was not said: `bulla-registry log-key --next` makes a key to put in the \
                 place of all".to_owned()
            }
            Self::KnownWitness { .. } => {
                "remove the one of that name first, or give the new one another name".to_owned()
            }
            Self::UnknownWitness { known, .. } if known.is_empty() => {
                "the policy has no witness".to_owned()
            }
            Self::UnknownWitness { known, .. } => format!("witnesses: {known}"),
            Self::UnknownBuilder { known, .. } if known.is_empty() => {
                "the policy has no builder".to_owned()
            }
            Self::UnknownBuilder { known, .. } => format!("builders: {known}"),
            Self::UnknownOwner { known, .. } => format!("people and builders: {known}"),
            Self::OtherVersion { in_effect, .. } => format!(
                "`bulla policy show --toml` prints policy {in_effect}: carry your changes over to it, so \
                 that nobody else's are lost"
            ),
            Self::UnknownKey { known, .. } => format!("keys: {known}"),
            Self::LastKey { person } => format!(
                "`bulla key rotate {person} NEW.pub` puts another one in its place, \
                 `bulla person remove {person}` takes the person out"
            ),
            Self::SeveralKeys { keys, .. } => {
                format!("name it with --from: {}", keys.join(", "))
            }
            Self::TooFewPeople { channel, .. } => format!(
                "name more people, or a smaller --threshold; `bulla policy show` says who may move `{channel}`"
            ),
            Self::KnownChannel { channel, .. } => format!(
                "`bulla policy show` prints it, and `bulla channel change {channel}` changes it"
            ),
            Self::UnknownChannel { known, .. } if known.is_empty() => {
                "the policy has no channel".to_owned()
            }
            Self::UnknownChannel { known, .. } => format!("rules: {known}"),
        })
    }
}

/// Why a policy was not put into effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyChangeError {
    /// The log has no policy yet.
    #[error("the log has no first policy yet")]
    NoPolicy,
    /// The change does not fit the policy in effect.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Not all of the next policy could be applied.
    #[error("the policy cannot be changed so: {0}")]
    Policy(#[source] PolicyError),
    /// Nobody whom the policy names signs with the key.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// The person is not of the root.
    #[error("`{name}` may not change the policy")]
    NotRoot {
        /// The person.
        name: Name,
        /// Who may.
        root: Vec<Name>,
    },
    /// The key that signs goes, and the next policy is signed by its own root, too.
    #[error("after this the key {fingerprint} does not count any more, so it cannot sign it")]
    OwnKey {
        /// The key.
        fingerprint: String,
        /// Who can sign it.
        root: Vec<Name>,
    },
    /// The statement cannot be signed, or would change nothing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Another policy came first.
    #[error("somebody else changed the policy meanwhile")]
    Overtaken,
    /// What others have to sign, too, is not passed on to them.
    #[error(transparent)]
    Pending(#[from] PendingError),
    /// The log does not show the policy.
    #[error("the registry took the policy, but its log does not show it yet")]
    NotIncluded,
    /// The registry did not take the policy.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The log cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl From<PolicyError> for PolicyChangeError {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}

impl Outcome for PolicyChangeError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoPolicy => FailureKind::Failed,
            Self::NotRoot { .. } | Self::OwnKey { .. } => FailureKind::Refused,
            Self::Overtaken | Self::NotIncluded => FailureKind::Temporary,
            Self::Change(error) => error.kind(),
            Self::Policy(error) => error.kind(),
            Self::Person(error) => error.kind(),
            Self::Sign(error) => error.kind(),
            Self::Pending(error) => error.kind(),
            Self::Client(error) => error.kind(),
            Self::Follow(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPolicy => Some("`bulla init` makes it".to_owned()),
            Self::NotRoot { root, .. } => {
                Some(format!("ask who may: {}", list(root)))
            }
            Self::OwnKey { root, .. } => {
                Some(format!("sign with a key that stays, of one of: {}", list(root)))
            }
            Self::Overtaken => Some(
                "look with `bulla policy show`, then run the same command again if it is still meant"
                    .to_owned(),
            ),
            Self::NotIncluded => Some("look with `bulla policy show` before trying again".to_owned()),
            Self::Policy(error) => error.hint(),
            Self::Change(error) => error.hint(),
            Self::Person(error) => error.hint(),
            Self::Sign(error) => error.hint(),
            Self::Pending(error) => error.hint(),
            Self::Client(error) => error.hint(),
            Self::Follow(error) => error.hint(),
        }
    }
}
