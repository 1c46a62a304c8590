//! How a head reaches this server: as was signed with it, unless the channel was rolled back to a
//! release that is new here.
//!
//! ```text
//! promoted    a     b, in waves     c, in waves     rolled back to b
//! web1        a     b               c               b, at once: it had it
//! web2        a     waits           waits           b, as b was promoted: it never had it
//! web3        a     waits           c               b, at once: c is what is taken out
//! ```

use bulla_schemas::Timestamp;
use bulla_schemas::statement::{Action, Wave, Waves};
use bulla_trust::{Head, LogState, Rollout};

use crate::state::history::{Activation, History};
use crate::state::rollout::FailedHost;

/// How a head reaches a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) rollout: Rollout,
    /// When people last said something about that, as they say.
    pub(super) last_word: Timestamp,
    /// Whether people can let further waves go. After a rollback there is nothing that they could
    /// widen.
    pub(super) can_widen: bool,
}

impl Course {
    /// A rollback undoes something where its release worked before, and where one is live that it
    /// takes out. Elsewhere it brings one that nobody has seen work on this server, so that goes as
    /// it was promoted, with the waves that people let go of it; so it does where it failed.
    pub(super) fn of(head: &Head, log: &LogState, history: &History) -> Self {
        // Looked for only where it matters: it reads all moves of the channel.
        let goes_back = |live: &Activation| {
            let moves = log.moves(&head.project, &head.channel);
            moves.undone(&head.hash).contains(&live.hash)
        };
        let undoes = || {
            let was_here = history.last_of(&head.hash).is_some();
            was_here || history.last().is_some_and(goes_back)
        };
        Self::undoing(head, log, history, undoes)
    }

    /// The same of a rollback that takes out what is live here, and was the head once.
    pub(super) fn back(head: &Head, log: &LogState, history: &History) -> Self {
        Self::undoing(head, log, history, || true)
    }

    fn undoing(head: &Head, log: &LogState, history: &History, undoes: impl Fn() -> bool) -> Self {
        let is_undone = || !history.has_failed(&head.hash) && undoes();
        let can_widen = head.rollout.waves.is_some();
        let mut rollout = head.rollout;
        if head.action == Action::Rollback
            && !is_undone()
            && let Some(promoted) = log.promoted(&head.project, &head.channel, &head.hash)
        {
            rollout = Rollout {
                urgent: promoted.urgent && head.rollout.urgent,
                ..promoted
            };
        }
        Self {
            rollout,
            last_word: log.last_word(head),
            can_widen,
        }
    }

    /// Tells whether failures on servers of earlier waves can stop a wave: one that goes by the clock,
    /// and one that people let go, unless they let all of them go.
    pub(super) fn can_be_stopped(&self, wave: Wave) -> bool {
        let Rollout { waves, open, .. } = self.rollout;
        let goes = match waves {
            None => false,
            Some(Waves::Manual) => wave <= open,
            Some(Waves::Every(_)) => true,
        };
        goes && wave > Wave::FIRST && open < Wave::LAST
    }

    /// Tells whether a failure stops a wave: people who let it go knew what had failed before. The
    /// time is that server's own word, which can stop a wave and let none go.
    pub(super) fn is_stopped(&self, wave: Wave, failed: &FailedHost) -> bool {
        let is_known =
            wave <= self.rollout.open && failed.at.is_some_and(|at| at <= self.last_word);
        failed.wave < wave && self.can_be_stopped(wave) && !is_known
    }
}

#[cfg(test)]
mod tests {
    use bulla_schemas::Digest;
    use bulla_schemas::statement::Waves;
    use bulla_trust::statement::{pause, widen};
    use bulla_trust::testing::{Organisation, name, project, time};

    use super::*;
    use crate::state::history::ActivationAction::Install;
    use crate::state::history::tests::{failing, history};

