//! Changes of who cosigns checkpoints.

use bulla_schemas::line::list;
use bulla_schemas::policy::Policy;
use bulla_trust::VerifierKey;

use super::error::ChangeError;

/// What is to be different about the witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a command makes one of them")]
pub enum WitnessChange {
    /// A witness comes.
    Add {
        /// Its key, of type 0x04.
        key: VerifierKey,
        /// How many have to cosign from then on; one, where none had to, by default.
        quorum: Option<u32>,
    },
    /// A witness goes.
    Remove {
        /// Its name.
        name: String,
        /// How many have to cosign from then on; at most those that are left by default.
        quorum: Option<u32>,
    },
    /// Another number has to cosign.
    Quorum(u32),
}

impl WitnessChange {
    pub(super) fn apply(&self, policy: &mut Policy) -> Result<(), ChangeError> {
        let witnesses = &mut policy.witnesses;
        match self {
            Self::Add { key, quorum } => {
                let same_name = |one: &String| name(one) == key.name();
                if witnesses.keys.iter().any(same_name) {
                    return Err(ChangeError::KnownWitness {
                        name: key.name().to_owned(),
                    });
                }
                witnesses.keys.push(key.to_string());
                witnesses.quorum = quorum.unwrap_or_else(|| witnesses.quorum.max(1));
            }
            Self::Remove { name: gone, quorum } => {
                let known = list(witnesses.keys.iter().map(|key| name(key)));
                let before = witnesses.keys.len();
                witnesses.keys.retain(|key| name(key) != gone);
                if witnesses.keys.len() == before {
                    let name = gone.clone();
                    return Err(ChangeError::UnknownWitness { name, known });
                }
                let left = u32::try_from(witnesses.keys.len()).unwrap_or(u32::MAX);
                witnesses.quorum = quorum.unwrap_or_else(|| witnesses.quorum.min(left));
            }
            Self::Quorum(quorum) => witnesses.quorum = *quorum,
        }
        Ok(())
    }
}

/// The name in a verifier key: what stands before the first `+`.
fn name(key: &str) -> &str {
    key.split_once('+').map_or(key, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{policy, witness_line};

    use super::*;

    fn add(name: &str, quorum: Option<u32>) -> WitnessChange {
        let key = witness_line(name).parse().unwrap();
        WitnessChange::Add { key, quorum }
    }

    fn remove(name: &str) -> WitnessChange {
        WitnessChange::Remove {
            name: name.to_owned(),
            quorum: None,
        }
    }

    #[test]
    fn witnesses_come_and_go() {
        let mut next = policy();
        add("office", None).apply(&mut next).unwrap();
        assert_eq!(next.witnesses.quorum, 1);
        add("cloud", None).apply(&mut next).unwrap();
        assert_eq!((next.witnesses.keys.len(), next.witnesses.quorum), (2, 1));
        WitnessChange::Quorum(2).apply(&mut next).unwrap();
        remove("office").apply(&mut next).unwrap();
        assert_eq!(next.witnesses.keys, [witness_line("cloud")]);
        assert_eq!(next.witnesses.quorum, 1, "no more than there are");
        remove("cloud").apply(&mut next).unwrap();
        assert_eq!(next.witnesses, policy().witnesses);
    }

    #[test]
    fn a_witness_comes_once_and_goes_once() {
        let mut next = policy();
        add("office", Some(0)).apply(&mut next).unwrap();
        assert!(matches!(
            add("office", None).apply(&mut next),
            Err(ChangeError::KnownWitness { .. })
        ));
        assert!(matches!(
            remove("cloud").apply(&mut next),
            Err(ChangeError::UnknownWitness { .. })
        ));
    }
}
