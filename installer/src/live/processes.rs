//! Who uses the trees of a project: what is mounted in them, and which processes work in them, run
//! from them or have their files open. Read from `/proc`, once per command and only when there is
//! something to recycle or to remove.
//!
//! A container, a chroot or a service with its own mount namespace sees a tree under another path.
//! So paths are turned into locations by the table of mounts of the namespace that they are from.
//! No file of another process is opened or looked at: on a file system whose server is away that
//! would wait and not end.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use bulla_schemas::units::count;

use crate::platform::mounts::{Location, Mount, Mounts, View};
use crate::site::Site;
use crate::tree::obstacle::{Obstacle, Process};
use crate::tree::survey::survey;

const PROC: &str = "/proc";
/// How many processes a thread looks at before it takes more.
const PROCESSES: usize = 8;

/// The uses of a project's trees.
#[derive(Debug)]
pub(crate) struct Uses {
    /// Of this process.
    mounts: Mounts,
    found: Vec<Use>,
    hidden: Hidden,
}

/// Processes that could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// So many.
    Some(usize),
    /// It cannot even be told how many.
    All,
}

#[derive(Debug)]
struct Use {
    location: Location,
    by: User,
}

#[derive(Debug)]
enum User {
    /// Something is mounted there.
    Mount {
        name: String,
        process: Option<Process>,
    },
    /// It is mounted elsewhere.
    MountedElsewhere {
        point: PathBuf,
        process: Option<Process>,
    },
    /// What a file system shows is made of it.
    Layer {
        point: PathBuf,
        process: Option<Process>,
    },
    /// A process works there or has it open.
    Process(Process),
}

impl Uses {
    /// Looks at all mounts and processes that this process may look at.
    pub(crate) fn of_project(site: &Site) -> Self {
        Self::look(site, Depth::Threads)
    }

    /// Looks at no more of each process than tells most users from others: a server with a thousand
    /// threads is looked at as fast as one with one. Nothing may be removed on the strength of it.
    pub(crate) fn at_a_glance(site: &Site) -> Self {
        Self::look(site, Depth::Glance)
    }

    fn look(site: &Site, depth: Depth) -> Self {
        let own = Path::new(PROC).join("self");
        let mounts = Mounts::read(&own, Path::new("/")).unwrap_or_default();
        let project = locations(site, &mounts);
        let ground = Ground {
            own_namespace: fs::read_link(own.join("ns/mnt")).ok(),
            own_table: fs::read(own.join("mountinfo")).unwrap_or_default(),
            own_mounts: &mounts,
            own_views: views(&mounts, &project),
            project: &project,
            depth,
            namespaces: Mutex::default(),
        };
        let mut search = Search::on(&ground);
        search.look_at_mounts(&mounts, None);
        let listed = search.look_at_processes(&own);
        let Search { found, hidden, .. } = search;
        Self {
            mounts,
            found,
            hidden: match listed {
                Ok(()) if Path::new(PROC).join("1").exists() => Hidden::Some(hidden),
                _ => Hidden::All,
            },
        }
    }

    /// Looks whether a tree of the project can be recycled or removed as a whole.
    pub(crate) fn check(&self, tree: &Path) -> Result<(), Obstacle> {
        match self.of_tree(tree) {
            Some(obstacle) => Err(obstacle),
            None => survey(tree),
        }
    }

    /// Returns what uses a tree, mounts first.
    pub(crate) fn of_tree(&self, tree: &Path) -> Option<Obstacle> {
        self.of_moved(tree, tree)
    }

    /// Returns what uses a tree that lies at `path` for now, named by where people know it.
    pub(crate) fn of_moved(&self, path: &Path, tree: &Path) -> Option<Obstacle> {
        let at = locate(&self.mounts, path)?;
        let inside = |found: &Use| {
            let rest = match (found.location.below(&at), &found.by) {
                (Some(rest), _) => rest,
                // A layer that the whole tree lies in.
                (None, User::Layer { .. }) => at.below(&found.location).map(|_| Path::new(""))?,
                (None, _) => return None,
            };
            Some(tree.join(rest).components().collect::<PathBuf>())
        };
        let mut processes: Vec<(&Process, PathBuf)> = Vec::new();
        for (found, path) in self
            .found
            .iter()
            .filter_map(|found| Some((found, inside(found)?)))
        {
            match &found.by {
                User::Mount { name, process } => {
                    return Some(Obstacle::Mounted {
                        name: name.clone(),
                        path,
                        process: process.clone(),
                    });
                }
                User::MountedElsewhere { point, process } | User::Layer { point, process } => {
                    return Some(Obstacle::MountedElsewhere {
                        path,
                        point: point.clone(),
                        process: process.clone(),
                    });
                }
                User::Process(process) => {
                    if processes.iter().all(|(known, _)| *known != process) {
                        processes.push((process, path));
                    }
                }
            }
        }
        let others = processes.len().saturating_sub(1);
        let (process, path) = processes.into_iter().next()?;
        Some(Obstacle::InUse {
            process: process.clone(),
            path,
            others,
        })
    }