    /// A channel to which `a` was promoted, and `b` and `c` in waves that people let go up to the
    /// second.
    fn promoted() -> Organisation {
        let mut acme = Organisation::new();
        for content in ["a", "b", "c"] {
            let hash = acme.publish(&project(), content);
            let mut promotion = acme.draft("prod", hash);
            promotion.predicate.waves = (content != "a").then_some(Waves::Manual);
            assert!(acme.append_promotion(&promotion, &["alice"]).is_effective());
            if content != "a" {
                let up_to = 2.try_into().unwrap();
                let reason = "on".to_owned();
                let to = (&project(), &name("prod"));
                let widening = widen(&acme.state, to.0, to.1, up_to, reason, time(1)).unwrap();
                assert!(acme.append_promotion(&widening, &["alice"]).is_effective());
            }
        }
        acme
    }

    fn course(acme: &Organisation, history: &History) -> Rollout {
        let head = acme.state.head(&project(), &name("prod")).unwrap();
        Course::of(head, &acme.state, history).rollout
    }

    fn at_once() -> Rollout {
        Rollout {
            waves: None,
            open: Wave::FIRST,
            urgent: true,
        }
    }

    fn as_promoted() -> Rollout {
        Rollout {
            waves: Some(Waves::Manual),
            open: 2.try_into().unwrap(),
            urgent: false,
        }
    }

    #[test]
    fn a_rollback_is_one_where_it_undoes_something_and_elsewhere_goes_as_its_release_was_promoted()
    {
        let mut acme = promoted();
        acme.promote("prod", Digest::of(b"b"), &["alice"]);
        let had = history(&[(Install, "a"), (Install, "b"), (Install, "c")]);
        assert_eq!(course(&acme, &had), at_once());
        // It went from wave to wave slower than the channel, and has what is taken out.
        let skipped = history(&[(Install, "a"), (Install, "c")]);
        assert_eq!(course(&acme, &skipped), at_once());
        for never in [vec![], vec![(Install, "a")], vec![(Install, "x")]] {
            assert_eq!(course(&acme, &history(&never)), as_promoted(), "{never:?}");
        }
        for live in ["a", "c"] {
            let failed = failing(&[(Install, "a"), (Install, "b"), (Install, live)], &["b"]);
            assert_eq!(course(&acme, &failed), as_promoted());
        }
    }

    #[test]
    fn going_on_after_a_pause_changes_nothing_of_that() {
        let mut acme = promoted();
        let b = Digest::of(b"b");
        acme.promote("prod", b, &["alice"]);
        let prod = name("prod");
        let pausing = pause(&acme.state, &project(), &prod, "wait".to_owned(), time(2));
        let verdict = acme.append_promotion(&pausing.unwrap(), &["alice"]);
        assert!(verdict.is_effective());
        acme.promote("prod", b, &["alice"]);
        assert_eq!(course(&acme, &history(&[(Install, "a")])), as_promoted());
        for here in ["b", "c"] {
            assert_eq!(course(&acme, &history(&[(Install, here)])), at_once());
        }
    }

    #[test]
    fn a_head_that_is_tried_again_takes_nothing_out() {
        let mut acme = promoted();
        let c = Digest::of(b"c");
        let prod = name("prod");
        let pausing = pause(&acme.state, &project(), &prod, "wait".to_owned(), time(2));
        let verdict = acme.append_promotion(&pausing.unwrap(), &["alice"]);
        assert!(verdict.is_effective());
        acme.promote("prod", c, &["alice"]);
        for live in ["a", "b"] {
            assert_eq!(course(&acme, &history(&[(Install, live)])), as_promoted());
        }
    }

    #[test]
    fn what_is_to_wait_for_windows_does_wherever_it_was_promoted_as_urgent() {
        let mut acme = Organisation::new();
        let a = acme.publish(&project(), "a");
        let mut urgent = acme.draft("prod", a);
        urgent.predicate.urgent = Some(true);
        acme.append_promotion(&urgent, &["alice"]);
        let b = acme.publish(&project(), "b");
        acme.promote("prod", b, &["alice"]);
        for (asked, expected) in [(None, true), (Some(false), false)] {
            let mut acme = acme.clone();
            let mut rollback = acme.draft("prod", a);
            rollback.predicate.urgent = asked;
            assert!(acme.append_promotion(&rollback, &["alice"]).is_effective());
            let found = course(&acme, &history(&[(Install, "b")]));
            assert_eq!(found.urgent, expected);
        }
    }
}
