//! From a statement to a signed envelope that will take effect: nothing is sent of which the log
//! would say that it changes nothing.

use bulla_schemas::media_type;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::statement::ReleaseStatement;
use bulla_trust::envelope::{self, EnvelopeError, SignedEnvelope};
use bulla_trust::{Approval, LogState, Reason, ReplayError, Submission, Verdict, statement};
use serde::Serialize;

use crate::signer::{Signer, SignerError};
use crate::ssh::{PersonalKey, SshError};

/// Why a statement was not signed, or is not worth sending.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// `ssh-keygen` made no signature.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// The builder's program made no signature.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The signature does not fit.
    #[error("the signature cannot be used")]
    Envelope(#[from] EnvelopeError),
    /// The statement would be in the log and change nothing.
    #[error("the log would not accept this statement")]
    Ineffective(#[source] Reason),
    /// The log cannot be judged by this program.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl Outcome for SignError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Ssh(error) => error.kind(),
            Self::Signer(error) => error.kind(),
            Self::Envelope(error) => error.kind(),
            Self::Ineffective(_) => FailureKind::Refused,
            Self::Replay(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Ssh(error) => error.hint(),
            Self::Signer(error) => error.hint(),
            Self::Envelope(error) => error.hint(),
            Self::Ineffective(reason) => reason.hint(),
            Self::Replay(error) => error.hint(),
        }
    }
}

/// What a person signed.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The statement and the signature.
    pub envelope: SignedEnvelope,
    /// Whether it takes effect like that; otherwise nothing is lacking but signatures of others.
    pub is_complete: bool,
}

/// Signs a statement as a person, with the SSH key that they have and with others that are here: of theirs,
/// or of whoever sits beside them. Checks that it would take effect as the entry after `state`, at the
/// latest once others have signed it too.
pub(crate) fn by_person<'a>(
    state: &LogState,
    payload_type: &str,
    statement: &impl Serialize,
    key: &PersonalKey,
    others: impl IntoIterator<Item = &'a PersonalKey>,
) -> Result<Signed, SignError> {
    let payload = statement::to_payload(statement);
    let signed = envelope::pae(payload_type, &payload);
    let mut envelope = envelope::attach_sshsig(payload_type, &payload, &key.sign(&signed)?)?;
    for other in others {
        envelope = envelope.approve(&other.sign(&signed)?)?;
    }
    let is_complete = match state.judge(&envelope.to_bytes())? {
        Verdict::Effective => true,
        Verdict::Inert(Reason::Threshold { .. }) => {
            let approval = Submission::of(envelope.clone()).and_then(|one| state.approval(&one));
            !matches!(
                approval.map_err(SignError::Ineffective)?,
                Approval::Lacking(_)
            )
        }
        Verdict::Inert(reason) => return Err(SignError::Ineffective(reason)),
    };
    Ok(Signed {
        envelope,
        is_complete,
    })
}

/// Signs a release as a builder. What a program signed is verified before it is used.
pub fn by_builder(
    release: &ReleaseStatement,
    signer: &Signer,
) -> Result<SignedEnvelope, SignError> {
    let payload = statement::to_payload(release);
    let message = envelope::pae(media_type::IN_TOTO, &payload);
    let signature = signer.sign(&message, &release.into())?;
    let key = signer.public_key();
    Ok(envelope::attach_raw(
        media_type::IN_TOTO,
        &payload,
        &key,
        &signature,
    )?)
}

/// Judges an envelope as everybody will who replays the log, as the entry after `state`.
pub fn require_effect(state: &LogState, envelope: &SignedEnvelope) -> Result<(), SignError> {
    match state.judge(&envelope.to_bytes())? {
        Verdict::Effective => Ok(()),
        Verdict::Inert(reason) => Err(SignError::Ineffective(reason)),
    }
}
