//! `LogFollower`: what is remembered, and how it grows.

use std::path::Path;

use bulla_files::Lock;
use bulla_schemas::log::Anchor;
use bulla_trust::{Acceptance, LogState, Pin};
use url::Url;

use super::directory::{LogDirectory, Remembered};
use super::entries;
use super::error::FollowError;
use crate::client::Client;

/// The remembered log of one registry.
#[derive(Debug)]
pub struct LogFollower {
    pub(super) directory: LogDirectory,
    pub(super) remembered: Remembered,
    pub(super) state: LogState,
    /// What a log must contain to be taken for the one whose state is lost.
    pub(super) lost: Option<Anchor>,
}

/// What a log has grown by, verified and not written down yet. Nobody else reads the log before it is.
#[derive(Debug)]
#[must_use = "what is not saved may be forgotten"]
pub struct Unsaved {
    directory: LogDirectory,
    note: Vec<u8>,
    state: LogState,
    _lock: Lock,
}

impl Unsaved {
    /// Writes it down, durably.
    pub fn save(self) -> Result<(), FollowError> {
        self.directory.write_state(&self.note, &self.state)
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
        let directory = directory.into();
        directory.create()?;
        let _lock = directory.lock().await?;
        directory.refuse_second()?;
        let pin = anchor.as_ref().map_or(Pin::FirstUse, Pin::Anchor);
        let (known, lost) = directory.remains();
        let (note, state) = fetch(client, &known, pin).await?;
        require(lost.as_ref(), &state)?;
        Self::begin(directory, client.url().clone(), anchor, &note, state)
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
            self.take_over(unsaved.state.clone());
        }
        Ok(unsaved)
    }

    async fn fetch_growth(&mut self, client: &Client) -> Result<Option<Unsaved>, FollowError> {
        let lock = self.directory.lock().await?;
        self.read_again()?;
        let pin = self.lost.as_ref().map_or(Pin::Remembered, Pin::Anchor);
        let (note, state) = fetch(client, &self.state, pin).await?;
        let has_grown = state.size() > self.state.size();
        Ok(has_grown.then(|| Unsaved {
            directory: self.directory.clone(),
            note,
            state,
            _lock: lock,
        }))
    }

    fn take_over(&mut self, state: LogState) {
        self.state = state;
        self.lost = None;
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
            self.take_over(state);
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
        let (note, state) = fetch(client, &self.state, Pin::Anchor(anchor)).await?;
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
    let fetched = fetch(client, &LogState::default(), Pin::FirstUse).await;
    fetched.map(|(_, state)| state)
}

/// Fetches what a log has beyond `state` and has it judged, bundle by bundle. Remembers nothing.
async fn fetch(
    client: &Client,
    state: &LogState,
    pin: Pin<'_>,
) -> Result<(Vec<u8>, LogState), FollowError> {
    fetch_growth(client, state, pin, |_| Ok(())).await
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
    let refused = |error| FollowError::refused(client.url().as_str(), error);
    let mut acceptance = Acceptance::begin(state, pin, &note).map_err(refused)?;
    entries::feed(client, &mut acceptance, pin, keep).await?;
    let state = acceptance.finish().map_err(refused)?;
    Ok((note, state))
}