    /// Says which processes could not be looked at, when there are some.
    pub(crate) fn hidden(&self) -> Option<String> {
        Some(match self.hidden {
            Hidden::Some(0) => return None,
            Hidden::Some(hidden) => format!(
                "whether {} a release that was given up is not known, because this user may not \
                 look at {}",
                count(hidden as u64, "process uses", "processes use"),
                if hidden == 1 { "it" } else { "them" }
            ),
            Hidden::All => "whether a process uses a release that was given up is not known, \
                            because `/proc` does not show the processes of this server"
                .to_owned(),
        })
    }
}

/// How closely a process is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Its program, its directories and its open files.
    Glance,
    /// These of each of its threads, and what it has mapped.
    Threads,
}

/// What every process is looked at from.
struct Ground<'a> {
    own_namespace: Option<PathBuf>,
    own_table: Vec<u8>,
    own_mounts: &'a Mounts,
    own_views: Vec<View>,
    project: &'a [Location],
    depth: Depth,
    /// By the name of the namespace and the root of the process.
    namespaces: Mutex<HashMap<(PathBuf, PathBuf), Vec<View>>>,
}

/// What is collected on the way through `/proc`.
struct Search<'a> {
    ground: &'a Ground<'a>,
    found: Vec<Use>,
    hidden: usize,
}

impl<'a> Search<'a> {
    fn on(ground: &'a Ground<'a>) -> Self {
        Self {
            ground,
            found: Vec::new(),
            hidden: 0,
        }
    }

    fn look_at_mounts(&mut self, mounts: &Mounts, process: Option<&Process>) {
        let is_inside = |location: &Location| {
            let mut project = self.ground.project.iter();
            project.any(|project| location.below(project).is_some())
        };
        for mount in mounts.iter() {
            if let Some(location) = mounts.covered_by(mount).filter(is_inside) {
                self.found.push(Use {
                    location,
                    by: User::Mount {
                        name: mount.name(),
                        process: process.cloned(),
                    },
                });
            }
            if is_inside(&mount.root) {
                self.found.push(Use {
                    location: mount.root.clone(),
                    by: User::MountedElsewhere {
                        point: mount.point.clone(),
                        process: process.cloned(),
                    },
                });
            }
            for location in self.layers(mount, mounts) {
                self.found.push(Use {
                    location,
                    by: User::Layer {
                        point: mount.point.clone(),
                        process: process.cloned(),
                    },
                });
            }
        }
    }

    /// Returns the layers of an overlay that lie in the project. Their paths are those of the mount
    /// namespace that it was mounted in: the one that shows it, or this one.
    fn layers(&self, mount: &Mount, mounts: &Mounts) -> Vec<Location> {
        let places = mount.layers.iter().flat_map(|path| {
            let tables = [mounts, self.ground.own_mounts];
            tables
                .map(|mounts| mounts.locate(path))
                .into_iter()
                .flatten()
        });
        // What lies on the overlay itself is not below it.
        let places = places.filter(|place| !place.is_beside(&mount.root));
        let inside = places.filter_map(|place| {
            let mut project = self.ground.project.iter();
            project.find_map(|project| {
                let rest = place.below(project)?;
                // Where `current` led when it was mounted is not known: to any release.
                let any = rest.starts_with("current");
                Some(if any { project.clone() } else { place.clone() })
            })
        });
        inside.collect()
    }

    fn look_at_processes(&mut self, own: &Path) -> io::Result<()> {
        let own = fs::read_link(own)?;
        let mut processes: Vec<u32> = Vec::new();
        for entry in fs::read_dir(PROC)? {
            let name = entry?.file_name();
            let id: Option<u32> = name.to_str().and_then(|name| name.parse().ok());
            processes.extend(id.filter(|_| name != own));
        }
        let looked: Vec<Self> = processes
            .par_chunks(PROCESSES)
            .map(|processes| {
                let mut search = Search::on(self.ground);
                for id in processes {
                    search.look_at(*id);
                }
                search
            })
            .collect();
        for Search { found, hidden, .. } in looked {
            self.found.extend(found);
            self.hidden += hidden;
        }
        Ok(())
    }

