//! The change of the key that signs the log.

use bulla_schemas::policy::Policy;
use bulla_trust::VerifierKey;

use super::error::ChangeError;

/// Another key signs the log from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeyChange {
    /// The key that comes, of type 0x01, under the log's name.
    pub to: VerifierKey,
    /// Whether those that are named now stay named.
    pub keep: bool,
}

impl LogKeyChange {
    pub(super) fn apply(&self, policy: &mut Policy) -> Result<(), ChangeError> {
        let text = self.to.to_string();
        if policy.log_keys.contains(&text) {
            // Asked again, because an answer was lost: it is as it should be.
            if self.keep || policy.log_keys.len() == 1 {
                return Ok(());
            }
            return Err(ChangeError::KnownLogKey { key: text });
        }
        if !self.keep {
            policy.log_keys.clear();
        }
        policy.log_keys.push(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{key, log_key, log_verifier, policy};

    use super::*;

    #[test]
    fn a_key_comes_in_the_place_of_another_or_beside_it() {
        let new = log_verifier(&key("next log key"));
        let old = log_verifier(&log_key());
        let to: VerifierKey = new.parse().unwrap();
        for (keep, expected) in [
            (false, vec![new.clone()]),
            (true, vec![old.clone(), new.clone()]),
        ] {
            let mut next = policy();
            let change = LogKeyChange {
                to: to.clone(),
                keep,
            };
            change.apply(&mut next).unwrap();
            assert_eq!(next.log_keys, expected);
        }
    }

    #[test]
    fn a_key_that_is_named_already_changes_nothing() {
        let old = log_verifier(&log_key());
        let again = |keep| LogKeyChange {
            to: old.parse().unwrap(),
            keep,
        };
        let mut next = policy();
        again(false).apply(&mut next).unwrap();
        again(true).apply(&mut next).unwrap();
        assert_eq!(next, policy());
        next.log_keys.push(log_verifier(&key("next log key")));
        // Which of the two should go, nobody said.
        assert!(matches!(
            again(false).apply(&mut next),
            Err(ChangeError::KnownLogKey { .. })
        ));
    }
}
