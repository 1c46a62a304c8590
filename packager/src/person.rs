//! The person behind a key: who signs, as the policy in effect names them.

use bulla_schemas::Name;
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::LogState;
use bulla_trust::policy::Owner;

use crate::ssh::PersonalKey;

/// Why nobody in the policy signs with a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonError {
    /// The policy has no such key.
    #[error("the policy does not name the key {fingerprint}")]
    Unknown {
        /// The key.
        fingerprint: String,
        /// The people that it names.
        people: Vec<Name>,
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
            Self::Unknown { people, .. } => {
                format!(
                    "name your key with --ssh-key; the policy names {}",
                    list(people)
                )
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
            Err(PersonError::Unknown {
                fingerprint,
                people,
            })
        }
    }
}
