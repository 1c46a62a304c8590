//! Where a server goes while it waits for its channel's head, because a rollback before that took out
//! what is live on it.
//!
//! ```text
//! promoted    a     b     rolled back to a     c, in waves
//! web1        a     b     a                    waits
//! web2        a     b     (away)               a, at once: b is taken out; then it waits
//! ```

use bulla_schemas::report::server::Waiting;
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, Name};
use bulla_trust::{Head, LogState};

use crate::site::Site;
use crate::state::quarantine;

/// The head to which people took the channel back from what is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WayBack {
    /// As it was then.
    pub(crate) to: Head,
    pub(super) left: Digest,
    /// Why the server does not go there.
    pub(super) obstacle: Option<String>,
}

impl WayBack {
    /// Tells whether the server goes there now.
    pub(crate) const fn is_open(&self) -> bool {
        self.obstacle.is_none()
    }

    /// Adds to what is waited for what is so meanwhile.
    pub(crate) fn add_to(&self, waiting: &Waiting) -> Waiting {
        Waiting {
            reason: format!("{}; {self}", waiting.reason),
            ..*waiting
        }
    }
}

impl std::fmt::Display for WayBack {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (left, to) = (self.left.short(), self.to.hash.short());
        let people: Vec<_> = self.to.people.iter().map(Name::as_str).collect();
        let (people, reason) = (people.join(", "), &self.to.reason);
        write!(formatter, "{people} took {left} back to {to}: {reason}")?;
        match &self.obstacle {
            None => write!(formatter, "; so it is {to} meanwhile"),
            Some(obstacle) => write!(formatter, "; it is still {left}, since {to} {obstacle}"),
        }
    }
}

/// Returns what keeps a server from any head, beside its wave and windows.
pub(super) fn obstacle(site: &Site, log: &LogState, to: &Head) -> Option<String> {
    if log.revocation(&to.project, &to.hash) == Some(Severity::Block) {
        return Some("is revoked".to_owned());
    }
    let failed = quarantine::read(site).unwrap_or_default();
    let mut failed = failed.iter();
    failed
        .any(|failed| failed.hash == to.hash && to.entry <= failed.entry)
        .then(|| "failed here".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bulla_schemas::Timestamp;
    use bulla_schemas::statement::Wave;
    use bulla_trust::statement::widen;
    use bulla_trust::testing::{Organisation, name, project};
    use proptest::prelude::*;

    use crate::config::ProjectConfig;
    use crate::operation::rollout::{Arrival, When};
    use crate::site::Server;
    use crate::state::history::ActivationAction::{Install, Rollback};
    use crate::state::history::History;
    use crate::state::history::tests::history;

    use super::*;

    /// A Thursday noon.
    const NOON: i64 = 1_795_694_400;

    /// What happens: people move the channel or let waves go, or one of the servers looks.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Promote {
            waves: Option<&'static str>,
            urgent: bool,
        },
        RollBack {
            by: usize,
        },
        Widen,
        Look {
            server: usize,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        let waves = prop::sample::select(vec![None, Some("manual"), Some("10m")]);
        prop_oneof![
            2 => (waves, any::<bool>()).prop_map(|(waves, urgent)| Step::Promote { waves, urgent }),
            2 => (1..3_usize).prop_map(|by| Step::RollBack { by }),
            1 => Just(Step::Widen),
            6 => (0..4_usize).prop_map(|server| Step::Look { server }),
        ]
    }

    /// A server, and what was made live there.
    struct Looker {
        config: ProjectConfig,
        steps: Vec<(bulla_schemas::report::server::ActivationAction, String)>,
    }

    impl Looker {
        fn live(&self) -> Option<&str> {
            self.steps.last().map(|(_, live)| live.as_str())
        }

        fn history(&self) -> History {
            let steps = self.steps.iter();
            let steps: Vec<_> = steps
                .map(|(action, live)| (*action, live.as_str()))
                .collect();
            history(&steps)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn no_server_that_looked_is_left_with_what_was_taken_out(
            steps in prop::collection::vec((step(), 0..1500_i64), 1..24)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let server = Server::new(folder.path().join("root"), folder.path().join("state"));
            let site = server.site(&project());
            let closed = "windows = [\"Sun 03:00-03:01\"]";
            let mut lookers = ["", "wave = 2", closed, "wave = 3\nwindows = [\"Thu 12:00-12:30\"]"]
                .map(|section| Looker { config: toml::from_str(section).unwrap(), steps: Vec::new() });
            let mut acme = Organisation::new();
            // The heads in effect, as people see them, and how far the last one is open.
            let (mut line, mut all, mut open) = (Vec::<String>::new(), BTreeSet::new(), 1);
            let mut now = NOON;
            for (step, seconds) in steps {
                now += seconds;
                let time = Timestamp::from_seconds(now).unwrap();
                match step {
                    Step::Promote { waves, urgent } => {
                        let content = format!("release {}", all.len());
                        let hash = acme.publish(&project(), &content);
                        let mut promotion = acme.draft("prod", hash);
                        promotion.predicate.waves = waves.map(|waves| waves.parse().unwrap());
                        promotion.predicate.urgent = urgent.then_some(true);
                        promotion.predicate.issued_at = time;
                        prop_assert!(acme.append_promotion(&promotion, &["alice"]).is_effective());
                        all.insert(content.clone());
                        line.push(content);
                        open = 1;
                    }
                    Step::RollBack { by } => {
                        let Some(to) = line.len().checked_sub(by + 1) else { continue };
                        line.truncate(to + 1);
                        let mut back = acme.draft("prod", Digest::of(line[to].as_bytes()));
                        back.predicate.issued_at = time;
                        prop_assert!(acme.append_promotion(&back, &["alice"]).is_effective());
                        open = 99;
                    }
                    Step::Widen => {
                        open += 1;
                        let up_to: Result<Wave, _> = open.try_into();
                        let Ok(up_to) = up_to else { continue };
                        let on = "on".to_owned();
                        let to = (&project(), &name("prod"));
                        let Some(on) = widen(&acme.state, to.0, to.1, up_to, on, time) else { continue };
                        acme.append_promotion(&on, &["alice"]);
                    }
                    Step::Look { server } => {
                        let Some(head) = acme.state.head(&project(), &name("prod")) else { continue };
                        let looker = &mut lookers[server];
                        let live = looker.live().map(|live| Digest::of(live.as_bytes()));
                        let past = looker.history();
                        let arrival = Arrival::new(&site, &looker.config, (&acme.state, &past), head);
                        let to = match arrival.known(time) {
                            _ if live == Some(head.hash) => None,
                            When::Now => Some((Install, head.hash)),
                            _ => arrival
                                .way_back(live, time)
                                .filter(WayBack::is_open)
                                .map(|way| (Rollback, way.to.hash)),
                        };
                        if let Some((action, to)) = to {
                            let content = all.iter().find(|one| Digest::of(one.as_bytes()) == to);
                            looker.steps.push((action, content.unwrap().clone()));
                        }
                        let live = looker.live().map(str::to_owned);
                        prop_assert!(live.is_none_or(|live| line.contains(&live)));
                    }
                }
            }
        }
    }
}
