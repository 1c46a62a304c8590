//! 64 clients for five minutes, and a registry that is killed meanwhile. It says how much was done; that
//! nothing was lost and no byte was wrong, it asserts.

use std::time::{Duration, Instant};

use bulla_tests::World;
use bulla_tests::load::{Load, run};

use crate::report;

const LOAD: Load = Load {
    clients: 64,
    projects: 2,
    kills: 9,
    between: Duration::from_secs(30),
};

pub(crate) fn all() {
    let began = Instant::now();
    let (world, figures) = run(World::new(), &LOAD);
    let memory = world.registry.most_memory() / 1_000_000;
    report::fact(
        "load",
        &format!("{:.0} s, {figures:?}", began.elapsed().as_secs_f64()),
    );
    report::fact("memory of the registry", &format!("{memory} MB after that"));
}
