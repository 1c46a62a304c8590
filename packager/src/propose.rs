//! Sending what was signed: into the log where that is enough, and to the others who have to sign where
//! it is not.

use std::time::Duration;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::Digest;
use bulla_trust::policy::Owner;
use bulla_trust::{Approval, CheckedPolicy, LogState, SignedEnvelope, Statement, Submission};

use crate::pending::{Pending, PendingError, Progress};
use crate::person;
use crate::sign::{SignError, Signed};
use crate::ssh::PersonalKey;

/// What became of something that was signed.
#[derive(Debug)]
pub enum Sent<T> {
    /// It is in the verified log.
    Done(T),
    /// Others have to sign it, too.
    Waiting(Box<Pending>),
}

/// What there is to do for a person about something that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// To sign it.
    Sign,
    /// Nothing: it waits for others.
    Wait,
    /// Only to have it appended: enough people have signed.
    Append,
    /// Nothing: it is in the log.
    Done {
        /// The entry.
        entry: u64,
    },
}

/// Sends what others have to sign, too, and checks that the registry keeps it as it is.
pub(crate) async fn send(
    client: &Client,
    state: &LogState,
    signed: &Signed,
    expires: Option<Duration>,
) -> Result<Pending, PendingError> {
    let answer = client.propose(&signed.envelope.to_bytes(), expires).await?;
    let pending = Pending::verify(state, &answer)?;
    require_kept(&pending, &signed.envelope)?;
    Ok(pending)
}

/// Tells what there is to do for the person whose key it is. Without a key only looking is meant.
pub fn task(
    state: &LogState,
    pending: &Pending,
    key: Option<&PersonalKey>,
) -> Result<Task, PendingError> {
    match &pending.state {
        Progress::Void(void) => Err(PendingError::Void {
            id: pending.id,
            void: Box::new(void.clone()),
        }),
        Progress::Done { entry } => Ok(Task::Done { entry: *entry }),
        Progress::Complete(_) => Ok(Task::Append),
        Progress::Open(tallies) => {
            let Some(key) = key else {
                return Ok(Task::Sign);
            };
            let name = match coming(pending.statement(), key) {
                Some(name) => name,
                None => person::of_key(state, key)?,
            };
            if tallies
                .iter()
                .any(|tally| tally.asked().any(|one| *one == name))
            {
                return Ok(Task::Sign);
            }
            if pending.is_signed_by(&name) {
                return Ok(Task::Wait);
            }
            let open = tallies.iter().find(|tally| !tally.is_met());
            let asked = open.into_iter().flat_map(|tally| tally.asked().cloned());
            Err(PendingError::NotAsked {
                name,
                asked: asked.collect(),
                what: open.map_or_else(|| pending.what(), |tally| tally.what.clone()),
            })
        }
    }
}

/// The person who has the key once a policy is in effect, and signs it as one of its own root.
fn coming(statement: &Statement, key: &PersonalKey) -> Option<bulla_schemas::Name> {
    let Statement::Policy(next) = statement else {
        return None;
    };
    let next = CheckedPolicy::new((**next).clone()).ok()?;
    match next.key(&key.public.fingerprint())? {
        (Owner::Person(name), _) => Some(name.clone()),
        _ => None,
    }
}

/// Adds a person's signature, where one is given, and has it appended once enough people have signed.
/// Returns its entry in the verified log then.
pub async fn approve(
    client: &Client,
    log: &mut LogFollower,
    pending: &Pending,
    key: Option<&PersonalKey>,
) -> Result<Sent<u64>, PendingError> {
    let envelope = match key {
        Some(key) => sign(pending, key)?,
        None => pending.submission.envelope().clone(),
    };
    let answer = client.propose(&envelope.to_bytes(), None).await;
    // Whatever it answers, or if the answer is lost, only the verified log tells what happened.
    let synced = log.sync(client).await.map(drop);
    let now = pending.judged_again(log.state());
    match now.state {
        Progress::Done { entry } => return Ok(Sent::Done(entry)),
        Progress::Void(void) => {
            return Err(PendingError::Void {
                id: pending.id,
                void: Box::new(void),
            });
        }
        Progress::Open(_) | Progress::Complete(_) => {}
    }
    let answer = answer?;
    synced?;
    let answered = Pending::verify(log.state(), &answer);
    let kept = answered.and_then(|answered| {
        require_kept(&answered, &envelope)?;
        Ok(answered)
    });
    // What is complete here is appended, whatever the registry makes of it.
    let own = Submission::of(envelope).map_err(SignError::Ineffective)?;
    let complete = match (log.state().approval(&own), &kept) {
        (Ok(Approval::Complete(_)), _) => Some(own),
        (_, Ok(kept)) if matches!(kept.state, Progress::Complete(_)) => {
            Some(kept.submission.clone())
        }
        _ => None,
    };
    let Some(complete) = complete else {
        return Ok(Sent::Waiting(Box::new(kept?)));
    };
    let appended = client.append(complete.bytes()).await;
    log.sync(client).await?;
    let id = pending.id;
    match pending.judged_again(log.state()).state {
        Progress::Done { entry } => Ok(Sent::Done(entry)),
        Progress::Void(void) => Err(PendingError::Void {
            id,
            void: Box::new(void),
        }),
        Progress::Open(_) | Progress::Complete(_) => {
            appended?;
            Err(PendingError::NotIncluded { id })
        }
    }
}

fn sign(pending: &Pending, key: &PersonalKey) -> Result<SignedEnvelope, PendingError> {
    let envelope = pending.submission.envelope();
    let message = bulla_trust::pae(envelope.payload_type(), envelope.payload());
    let armoured = key.sign(&message).map_err(SignError::Ssh)?;
    let signed = envelope.approve(&armoured);
    Ok(signed.map_err(SignError::Envelope)?)
}

/// Checks that the registry has all signatures that it was sent.
fn require_kept(pending: &Pending, sent: &SignedEnvelope) -> Result<(), PendingError> {
    let id = Digest::of(sent.payload());
    if pending.id != id {
        let found = pending.id;
        return Err(PendingError::OtherStatement { id, found });
    }
    let mut signatures = sent.signatures().iter();
    if signatures.all(|one| pending.has_key(&one.key_id)) {
        return Ok(());
    }
    Err(PendingError::NotKept { id })
}
