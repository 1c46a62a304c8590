//! `LogFollower`: what is remembered, and how it grows.

use std::path::Path;

use bulla_files::Lock;
use bulla_schemas::log::Anchor;
use bulla_trust::{Acceptance, Checkpoint, LogError, LogState, Pin};
use url::Url;

use super::directory::{LogDirectory, Reach, Remembered};
use super::entries;
use super::error::FollowError;
use super::snapshot::LogSnapshot;
use crate::client::Client;

/// The remembered log of one registry.
#[derive(Debug)]
pub struct LogFollower {
    pub(super) directory: LogDirectory,
    pub(super) remembered: Remembered,
    pub(super) state: LogState,
    /// What a log must contain to be taken for the one whose state is lost.
    pub(super) lost: Option<Anchor>,
    /// What servers went by when the log was last read up to its newest checkpoint.
    pub(super) witnessed: Option<Witnessed>,
    /// The newest checkpoint, where it may not be on the disk yet.
    pub(super) note: Option<Vec<u8>>,
}

/// The checkpoint that servers go by.
#[derive(Debug, Clone)]
pub(super) struct Witnessed {
    size: u64,
    note: Vec<u8>,
}

/// What a log has grown by, verified and not written down yet. Nobody else reads the log before it is.
#[derive(Debug)]
#[must_use = "what is not saved may be forgotten"]
pub struct Unsaved {
    directory: LogDirectory,
    note: Vec<u8>,
    /// Nothing where the checkpoint only has newer cosignatures.
    state: Option<LogState>,
    _lock: Lock,
}

/// What was fetched of a log and judged.
struct Fetched {
    note: Vec<u8>,
    state: LogState,
    witnessed: Option<Witnessed>,
}

impl Unsaved {
    /// Writes it down, durably.
    pub fn save(self) -> Result<(), FollowError> {
        match &self.state {
            Some(state) => self.directory.write_state(&self.note, state),
            None => self.directory.write_note(&self.note),
        }
    }
}

impl LogFollower {
    /// Opens a directory in which a log was enrolled; `None` when there is none.
    pub fn open(directory: impl Into<LogDirectory>) -> Result<Option<Self>, FollowError> {
        let directory = directory.into();
        let Some(remembered) = directory.read_remembered()? else {
            return Ok(None);
        };
        let state = directory.read_state()?;
        Ok(Some(Self {
            directory,
            remembered,
            state,
            lost: None,
            witnessed: None,
            note: None,
        }))
    }

    /// Opens a directory whose state may be lost or damaged. It is then empty until the log is
    /// synchronised, which has to contain the newest checkpoint that was accepted here, or, where
    /// that is lost too, what the anchor of the enrolment commits to. Without both, the state's
    /// error is returned.
    pub fn reopen(directory: impl Into<LogDirectory>) -> Result<Option<Self>, FollowError> {
        let directory = directory.into();
        let Some(remembered) = directory.read_remembered()? else {
            return Ok(None);
        };
        let (state, lost) = match directory.read_state() {
            Ok(state) => (state, None),
            Err(error) => {
                let checkpoint = directory
                    .read_checkpoint()
                    .filter(|checkpoint| checkpoint.origin == remembered.origin);
                let newest = checkpoint
                    .into_iter()
                    .chain(remembered.anchor.clone())
                    .max_by_key(|anchor| anchor.position.size);
                (LogState::default(), Some(newest.ok_or(error)?))
            }
        };
        Ok(Some(Self {
            directory,
            remembered,
            state,
            lost,
            witnessed: None,
            note: None,
        }))
    }

    /// Returns what the log said when it was last synchronised, also where it is not known any
    /// more which registry that was.
    pub fn read_state(path: &Path) -> Result<LogState, FollowError> {
        LogDirectory::from(path).read_state()
    }

    /// Begins to follow the log of a registry. With an anchor, the log must contain the history
    /// that the anchor commits to; without one, whatever the registry shows is believed this once.
    /// What is left here of a log whose `registry.json` is lost or damaged must be continued.
    pub async fn enroll(
        directory: impl Into<LogDirectory>,
        client: &Client,
        anchor: Option<Anchor>,
    ) -> Result<Self, FollowError> {
        Self::enroll_after(directory, client, anchor, None).await
    }

