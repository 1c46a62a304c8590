//! The person behind a key: who signs, as the policy in effect names them.

use std::path::PathBuf;

use bulla_schemas::Name;
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::LogState;
use bulla_trust::policy::Owner;

use crate::ssh::{FoundKey, PersonalKey};

/// Why nobody in the policy signs with a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonError {
    /// The policy has no such key.
    #[error("the policy does not name the key {fingerprint} (`{}`)", .path.display())]
    Unknown {
        /// The key.
        fingerprint: String,
        /// Where it is.
        path: PathBuf,
        /// The people that it names.
        people: Vec<Name>,
        /// Keys of whoever runs this that it names, and whose they are.
        candidates: Vec<(FoundKey, Name)>,
    },
    /// The key is a builder's.
    #[error("the key {fingerprint} belongs to the builder `{name}`, not to a person")]
    Builder {
        /// The key.
        fingerprint: String,
        /// The builder.
        name: Name,
    },
}

impl Outcome for PersonError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown {
                people, candidates, ..
            } if candidates.is_empty() => format!(
                "name your key with --ssh-key: `bulla policy show` lists those of {}; who is none of \
                 them asks one of the root for `bulla person add NAME KEY.pub`, and who is for \
                 `bulla key add NAME KEY.pub`",
                list(people)
            ),
            Self::Unknown { candidates, .. } => {
                format!("the policy names {}", list(candidates.iter().map(describe)))
            }
            Self::Builder { .. } => "name your own key with --ssh-key".to_owned(),
        })
    }
}

/// Finds whose key it is, before they are asked to sign.
pub(crate) fn of_key(state: &LogState, key: &PersonalKey) -> Result<Name, PersonError> {
    let fingerprint = key.public.fingerprint();
    let policy = state.checked_policy();
    match policy.and_then(|policy| policy.key(&fingerprint)) {
        Some((Owner::Person(name), _)) => Ok(name.clone()),
        Some((Owner::Builder(name), _)) => {
            let name = name.clone();
            Err(PersonError::Builder { fingerprint, name })
        }
        None => {
            let people = state.policy().into_iter().flat_map(|policy| &policy.people);
            let people = people.map(|person| person.name.clone()).collect();
            let owned = |key: FoundKey| match policy?.key(&key.public.fingerprint())? {
                (Owner::Person(name), _) => Some((key, name.clone())),
                (Owner::Builder(_), _) => None,
            };
            Err(PersonError::Unknown {
                fingerprint,
                path: key.path.clone(),
                people,
                candidates: key.others().into_iter().filter_map(owned).collect(),
            })
        }
    }
}

/// Says how a key that was found is named.
fn describe((key, name): &(FoundKey, Name)) -> String {
    match &key.path {
        Some(path) => format!("`{}` as {name}'s: give --ssh-key {0}", path.display()),
        None => format!(
            "{} as {name}'s, which your agent has: write its line of `ssh-add -L` into a file, and give \
             --ssh-key FILE",
            key.public.fingerprint()
        ),
    }
}
