//! Runs programs and says how long they took and how much memory they needed at most.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// What a run cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cost {
    /// From start to end.
    pub(crate) time: Duration,
    /// In all processes that were waited for.
    pub(crate) cpu: Duration,
    /// The most that one process held in memory, in bytes; at least what this one does, because a
    /// process counts from before it becomes the program.
    pub(crate) memory: u64,
}

impl Cost {
    /// Adds what came after.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            cpu: self.cpu + other.cpu,
            memory: self.memory.max(other.memory),
        }
    }
}

/// Runs one program.
pub(crate) fn run(command: &mut Command) -> Cost {
    let start = Instant::now();
    let child = quiet(command).spawn().expect("the program starts");
    let (cpu, memory) = wait(command, child);
    Cost {
        time: start.elapsed(),
        cpu,
        memory,
    }
}

/// Runs `first | second`.
pub(crate) fn pipe(first: &mut Command, second: &mut Command) -> Cost {
    let start = Instant::now();
    let mut from = quiet(first)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the first program starts");
    let output = from.stdout.take().expect("stdout is a pipe");
    let to = quiet(second)
        .stdin(output)
        .spawn()
        .expect("the second program starts");
    let (first_cpu, first_memory) = wait(first, from);
    let (second_cpu, second_memory) = wait(second, to);
    Cost {
        time: start.elapsed(),
        cpu: first_cpu + second_cpu,
        memory: first_memory.max(second_memory),
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::null()).stderr(Stdio::null())
}

fn wait(command: &Command, child: Child) -> (Duration, u64) {
    let end = child.wait4().expect("the program's end");
    assert!(end.status.success(), "{command:?} failed: {}", end.status);
    (end.rusage.utime + end.rusage.stime, end.rusage.maxrss)
}

/// Runs two things in turns, so that whatever else the machine does meets both, and returns the
/// median of each.
pub(crate) fn beside(
    runs: usize,
    mut ours: impl FnMut() -> Cost,
    mut theirs: impl FnMut() -> Cost,
) -> (Cost, Cost) {
    let costs = turns(runs, &mut [&mut ours, &mut theirs]);
    (costs[0], costs[1])
}

/// Runs several things in turns and returns the median of each.
pub(crate) fn turns(runs: usize, things: &mut [&mut dyn FnMut() -> Cost]) -> Vec<Cost> {
    let mut costs = vec![Vec::new(); things.len()];
    for _ in 0..runs {
        for (thing, costs) in things.iter_mut().zip(&mut costs) {
            costs.push(thing());
        }
    }
    costs.into_iter().map(median).collect()
}

/// Returns the median by time.
pub(crate) fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_unstable();
    costs[costs.len() / 2]
}
