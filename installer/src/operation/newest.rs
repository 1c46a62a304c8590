//! Which of several registries has the newest log: the largest that continues what is known is
//! followed. One that stands still keeps nobody behind who has another.

use std::cmp::Reverse;
use std::error::Error;

use bulla_registry_client::{Patience, Unsaved};
use bulla_schemas::Timestamp;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::units::count;
use bulla_trust::Checkpoint;
use url::Url;

use super::order::patience;
use crate::fetch::checkpoints::{Said, ask};
use crate::fetch::{FetchError, FollowedLog, Supply};
use crate::observer::{Observer, with_causes};
use crate::site::Server;
use crate::state::behind;

/// Takes in what the log has grown by, from the registry that has the newest one. Those that did not
/// answer before, or not soon, are asked only where no other is left, so that a command waits for them
/// once. Fails where none brings a log that continues what is known. What is returned is to be saved
/// before anything is done that it decides.
pub(crate) fn follow_newest(
    server: &Server,
    log: &mut FollowedLog,
    supplies: &[Supply],
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<Option<Unsaved>, FetchError> {
    let (away, here): (Vec<&Supply>, Vec<_>) = supplies.iter().partition(|one| one.is_away());
    let haste = patience(supplies.len() > 1);
    let mut asked = match here.as_slice() {
        [] => Asked::all(&away, haste),
        [only] if away.is_empty() => {
            only.set_patience(haste);
            let unsaved = log.sync_unsaved(server, only, now)?;
            behind::write(server, &[], now);
            return Ok(unsaved);
        }
        here => Asked::all(here, haste),
    };
    let mut followed = asked.follow(server, log, now)?;
    if followed.is_none() && haste == Patience::Short {
        // Whoever answered is no use, so the others are waited for.
        let mut others = asked.take_given_up();
        others.extend(away.iter().filter(|_| !here.is_empty()));
        asked.ask_further(&others);
        followed = asked.follow(server, log, now)?;
    }
    let Some((followed, unsaved)) = followed else {
        return Err(asked.fail(server, observer));
    };
    asked.say(followed, log, observer);
    behind::write(server, &asked.behind(log), now);
    Ok(unsaved)
}

/// Registries, with what each said, in the order of the host file.
struct Asked<'a>(Vec<(&'a Supply, Said)>);

impl<'a> Asked<'a> {
    fn all(supplies: &[&'a Supply], patience: Patience) -> Self {
        let said = ask(supplies, patience);
        for (supply, said) in supplies.iter().zip(&said) {
            supply.set_away(match said {
                Said::Checkpoint(_) | Said::Nonsense => false,
                Said::Failed(error) => error.is_away(),
                Said::Late => true,
            });
        }
        Self(supplies.iter().copied().zip(said).collect())
    }

    /// Takes out those that may answer when they are given more time.
    fn take_given_up(&mut self) -> Vec<&'a Supply> {
        let is_given_up = |(_, said): &mut (&Supply, Said)| match said {
            Said::Late => true,
            Said::Failed(error) => error.wants_patience(),
            Said::Checkpoint(_) | Said::Nonsense => false,
        };
        let given_up = self.0.extract_if(.., is_given_up);
        given_up.map(|(supply, _)| supply).collect()
    }

