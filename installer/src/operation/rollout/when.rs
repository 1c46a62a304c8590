//! The decision: from a head, the wave and windows of a server and its clock to when it may go.

use std::fmt;
use std::time::Duration;

use bulla_schemas::report::server::Waiting;
use bulla_schemas::statement::{Wave, Waves};
use bulla_schemas::{Name, Timestamp};
use bulla_trust::Head;

use super::course::Course;
use crate::config::Windows;
use crate::state::rollout::{FailedHost, Remembered};

/// Whether a server may make a head live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// It may.
    Now,
    /// At a time, if nothing else comes between.
    At(Timestamp, Why),
    /// Once people, or other servers, have done something.
    Waits(Why),
}

/// What a server waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// People, who stopped the channel.
    Paused { people: String, reason: String },
    /// A window, which opens then by the clocks of its place.
    Window { opens: String },
    /// The time of its wave.
    Interval { wave: Wave, due: Timestamp },
    /// A widening, or another head where none can come.
    Widening {
        wave: Wave,
        open: Wave,
        can_widen: bool,
    },
    /// The same, because an earlier wave failed.
    Failure {
        wave: Wave,
        /// Whether people had let the wave go before that.
        is_let_go: bool,
        failed: FailedHost,
        unasked_since: Option<Timestamp>,
        can_widen: bool,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused { people, reason } => write!(formatter, "paused by {people}: {reason}"),
            Self::Window { opens } => write!(formatter, "waits for the window that opens {opens}"),
            Self::Interval { wave, due } => write!(formatter, "waits as wave {wave} until {due}"),
            Self::Widening {
                wave,
                open,
                can_widen,
            } => {
                let until = until(*can_widen);
                let open = match open.number() {
                    1 => "wave 1".to_owned(),
                    open => format!("waves up to {open}"),
                };
                write!(formatter, "waits as wave {wave} until {until}; {open} may")
            }
            Self::Failure {
                wave,
                is_let_go,
                failed,
                unasked_since,
                can_widen,
            } => {
                let FailedHost {
                    host,
                    wave: failed_in,
                    why,
                    at: _,
                } = failed;
                let until = until(*can_widen);
                let since = if *is_let_go {
                    " after people had let it go"
                } else {
                    ""
                };
                let again = if *is_let_go && *can_widen {
                    " again"
                } else {
                    ""
                };
                write!(
                    formatter,
                    "waits as wave {wave}, because it failed on {host} of wave {failed_in}{since}, \
                     until {until}{again}: {why}"
                )?;
                unasked_since.map_or(Ok(()), |since| {
                    write!(
                        formatter,
                        "; the registry could not be asked since {since} whether that is still so"
                    )
                })
            }
        }
    }
}

const fn until(can_widen: bool) -> &'static str {
    if can_widen {
        "people let it go"
    } else {
        "another release is promoted, since the channel was rolled back to one that is new here"
    }
}

impl When {
    /// Says for the history what a person on this server did not wait for: `waiting as wave 3 until
    /// people let it go`.
    pub(crate) fn skipped(&self) -> Option<String> {
        let why = match self {
            Self::Now => return None,
            Self::At(_, why) | Self::Waits(why) => why,
        };
        let waits = match why {
            // Which waves may go changes later.
            Why::Widening {
                wave, can_widen, ..
            } => format!("waits as wave {wave} until {}", until(*can_widen)),
            why => why.to_string(),
        };
        Some(waits.replacen("waits", "waiting", 1))
    }

    /// Returns what is waited for, in the words of a report.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        let (until, why) = match self {
            Self::Now => return None,
            Self::At(time, why) => (Some(*time), why),
            Self::Waits(why) => (None, why),
        };
        Some(Waiting {
            until,
            reason: why.to_string(),
            is_paused: matches!(why, Why::Paused { .. }),
        })
    }
}

/// What decides when a server may make a head live.
#[derive(Debug, Clone)]
pub(super) struct Circumstances<'a> {
    pub(super) head: &'a Head,
    pub(super) course: Course,
    pub(super) wave: Wave,
    pub(super) windows: &'a Windows,
    pub(super) now: Timestamp,
    pub(super) remembered: &'a Remembered,
}

/// Decides it.
pub(super) fn when(circumstances: &Circumstances<'_>) -> When {
    let Circumstances {
        head,
        course,
        wave,
        windows,
        now,
        remembered,
    } = *circumstances;
    let Course {
        rollout, can_widen, ..
    } = course;
    if head.is_paused() {
        let people: Vec<_> = head.people.iter().map(Name::as_str).collect();
        return When::Waits(Why::Paused {
            people: people.join(", "),
            reason: head.reason.clone(),
        });
    }
    let is_let_go = wave <= rollout.open;
    let opening = |from: Timestamp| {
        if rollout.urgent {
            Some(from)
        } else {
            windows.next_open(from)
        }
    };
    let mut failures = remembered.failures.iter();
    if let Some(failed) = failures.find(|failed| course.is_stopped(wave, failed)) {
        return When::Waits(Why::Failure {
            wave,
            is_let_go,
            failed: failed.clone(),
            unasked_since: remembered.unasked_since,
            can_widen,
        });
    }
    let due = match rollout.waves {
        None => now,
        Some(_) if is_let_go => now,
        Some(Waves::Manual) => {
            return When::Waits(Why::Widening {
                wave,
                open: rollout.open,
                can_widen,
            });
        }
        Some(Waves::Every(interval)) => {
            // A clock that is behind the signer's has only itself to count by.
            let from = if now < head.issued_at {
                remembered.seen_at
            } else {
                head.issued_at
            };
            later(from, interval.until(wave))
        }
    };
    if due > now {
        let why = Why::Interval { wave, due };
        return When::At(opening(due).unwrap_or(due), why);
    }
    match opening(now) {
        Some(open) if open == now => When::Now,
        Some(open) => {
            let opens = windows.in_words(open, now);
            When::At(open, Why::Window { opens })
        }
        None => {
            let opens = "never".to_owned();
            When::Waits(Why::Window { opens })
        }
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_seconds(time.as_seconds().saturating_add(by)).unwrap_or(time)
}

#[cfg(test)]
mod tests;
