//! The short form of the load that `tests/benches` puts a registry under.

use std::time::Duration;

use bulla_tests::World;
use bulla_tests::load::{Load, run};

#[test]
fn nothing_that_was_acknowledged_is_lost_under_load_and_kills() {
    let load = Load {
        clients: 16,
        projects: 1,
        kills: 3,
        between: Duration::from_secs(4),
    };
    let (_, figures) = run(World::new(), &load);
    assert_eq!(figures.killed, 3);
}