    fn ask_further(&mut self, supplies: &[&'a Supply]) {
        if !supplies.is_empty() {
            self.0.extend(Self::all(supplies, Patience::Full).0);
        }
    }

    /// Reads the log where it is largest, and where that is not valid, where it is next largest.
    /// Returns the place of the registry that brought it, and what that is.
    fn follow(
        &mut self,
        server: &Server,
        log: &mut FollowedLog,
        now: Timestamp,
    ) -> Result<Option<(usize, Option<Unsaved>)>, FetchError> {
        let size = |said: &Said| match said {
            Said::Checkpoint(checkpoint) => Some(checkpoint.size),
            // What is wrong with it is found out by reading it.
            Said::Nonsense => Some(u64::MAX),
            Said::Failed(_) | Said::Late => None,
        };
        let sizes = self.0.iter().map(|(_, said)| size(said)).enumerate();
        let mut order: Vec<_> = sizes
            .filter_map(|(at, size)| Some((Reverse(size?), at)))
            .collect();
        order.sort_unstable();
        for (_, at) in order {
            let (supply, said) = &mut self.0[at];
            match log.sync_unsaved(server, supply, now) {
                Ok(unsaved) => return Ok(Some((at, unsaved))),
                Err(error) if !error.is_of_registry() => return Err(error),
                Err(error) => {
                    supply.set_away(error.is_away());
                    *said = Said::Failed(error);
                }
            }
        }
        Ok(None)
    }

    /// Says what is wrong with registries that were passed over: that stand before the one that is
    /// followed, or serve a log that is none.
    fn say(&self, followed: usize, log: &FollowedLog, observer: &dyn Observer) {
        let Some(next) = self.url(followed) else {
            return;
        };
        for (at, (supply, said)) in self.0.iter().enumerate() {
            let Some(url) = supply.url() else { continue };
            match said {
                Said::Failed(error) if at < followed || error.kind() == FailureKind::Refused => {
                    observer.note(&passed_over(url, error, next));
                }
                Said::Checkpoint(checkpoint) => match standing(log, checkpoint) {
                    Standing::Behind(by) if at < followed => {
                        let by = count(by, "entry", "entries");
                        observer.note(&format!("{url} is {by} behind the log of {next}"));
                    }
                    Standing::Forked => observer.note(&format!(
                        "refusing the log of {url}: its {} are not those of the log of {next}",
                        count(checkpoint.size, "entry", "entries")
                    )),
                    Standing::Current | Standing::Behind(_) => {}
                },
                Said::Failed(_) | Said::Nonsense | Said::Late => {}
            }
        }
    }

    /// Returns the registries that answered, with the entries that each does not have.
    fn behind(&self, log: &FollowedLog) -> Vec<(&'a Url, u64)> {
        let answered = self.0.iter().filter_map(|(supply, said)| match said {
            Said::Checkpoint(checkpoint) => Some((supply.url()?, standing(log, checkpoint))),
            Said::Nonsense | Said::Failed(_) | Said::Late => None,
        });
        let by = answered.map(|(url, standing)| match standing {
            Standing::Behind(by) => (url, by),
            Standing::Current | Standing::Forked => (url, 0),
        });
        by.collect()
    }

    /// Says what is wrong with all of them, and returns what matters most.
    fn fail(self, server: &Server, observer: &dyn Observer) -> FetchError {
        let next = self.0.iter().skip(1).map(|(supply, _)| supply.url());
        let next: Vec<Option<&Url>> = next.chain([None]).collect();
        let mut worst: Option<FetchError> = None;
        for ((supply, said), next) in self.0.into_iter().zip(next) {
            let Said::Failed(error) = said else { continue };
            if let (Some(url), Some(next)) = (supply.url(), next) {
                observer.note(&passed_over(url, &error, next));
            }
            let matters = |worst: &FetchError| error.kind().gravity() > worst.kind().gravity();
            if worst.as_ref().is_none_or(matters) {
                worst = Some(error);
            }
        }
        worst.unwrap_or_else(|| FetchError::NotEnrolled {
            state: server.state().to_owned(),
        })
    }

    fn url(&self, at: usize) -> Option<&Url> {
        self.0.get(at).and_then(|(supply, _)| supply.url())
    }
}

/// Says why another registry is asked than one before it.
pub(super) fn passed_over(url: &Url, error: &dyn Error, next: &Url) -> String {
    let problem = with_causes(error);
    format!("{url} does not serve: {problem}; {next} is asked instead")
}

/// How a registry's log stands to the one that is followed.
enum Standing {
    Current,
    /// So many entries are missing.
    Behind(u64),
    Forked,
}

/// A registry that has more meanwhile is current.
fn standing(log: &FollowedLog, checkpoint: &Checkpoint) -> Standing {
    let known = log.state();
    match known.root_at(checkpoint.size) {
        Some(root) if root != checkpoint.root => Standing::Forked,
        Some(_) if checkpoint.size < known.size() => {
            Standing::Behind(known.size() - checkpoint.size)
        }
        _ => Standing::Current,
    }
}
