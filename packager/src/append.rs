//! Appending what was signed: whatever the registry answers, or if its answer is lost, only the verified
//! log tells what happened.

use bulla_registry_client::{Client, ClientError, FollowError, LogFollower};
use bulla_trust::LogState;
use bulla_trust::envelope::SignedEnvelope;

/// Appends an envelope. Returns what the log says then, and why it is not in there where it is not:
/// `not_included` if the registry took it.
pub(crate) async fn append<'a, E>(
    client: &Client,
    log: &'a mut LogFollower,
    envelope: &SignedEnvelope,
    not_included: E,
) -> Result<(&'a LogState, E), E>
where
    E: From<ClientError> + From<FollowError>,
{
    let answer = client.append(&envelope.to_bytes()).await;
    let was_taken = answer.is_ok();
    let lost = answer.map_or_else(E::from, |_| not_included);
    match log.sync(client).await {
        Ok(state) => Ok((state, lost)),
        Err(error) if was_taken => Err(error.into()),
        // The registry went away: what it was asked to do is the better thing to name.
        Err(_) => Err(lost),
    }
}
