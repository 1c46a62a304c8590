//! A realistic week: four projects, two servers, thirty releases, and everything that people,
//! processes, disks and networks do meanwhile. After every step nothing of a person's is lost, what
//! is live is one whole release, and the installer says what is so.
//!
//! The test keeps its own books ([`machine::Machine`]) and reads disks itself ([`audit`]); the
//! installer's word is only compared with that. The same seed gives the same week.

mod audit;
mod dice;
mod hindrance;
mod machine;
mod operate;
mod person;
mod project;

use std::collections::BTreeMap;

use bulla_tests::World;

use dice::Dice;
use machine::Machine;
use person::{Care, Edit};
use project::Project;

const BILLING: &str = "acme/billing";
const HANDBOOK: &str = "acme/handbook";
const SHOP: &str = "shop";
const REPORT: &str = "tools/report";
const PROJECTS: [&str; 4] = [BILLING, HANDBOOK, SHOP, REPORT];

/// Keeps five releases of each project.
const WEB1: &str = "web1";
/// Keeps three, on a small disk of its own.
const WEB2: &str = "web2";
const MACHINES: [&str; 2] = [WEB1, WEB2];

/// Everything of the week. What is in the way of others is dropped before the world it is in.
struct Week {
    machines: BTreeMap<&'static str, Machine>,
    projects: BTreeMap<&'static str, Project>,
    world: World,
    dice: Dice,
    /// How much people have written.
    edits: usize,
    day: &'static str,
}

impl Week {
    fn new(seed: u64) -> Self {
        let world = World::new();
        let projects = [
            Project::git(&world, BILLING, &["var/uploads/"]),
            Project::svn(&world, HANDBOOK, &[], 240),
            Project::git(&world, SHOP, &[]),
            Project::svn(&world, REPORT, &["config/report.ini"], 12),
        ];
        let machines = [
            Machine::new(&world, WEB1, 5, None),
            Machine::new(&world, WEB2, 3, Some(48)),
        ];
        Self {
            machines: machines.map(|machine| (machine.name, machine)).into(),
            projects: projects.map(|project| (project.name, project)).into(),
            world,
            dice: Dice::new(seed),
            edits: 0,
            day: "before the week",
        }
    }
}

#[test]
fn a_week_on_two_servers_loses_nothing_that_a_person_wrote() {
    let mut week = Week::new(20_261_130);
    monday(&mut week);
    tuesday(&mut week);
    wednesday(&mut week);
    thursday(&mut week);
    friday(&mut week);
    let releases = week.projects.values().map(|project| project.releases.len());
    assert_eq!(releases.sum::<usize>(), 30);
}

/// Everything is new.
fn monday(week: &mut Week) {
    week.begin("Monday");
    week.put_into_persist(WEB1, REPORT, "config/report.ini");
    for project in PROJECTS {
        week.release(project);
        week.install_everywhere(project);
    }
    week.put_into_persist(WEB2, REPORT, "config/report.ini");
    week.put_into_persist(WEB1, BILLING, "var/uploads/scan-1.pdf");
    week.put_into_persist(WEB2, BILLING, "var/uploads/scan-1.pdf");
    for project in [BILLING, SHOP] {
        week.release(project);
        week.install_everywhere(project);
    }
    week.end();
}

/// People change what is live, and care for what they do not understand.
fn tuesday(week: &mut Week) {
    week.begin("Tuesday");
    for edit in [Edit::Changed, Edit::Added, Edit::Missing, Edit::Disguised] {
        week.edit(WEB1, BILLING, edit);
    }
    week.edit(WEB1, HANDBOOK, Edit::Disguised);
    week.edit(WEB2, SHOP, Edit::Added);
    for project in [BILLING, HANDBOOK] {
        week.release(project);
        week.install_everywhere(project);
    }
    // To the tree that was edited in the morning, and forward again.
    week.roll_back(WEB1, BILLING);
    week.put_into_persist(WEB1, BILLING, "var/uploads/scan-2.pdf");
    week.edit(WEB1, BILLING, Edit::Changed);
    week.install(WEB1, BILLING);

    week.care_for(WEB1, HANDBOOK, Care::Touch);
    week.care_for(WEB1, SHOP, Care::Chown);
    week.care_for(WEB2, BILLING, Care::Chmod);
    week.care_for(WEB2, HANDBOOK, Care::Copy);
    week.care_for(WEB2, REPORT, Care::Restore);
    let earlier = week.earlier(WEB1, HANDBOOK);
    week.care_for_release(WEB1, HANDBOOK, &earlier, Care::Restore);
    week.roll_back_to(WEB1, HANDBOOK, &earlier);
    week.install(WEB1, HANDBOOK);

    for project in [SHOP, REPORT, BILLING, HANDBOOK] {
        week.release(project);
        week.install_everywhere(project);
    }
    // What is live already is made whole.
    week.edit(WEB2, SHOP, Edit::Missing);
    week.edit(WEB2, SHOP, Edit::Changed);
    week.install(WEB2, SHOP);
    week.edit(WEB1, REPORT, Edit::Changed);
    week.roll_back(WEB1, REPORT);
    week.end();
}