    /// The same, and what a snapshot stands for is not read again.
    pub async fn enroll_after(
        directory: impl Into<LogDirectory>,
        client: &Client,
        anchor: Option<Anchor>,
        snapshot: Option<LogSnapshot>,
    ) -> Result<Self, FollowError> {
        let directory = directory.into();
        directory.create()?;
        let _lock = directory.lock().await?;
        directory.refuse_second()?;
        let pin = anchor.as_ref().map_or(Pin::FirstUse, Pin::Anchor);
        let (known, lost) = directory.remains();
        // What was verified here is worth more than what somebody else says.
        let snapshot = snapshot.filter(|_| known.size() == 0);
        let known = snapshot.map_or(known, |snapshot| snapshot.state);
        let fetched = fetch(client, &known, pin, &directory).await?;
        let Fetched { note, state, .. } = fetched;
        require(lost.as_ref(), &state)?;
        let url = client.url().clone();
        let begun = Self::begin(directory, url, anchor, &note, state)?;
        Ok(Self {
            witnessed: fetched.witnessed,
            ..begun
        })
    }

    /// Writes down what is followed from now on.
    pub(super) fn begin(
        directory: LogDirectory,
        url: Url,
        anchor: Option<Anchor>,
        note: &[u8],
        state: LogState,
    ) -> Result<Self, FollowError> {
        let remembered = Remembered {
            url,
            origin: state.origin().unwrap_or_default().to_owned(),
            anchor,
        };
        directory.write_state(note, &state)?;
        // Last: only with it is there something to follow.
        directory.write_remembered(&remembered)?;
        Ok(Self {
            directory,
            remembered,
            state,
            lost: None,
            witnessed: None,
            note: None,
        })
    }

    /// Takes in what the log has grown by, and remembers it before it returns.
    pub async fn sync(&mut self, client: &Client) -> Result<&LogState, FollowError> {
        if let Some(unsaved) = self.fetch_growth(client).await? {
            let state = unsaved.state.clone();
            unsaved.save()?;
            self.take_over(state);
        }
        Ok(&self.state)
    }

    /// Takes in what the log has grown by, and leaves it to the caller to have that remembered: before
    /// anything is done that the log decides.
    pub async fn sync_unsaved(&mut self, client: &Client) -> Result<Option<Unsaved>, FollowError> {
        let unsaved = self.fetch_growth(client).await?;
        if let Some(unsaved) = &unsaved {
            self.note = Some(unsaved.note.clone());
            self.take_over(unsaved.state.clone());
        }
        Ok(unsaved)
    }

    async fn fetch_growth(&mut self, client: &Client) -> Result<Option<Unsaved>, FollowError> {
        let lock = self.directory.lock().await?;
        self.read_again()?;
        let pin = self.lost.as_ref().map_or(Pin::Remembered, Pin::Anchor);
        let fetched = fetch(client, &self.state, pin, &self.directory).await?;
        let Fetched { note, state, .. } = fetched;
        self.witnessed = fetched.witnessed;
        let (note, state) = if state.size() > self.state.size() {
            (note, Some(state))
        } else if let Some(note) = self.cosigned_again(&note) {
            (note, None)
        } else {
            return Ok(None);
        };
        Ok(Some(Unsaved {
            directory: self.directory.clone(),
            note,
            state,
            _lock: lock,
        }))
    }

    /// Returns the remembered checkpoint with cosignatures that are newer; nothing where none is.
    fn cosigned_again(&self, note: &[u8]) -> Option<Vec<u8>> {
        let keys = self.state.checked_policy()?.witness_keys();
        let (checkpoint, found) = Checkpoint::parse(note).ok()?;
        if keys.is_empty() || checkpoint.size != self.state.size() {
            return None;
        }
        let known = self.directory.read_note();
        let known = known.and_then(|known| Checkpoint::parse(&known).ok());
        match known {
            Some((_, mut known)) if known.text() == found.text() => {
                let is_newer = known.take_cosignatures(&found, keys);
                is_newer.then(|| known.to_bytes())
            }
            _ => Some(note.to_vec()),
        }
    }

