//! The programs that releases carry, as far as this server has tried them as its agent.
//!
//! Only agents write this, and there is one. A program that cannot read what another version of it
//! wrote takes it for empty: then what a release carries is tried once more.

use bulla_schemas::Digest;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::json;
use crate::site::Server;

/// Most programs that are remembered.
const MOST: usize = 20;
/// How often a program is started that has not worked here yet: once more than it takes, since a
/// power cut is not its fault.
const TRIALS: u32 = 2;
/// How often one is started in a row that worked before.
const STARTS: u32 = 5;

/// What is remembered of the programs that releases carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Programs {
    /// Those that have worked as the agent, the latest last.
    proved: Vec<Proved>,
    /// Those that were started and have not worked since.
    started: Vec<Started>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proved {
    hash: Digest,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    hash: Digest,
    times: u32,
    /// Why it cannot be started at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Programs {
    /// Reads what is remembered.
    pub(crate) fn read(server: &Server) -> Self {
        let found = json::read(&server.programs());
        found.ok().flatten().unwrap_or_default()
    }

    /// Replaces what is remembered.
    pub(crate) fn write(&self, server: &Server) -> Result<(), StateError> {
        json::write(&server.programs(), self)
    }

    /// Returns the version of a release's program that has worked here.
    pub(crate) fn version(&self, hash: &Digest) -> Option<&Version> {
        let mut proved = self.proved.iter();
        Some(&proved.find(|proved| proved.hash == *hash)?.version)
    }

    /// Returns the releases whose programs have worked here, the latest first.
    pub(crate) fn proved(&self) -> impl Iterator<Item = Digest> {
        self.proved.iter().rev().map(|proved| proved.hash)
    }

    /// Says why a release's program is not started any more.
    pub(crate) fn failure(&self, hash: &Digest) -> Option<&str> {
        let mut started = self.started.iter();
        let started = started.find(|started| started.hash == *hash)?;
        started.problem.as_deref()
    }

    /// Notes that a release's program is about to be started, or that it has failed because it was
    /// started too often. Tells whether it may be started.
    pub(crate) fn begin(&mut self, hash: Digest) -> bool {
        let most = match self.version(&hash) {
            Some(_) => STARTS,
            None => TRIALS,
        };
        let started = self.started(hash);
        let may = started.problem.is_none() && started.times < most;
        if may {
            started.times += 1;
        } else {
            started.problem.get_or_insert_with(|| {
                format!(
                    "its program was started as the agent {most} times, and each time it ended, or \
                     was ended, before it had read the log and looked at the projects"
                )
            });
        }
        may
    }

    /// Notes that a release's program cannot be started.
    pub(crate) fn cannot_start(&mut self, hash: Digest, problem: String) {
        self.started(hash).problem = Some(problem);
    }

    /// Notes that a release's program works as the agent.
    pub(crate) fn prove(&mut self, hash: Digest, version: Version) {
        self.forget(&hash);
        self.proved.retain(|proved| proved.hash != hash);
        self.proved.push(Proved { hash, version });
        let surplus = self.proved.len().saturating_sub(MOST);
        self.proved.drain(..surplus);
    }

    /// Forgets that a release's program was started.
    pub(crate) fn forget(&mut self, hash: &Digest) {
        self.started.retain(|started| started.hash != *hash);
    }

    fn started(&mut self, hash: Digest) -> &mut Started {
        let place = self.started.iter().position(|one| one.hash == hash);
        let place = place.unwrap_or_else(|| {
            if self.started.len() == MOST {
                self.started.remove(0);
            }
            self.started.push(Started {
                hash,
                times: 0,
                problem: None,
            });
            self.started.len() - 1
        });
        &mut self.started[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_tried_twice_and_one_that_worked_may_stumble() {
        let hash = Digest::of(b"one");
        let mut programs = Programs::default();
        for _ in 0..TRIALS {
            assert!(programs.begin(hash));
            assert_eq!(programs.failure(&hash), None);
        }
        assert!(!programs.begin(hash));
        assert!(programs.failure(&hash).unwrap().contains("2 times"));
        programs.forget(&hash);
        assert!(programs.begin(hash));
        programs.prove(hash, Version::new(1, 2, 3));
        assert_eq!(programs.version(&hash), Some(&Version::new(1, 2, 3)));
        for _ in 0..STARTS {
            assert!(programs.begin(hash));
        }
        assert_eq!(programs.failure(&hash), None);
        assert!(!programs.begin(hash));
        assert!(programs.failure(&hash).is_some());
        programs.forget(&hash);
        programs.cannot_start(hash, "wrong architecture".to_owned());
        assert!(!programs.begin(hash));
        assert_eq!(programs.failure(&hash), Some("wrong architecture"));
    }

    #[test]
    fn what_another_version_wrote_is_read_as_far_as_it_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::new(directory.path().join("srv"), directory.path());
        let mut programs = Programs::default();
        programs.prove(Digest::of(b"one"), Version::new(1, 0, 0));
        programs.write(&server).unwrap();
        let text = std::fs::read_to_string(server.programs()).unwrap();
        let newer = text.replace("\"proved\":", "\"slots\":[1],\"proved\":");
        std::fs::write(server.programs(), newer).unwrap();
        assert_eq!(Programs::read(&server), programs);
        std::fs::write(server.programs(), "[[slot]]").unwrap();
        assert_eq!(Programs::read(&server), Programs::default());
    }
}