    fn look_at(&mut self, id: u32) {
        let directory = Path::new(PROC).join(id.to_string());
        match self.look_at_process(id, &directory) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.look_at_hidden(id, &directory);
            }
            // It ended meanwhile.
            Err(_) | Ok(()) => {}
        }
    }

    /// Looks at each thread: one can have its own directory, open files and mount namespace, and
    /// goes on when the first one has ended.
    fn look_at_process(&mut self, id: u32, directory: &Path) -> io::Result<()> {
        /// The links that the directory of a single thread has.
        const ALONE: u64 = 3;
        if self.ground.depth == Depth::Glance {
            return self.look_at_thread(id, directory, false).map(drop);
        }
        let first = self.look_at_thread(id, directory, true);
        let threads = directory.join("task");
        let is_denied = |error: &io::Error| error.kind() == ErrorKind::PermissionDenied;
        if first.as_ref().is_err_and(is_denied) || fs::metadata(&threads)?.nlink() == ALONE {
            return first.map(drop);
        }
        let mut is_seen = first.unwrap_or(false);
        for entry in fs::read_dir(threads)? {
            let entry = entry?;
            if entry.file_name().as_bytes() != id.to_string().as_bytes() {
                let looked = self.look_at_thread(id, &entry.path(), !is_seen);
                // One that ended meanwhile uses nothing.
                is_seen |= looked.unwrap_or(false);
            }
        }
        Ok(())
    }

    /// Looks at what a thread uses, and with `memory` at what all threads of its process have
    /// mapped. Tells whether that was there: it is not in a thread that has ended.
    fn look_at_thread(&mut self, id: u32, directory: &Path, memory: bool) -> io::Result<bool> {
        let program = match fs::read_link(directory.join("exe")) {
            // A kernel thread runs no file and uses none, and one that has ended does not any more.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            program => program?,
        };
        let namespace = fs::read_link(directory.join("ns/mnt"))?;
        let views = if self.ground.own_namespace.as_ref() == Some(&namespace) {
            self.ground.own_views.clone()
        } else {
            self.namespace(namespace, id, directory)?
        };
        if views.is_empty() {
            return Ok(false);
        }
        let mut process = None;
        let mut test = |path: &Path| {
            if let Some(location) = views.iter().find_map(|view| view.locate(path)) {
                let process = process.get_or_insert_with(|| named(id, directory));
                self.found.push(Use {
                    location,
                    by: User::Process(process.clone()),
                });
            }
        };
        test(&program);
        for link in ["cwd", "root"] {
            test(&fs::read_link(directory.join(link))?);
        }
        for entry in fs::read_dir(directory.join("fd"))? {
            // A file that was closed meanwhile has no link any more.
            if let Ok(path) = fs::read_link(entry?.path()) {
                test(&path);
            }
        }
        if !memory {
            return Ok(false);
        }
        let maps = fs::read(directory.join("maps"))?;
        let mut last: &[u8] = &[];
        for line in maps.split(|byte| *byte == b'\n') {
            if let Some(begin) = line.iter().position(|byte| *byte == b'/')
                && line[begin..] != *last
            {
                last = &line[begin..];
                test(Path::new(OsStr::from_bytes(last)));
            }
        }
        Ok(!maps.is_empty())
    }

    /// Returns the views of a mount namespace; its mounts are looked at once.
    fn namespace(
        &mut self,
        namespace: PathBuf,
        id: u32,
        directory: &Path,
    ) -> io::Result<Vec<View>> {
        let root = fs::read_link(directory.join("root"))?;
        let key = (namespace, root);
        // Held until it is looked at: the others wait instead of doing the same.
        let namespaces = &self.ground.namespaces;
        let mut namespaces = namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(views) = namespaces.get(&key) {
            return Ok(views.clone());
        }
        let mounts = Mounts::read(directory, &key.1)?;
        self.look_at_mounts(&mounts, Some(&named(id, directory)));
        let views = views(&mounts, self.ground.project);
        namespaces.insert(key, views.clone());
        Ok(views)
    }

    /// Of a process of another user only the mounts can be seen.
    fn look_at_hidden(&mut self, id: u32, directory: &Path) {
        // Kernel threads have no command line, and use no file.
        if fs::read(directory.join("cmdline")).is_ok_and(|text| text.is_empty()) {
            return;
        }
        // What even root may not look at is hidden by the sandbox that this runs in: a fact that is
        // the same at each install.
        if !rustix::process::geteuid().is_root() {
            self.hidden += 1;
        }
        let table = fs::read(directory.join("mountinfo")).unwrap_or_default();
        if table != self.ground.own_table {
            let mounts = Mounts::parse(&table, Path::new("/"));
            self.look_at_mounts(&mounts, Some(&named(id, directory)));
        }
    }
}

fn named(id: u32, directory: &Path) -> Process {
    let name = fs::read(directory.join("comm")).unwrap_or_default();
    Process {
        id,
        name: String::from_utf8_lossy(&name).trim_end().to_owned(),
    }
}

/// Returns where the project lies; its folder and `releases/` can be file systems of their own.
fn locations(site: &Site, mounts: &Mounts) -> Vec<Location> {
    let mut locations: Vec<Location> = Vec::new();
    for directory in [site.folder(), &site.releases()] {
        if let Some(location) = fs::canonicalize(directory)
            .ok()
            .and_then(|path| mounts.locate(&path))
            && locations
                .iter()
                .all(|known| location.below(known).is_none())
        {
            locations.push(location);
        }
    }
    locations
}

/// Returns where the name of a tree lies, and not what is mounted on it.
fn locate(mounts: &Mounts, path: &Path) -> Option<Location> {
    let above = fs::canonicalize(path.parent()?).ok()?;
    Some(mounts.locate(&above)?.join(Path::new(path.file_name()?)))
}

fn views(mounts: &Mounts, project: &[Location]) -> Vec<View> {
    project
        .iter()
        .flat_map(|location| mounts.views(location))
        .collect()
}