    fn take_over(&mut self, state: Option<LogState>) {
        if let Some(state) = state {
            self.state = state;
            self.lost = None;
        }
    }

    /// Reads the state, which another process may have brought further; what that one accepted
    /// must not be forgotten.
    pub(super) fn read_again(&mut self) -> Result<(), FollowError> {
        match (self.directory.read_state(), &self.lost) {
            (Ok(state), _) => {
                self.state = state;
                self.lost = None;
                Ok(())
            }
            (Err(_), Some(_)) => Ok(()),
            (Err(error), None) => Err(error),
        }
    }

    /// Remembers a state that was accepted, where it goes further.
    pub(super) fn remember(&mut self, note: &[u8], state: LogState) -> Result<(), FollowError> {
        if state.size() > self.state.size() {
            self.directory.write_state(note, &state)?;
            self.take_over(Some(state));
        }
        Ok(())
    }

    /// Takes in the log of the registry at another address and follows it from there. It must be
    /// a continuation of what is remembered, and contain the history that `anchor` commits to;
    /// else the old address stays.
    pub async fn move_to(
        &mut self,
        client: &Client,
        anchor: &Anchor,
    ) -> Result<&LogState, FollowError> {
        let _lock = self.directory.lock().await?;
        self.read_again()?;
        let pin = Pin::Anchor(anchor);
        let fetched = fetch(client, &self.state, pin, &self.directory).await?;
        let Fetched { note, state, .. } = fetched;
        self.remember_move(client.url(), &note, state)?;
        Ok(&self.state)
    }

    /// Remembers a state that was accepted from another address, then the address.
    pub(super) fn remember_move(
        &mut self,
        url: &Url,
        note: &[u8],
        state: LogState,
    ) -> Result<(), FollowError> {
        require(self.lost.as_ref(), &state)?;
        self.remember(note, state)?;
        let moved = Remembered {
            url: url.clone(),
            ..self.remembered.clone()
        };
        self.directory.write_remembered(&moved)?;
        self.remembered = moved;
        Ok(())
    }

    /// Tells whether the state was lost and nothing was synchronised since.
    pub const fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Returns what the log said when it was last synchronised.
    pub const fn state(&self) -> &LogState {
        &self.state
    }

    /// Returns how many entries servers go by, where the log was read further than that since it was
    /// opened; the rest waits for witnesses.
    pub fn witnessed(&self) -> Option<u64> {
        let size = self.witnessed.as_ref()?.size;
        (size < self.state.size()).then_some(size)
    }

    /// Returns the checkpoint that servers go by, with what witnesses said of it, where the log was read
    /// further than that.
    pub fn witnessed_note(&self) -> Option<&[u8]> {
        self.witnessed
            .as_ref()
            .map(|witnessed| witnessed.note.as_slice())
    }

    /// Returns the newest checkpoint that was accepted, as it was signed, where it can be read.
    pub fn checkpoint(&self) -> Option<Vec<u8>> {
        let unsaved = self.note.clone();
        unsaved.or_else(|| self.directory.read_note())
    }

    /// The same without opening the directory.
    pub fn read_checkpoint(path: &Path) -> Option<Vec<u8>> {
        LogDirectory::from(path).read_note()
    }

    /// Returns the registry's address.
    pub const fn url(&self) -> &Url {
        &self.remembered.url
    }

    /// Returns the log's name.
    pub fn origin(&self) -> &str {
        &self.remembered.origin
    }

    /// Checks that the remembered history contains the one that `anchor` commits to.
    pub fn check_anchor(&self, anchor: &Anchor) -> Result<(), FollowError> {
        let matches = anchor.origin == self.remembered.origin
            && self.state.root_at(anchor.position.size) == Some(anchor.position.root);
        if matches {
            Ok(())
        } else {
            Err(FollowError::OtherAnchor {
                anchor: Box::new(anchor.clone()),
                origin: self.remembered.origin.clone(),
                size: self.state.size(),
            })
        }
    }
}

/// Refuses a state that does not contain what a lost one is known to have contained.
pub(super) fn require(lost: Option<&Anchor>, state: &LogState) -> Result<(), FollowError> {
    match lost {
        Some(anchor) if state.root_at(anchor.position.size) != Some(anchor.position.root) => {
            Err(FollowError::OtherAnchor {
                anchor: Box::new(anchor.clone()),
                origin: state.origin().unwrap_or_default().to_owned(),
                size: state.size(),
            })
        }
        _ => Ok(()),
    }
}

