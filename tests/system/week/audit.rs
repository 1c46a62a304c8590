//! What must be true after every step, read from the disk by the test itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bulla_tests::Tree;
use serde_json::Value;

use super::Week;
use super::machine::{Machine, Site};
use super::project::Project;

/// A path and how it differs.
type Differences = BTreeSet<(String, String)>;

impl Week {
    /// Expects that nothing is lost and that everything is as it is said to be.
    #[track_caller]
    pub(crate) fn audit(&self, context: &str) {
        self.audit_disks(context);
        for machine in self.machines.values() {
            audit_status(machine, &self.projects, context);
        }
    }

    /// The same without asking the installer, for instance while a killed one has left something
    /// to do.
    #[track_caller]
    pub(crate) fn audit_disks(&self, context: &str) {
        for machine in self.machines.values() {
            let context = format!("{context}, seen on {}", machine.name);
            machine.assert_neighbours_untouched(&context);
            for hindrance in &machine.hindrances {
                hindrance.assert_undisturbed(&context);
            }
            for (project, site) in &machine.sites {
                let context = format!("{context}: {project}");
                audit_written(machine, project, site, &context);
                if site.live.is_some() {
                    audit_live(machine, project, site, &context);
                }
            }
        }
    }

    /// Expects that a release is not kept without a reason.
    #[track_caller]
    pub(crate) fn audit_retention(&self, machine: &str, project: &str, context: &str) {
        let machine = &self.machines[machine];
        let kept: BTreeSet<String> = kept(machine, machine.site(project)).collect();
        let named: BTreeSet<String> = status(machine, project)["leftovers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|leftover| leftover["path"].as_str().unwrap().to_owned())
            .collect();
        for hash in machine.trees(project).difference(&kept) {
            let path = machine.tree(project, hash);
            assert!(
                named.contains(path.to_str().unwrap()),
                "{context}: `{}` is kept, and nobody says why: {named:?}",
                path.display()
            );
        }
    }

    /// Expects that the history tells what was done.
    #[track_caller]
    pub(crate) fn audit_histories(&self, context: &str) {
        for machine in self.machines.values() {
            for (project, site) in &machine.sites {
                let history = machine.server.run(&["history", project, "--json"]).done();
                let told: Vec<String> = (history.json().as_array().unwrap().iter())
                    .map(|activation| activation["hash"].as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(told, site.activations, "{context}: {project}\n{history}");
            }
        }
    }

    /// Hashes everything that is live.
    #[track_caller]
    pub(crate) fn audit_by_hash(&self, context: &str) {
        for machine in self.machines.values() {
            for (project, site) in &machine.sites {
                let run = machine.server.run(&["verify", project, "--json"]);
                let expected = differences_of(machine, &self.projects[project], site);
                let told = differences(&run.json()["differences"]);
                assert_eq!(told, expected, "{context}: {project}\n{run}");
                let status = i32::from(!expected.is_empty());
                assert_eq!(run.status, Some(status), "{context}: {project}\n{run}");
            }
        }
    }
}

/// What people wrote is on the disk, what they put into `persist/` at its place.
fn audit_written(machine: &Machine, project: &str, site: &Site, context: &str) {
    let folder = machine.server.project(project);
    for (path, content) in &site.persist {
        let found = fs::read(folder.join("persist").join(path));
        assert_eq!(
            found.ok().as_ref(),
            Some(content),
            "{context}: persist/{path}"
        );
    }
    let wanted: BTreeSet<usize> = (site.written.iter())
        .map(|written| written.content.len())
        .collect();
    let found = contents_of(&folder, &wanted);
    for written in &site.written {
        assert!(
            found.contains_key(&written.content),
            "{context}: lost {:?}, written into {:?}",
            String::from_utf8_lossy(&written.content),
            written.place
        );
        if let Some((hash, path)) = &written.place {
            let place = machine.tree(project, hash).join(path);
            // A tree that retention gave up was set aside as a whole.
            if machine.tree(project, hash).exists() {
                assert_eq!(
                    fs::read(&place).ok().as_ref(),
                    Some(&written.content),
                    "{context}: {}",
                    place.display()
                );
            }
        }
    }
}

/// Returns the contents, and where each lies, of all files of one of these sizes.
pub(crate) fn contents_of(folder: &Path, sizes: &BTreeSet<usize>) -> BTreeMap<Vec<u8>, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let length = entry.metadata().unwrap().len();
                if sizes.contains(&usize::try_from(length).unwrap()) {
                    found.insert(fs::read(entry.path()).unwrap(), entry.path());
                }
            }
        }
    }
    found
}

/// The link leads to one whole release, with what people changed in it.
fn audit_live(machine: &Machine, project: &str, site: &Site, context: &str) {
    assert_eq!(machine.server.live(project), site.live, "{context}");
    let (mut found, mut expected) = (machine.server.live_tree(project), site.tree.clone());
    for point in machine.covered(project) {
        (found, expected) = (found.without(&point), expected.without(&point));
    }
    let differences = found.differences(&expected);
    assert!(differences.is_empty(), "{context}: {differences:?}");
    let trees = machine.trees(project);
    for hash in kept(machine, site) {
        assert!(trees.contains(&hash), "{context}: {hash} is gone");
    }
}

/// The releases that a server has promised to keep.
fn kept(machine: &Machine, site: &Site) -> impl Iterator<Item = String> {
    let keep = machine.keep - usize::from(site.is_unfinished);
    let latest = site.latest_first().into_iter().take(keep);
    latest.map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn audit_status(machine: &Machine, projects: &BTreeMap<&'static str, Project>, context: &str) {
    let run = machine.server.run(&["status", "--json"]).done();
    let told = run.json();
    let told: BTreeMap<&str, &Value> = (told.as_array().unwrap().iter())
        .map(|status| (status["project"].as_str().unwrap(), status))
        .collect();
    let installed = machine.sites.iter();
    for (project, site) in installed.filter(|(_, site)| site.live.is_some()) {
        let context = format!("{context}, told on {}: {project}\n{run}", machine.name);
        let status = told[project];
        assert_eq!(status["live"].as_str(), site.live.as_deref(), "{context}");
        let standing = match machine.heads.get(project) {
            head if head == site.live.as_ref() => "up-to-date",
            // The head could not be taken; why is told with it.
            _ if status["attempt"].is_object() => "failed",
            _ if site.is_held => "held",
            _ => "behind",
        };
        assert_eq!(status["standing"], standing, "{context}");
        let expected = differences_of(machine, &projects[project], site);
        assert_eq!(differences(&status["differences"]), expected, "{context}");
        assert_eq!(status["problem"], Value::Null, "{context}");
    }
}

pub(crate) fn status(machine: &Machine, project: &str) -> Value {
    let run = machine.server.run(&["status", project, "--json"]).done();
    run.json()[0].clone()
}

fn differences(told: &Value) -> Differences {
    let told = told.as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told.map(|difference| (text(&difference["path"]), text(&difference["difference"])))
        .collect()
}

/// Returns what people changed in the live tree.
fn differences_of(machine: &Machine, project: &Project, site: &Site) -> Differences {
    let released: &Tree = &project.release(site.live.as_deref().unwrap()).tree;
    let covered = machine.covered(project.name);
    let changed = released.differences(&site.tree).into_iter();
    changed
        .filter(|path| !covered.iter().any(|point| path.starts_with(point)))
        .map(|path| {
            let kind = match (released.0.get(&path), site.tree.0.get(&path)) {
                (_, None) => "missing",
                (None, _) => "added",
                _ => "changed",
            };
            (path, kind.to_owned())
        })
        .collect()
}
