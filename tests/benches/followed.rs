//! A server that follows a channel: how soon a promotion is live there, and what the agent that
//! brings it holds in memory.

use std::time::{Duration, Instant};

use bulla_tests::programs::Program;
use bulla_tests::{Agent, GitCheckout, World};

use crate::measure::{self, Cost};
use crate::{PROJECT, report};

const UNIT: &str = include_str!("../../installer/units/bulla-agent.service");

/// Times promotions of one-line changes, from the end of `bulla promote` on, once the agent
/// recycles trees.
pub(crate) fn all(world: &World, checkout: &mut GitCheckout, kept: usize, runs: usize) {
    let (server, host_file) = world.follower("followed", PROJECT);
    let environment: Vec<_> = environment().collect();
    let mut agent = Agent::start_with(&server, Program::Installer, &host_file, &environment);
    let mut times = Vec::new();
    for run in 0..=kept + runs {
        checkout.commit_change(&format!("Followed {run}"));
        let hash = world.publish(&checkout.path);
        world.promote(PROJECT, &hash, "prod");
        let promoted = Instant::now();
        agent.wait_until_live(&server, PROJECT, &hash);
        times.push(Cost {
            time: promoted.elapsed(),
            cpu: Duration::ZERO,
            memory: 0,
        });
    }
    let recycled = times.split_off(kept + 1);
    let memory = agent.memory();
    report::alone(
        "promotion to live, followed",
        Cost {
            memory,
            ..measure::median(recycled)
        },
    );
}

/// Returns what the agent's unit sets, on which its memory depends.
fn environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = UNIT
        .lines()
        .filter_map(|line| line.strip_prefix("Environment="));
    lines.flat_map(|line| {
        line.split(' ')
            .filter_map(|setting| setting.split_once('='))
    })
}