/// Fetches a log and replays it, believing whatever the registry shows: for a look at a log about
/// which nothing is known, never for a decision.
pub async fn fetch_unverified(client: &Client) -> Result<LogState, FollowError> {
    let note = client.cosignatures().await?.newest.into_bytes();
    let known = LogState::default();
    judge(client, &known, Pin::FirstUse, Reach::Newest, &note, |_| {
        Ok(())
    })
    .await
}

/// Fetches what a log has beyond `state` and has it judged, bundle by bundle. Remembers nothing but
/// the evidence of a fork.
async fn fetch(
    client: &Client,
    state: &LogState,
    pin: Pin<'_>,
    directory: &LogDirectory,
) -> Result<Fetched, FollowError> {
    let (note, witnessed) = match directory.reach {
        Reach::Witnessed => (client.checkpoint().await?, None),
        Reach::Newest => {
            let found = client.cosignatures().await?;
            (found.newest.into_bytes(), Some(found.witnessed))
        }
    };
    let judged = judge(client, state, pin, directory.reach, &note, |_| Ok(())).await;
    let state = judged
        .map_err(|error| directory.keep_evidence(state, (directory.read_note(), &note), error))?;
    let witnessed = match witnessed {
        None => None,
        Some(shown) => {
            let size = check_shown(&state, shown.as_bytes())
                .map_err(|error| FollowError::refused(client.url().as_str(), error));
            let both = (Some(note.clone()), shown.as_bytes());
            let size = size.map_err(|error| directory.keep_evidence(&state, both, error))?;
            let note = shown.into_bytes();
            Some(Witnessed { size, note })
        }
    };
    Ok(Fetched {
        note,
        state,
        witnessed,
    })
}

/// Checks that servers are shown the same history, and returns how many entries of it.
fn check_shown(state: &LogState, shown: &[u8]) -> Result<u64, LogError> {
    let (checkpoint, _) = Checkpoint::parse(shown).map_err(LogError::Checkpoint)?;
    match state.root_at(checkpoint.size) {
        Some(root) if root != checkpoint.root => Err(LogError::Fork {
            size: checkpoint.size,
            remembered: root,
            offered: checkpoint.root,
        }),
        // It has grown meanwhile.
        _ => Ok(checkpoint.size.min(state.size())),
    }
}

/// Fetches what a log has beyond `state` and has it judged, bundle by bundle; returns its signed
/// checkpoint and what it leads to. `keep` is given each entry; none of them counts before all are
/// judged. Remembers nothing.
pub async fn fetch_growth(
    client: &Client,
    state: &LogState,
    pin: Pin<'_>,
    keep: impl FnMut(&[u8]) -> Result<(), FollowError>,
) -> Result<(Vec<u8>, LogState), FollowError> {
    let note = client.checkpoint().await?;
    let state = judge(client, state, pin, Reach::Witnessed, &note, keep).await?;
    Ok((note, state))
}

/// Has the log judged that a signed checkpoint is about, whether witnesses cosigned that or not: for
/// a witness. Remembers nothing.
pub async fn judge_newest(
    client: &Client,
    state: &LogState,
    pin: Pin<'_>,
    note: &[u8],
) -> Result<LogState, FollowError> {
    judge(client, state, pin, Reach::Newest, note, |_| Ok(())).await
}

/// Has the log judged that a signed checkpoint is about.
async fn judge(
    client: &Client,
    state: &LogState,
    pin: Pin<'_>,
    reach: Reach,
    note: &[u8],
    keep: impl FnMut(&[u8]) -> Result<(), FollowError>,
) -> Result<LogState, FollowError> {
    let refused = |error| FollowError::refused(client.url().as_str(), error);
    let mut acceptance = Acceptance::begin(state, pin, note).map_err(refused)?;
    entries::feed(client, &mut acceptance, pin, keep).await?;
    let state = match reach {
        Reach::Witnessed => acceptance.finish(),
        Reach::Newest => acceptance.finish_unwitnessed(),
    };
    state.map_err(refused)
}