/// Trees are in use, and the registry is away for a while.
fn wednesday(week: &mut Week) {
    week.begin("Wednesday");
    week.mount_folder(WEB2, SHOP, "archive");
    week.mount_disk(WEB2, BILLING, "sessions");
    week.work_in(WEB2, HANDBOOK, "pages");
    week.run_program(WEB2, REPORT, "bin/worker");
    week.open_file(WEB2, BILLING, "public/picture.bin");
    week.work_in(WEB1, SHOP, "public");
    for project in PROJECTS {
        week.release(project);
        week.install_everywhere(project);
    }
    week.edit(WEB1, BILLING, Edit::Added);
    week.registry_goes_away();
    for machine in MACHINES {
        for project in PROJECTS {
            week.roll_back_somewhere(machine, project);
        }
    }
    week.cannot_install(WEB1, BILLING, 4, "cannot reach");
    week.registry_comes_back();
    for project in [SHOP, BILLING] {
        week.release(project);
    }
    for machine in MACHINES {
        for project in PROJECTS {
            week.install(machine, project);
        }
    }
    week.end();
}

/// Programs are killed and a disk is full.
fn thursday(week: &mut Week) {
    week.begin("Thursday");
    week.edit(WEB1, SHOP, Edit::Changed);
    week.release_killed(HANDBOOK);
    for failpoint in [
        "install::resolved",
        "install::index-stored",
        "extract::half-of-the-files",
        "write::tree-in-place",
    ] {
        week.install_killed(WEB1, HANDBOOK, failpoint);
    }
    week.install_everywhere(HANDBOOK);
    for (project, failpoint) in [
        (SHOP, "current::switched"),
        (BILLING, "recycle::moved"),
        (REPORT, "activation::journal-written"),
    ] {
        week.release(project);
        week.install_killed(WEB1, project, failpoint);
        week.install_everywhere(project);
    }
    week.edit(WEB1, BILLING, Edit::Disguised);
    let earlier = week.earlier(WEB1, BILLING);
    week.roll_back_killed(WEB1, BILLING, &earlier, "current::link-prepared");
    week.install(WEB1, BILLING);

    week.release(REPORT);
    if let Some(full) = week.fill_disk(WEB2) {
        week.cannot_install(WEB2, REPORT, 1, "are free");
        week.roll_back_somewhere(WEB2, REPORT);
        drop(full);
    }
    week.install_everywhere(REPORT);
    week.release(SHOP);
    week.install_everywhere(SHOP);
    week.end();
}

/// What could not be removed goes, and every server goes back through all that it keeps.
fn friday(week: &mut Week) {
    week.begin("Friday");
    week.lock_file(WEB1, BILLING, "bin/app");
    week.edit(WEB1, REPORT, Edit::Missing);
    for project in PROJECTS {
        week.release(project);
        week.install_everywhere(project);
    }
    week.roll_back_channel(SHOP);
    week.install_everywhere(SHOP);
    week.edit(WEB2, BILLING, Edit::Changed);
    week.nothing_is_in_the_way();
    for project in [BILLING, HANDBOOK] {
        week.release(project);
        week.install_everywhere(project);
    }
    week.registry_goes_away();
    for machine in MACHINES {
        for project in PROJECTS {
            week.roll_back_through_all(machine, project);
        }
    }
    week.registry_comes_back();
    for project in PROJECTS {
        week.install_everywhere(project);
    }
    week.clear_set_aside();
    week.end();
}
