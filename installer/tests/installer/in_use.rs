//! Trees that retention gives up while something is mounted in them or a process uses them.

mod mounts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_bundle::MemoryTree;
use bulla_schemas::Digest;

use crate::obstacles::{Mount, Process};
use crate::world::{World, keeping, small_tree};

/// One at a time: a namespace that is made while another test mounts something keeps a copy of that
/// mount.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is in a file that no installer may touch.
const KEPT: &str = "of a customer";

/// A release with a directory to mount something on.
fn tree(version: &str) -> MemoryTree {
    small_tree(version)
        .file("uploads/index.html", "nothing here\n")
        .unwrap()
        .file("config.php", "<?php\n")
        .unwrap()
        .executable("bin/cat", fs::read("/bin/cat").unwrap())
        .unwrap()
}

/// Installs a first release, and then so many that retention gives it up.
struct Server {
    world: World,
    first: Digest,
}

impl Server {
    fn new() -> Self {
        let mut world = World::new();
        let first = world.release(&tree("first\n"));
        world.install().unwrap();
        Self { world, first }
    }

    fn tree(&self) -> PathBuf {
        self.world.tree(&self.first)
    }

    /// Makes a file outside the server's directories, with its parents.
    fn outside(&self, path: &str) -> PathBuf {
        let path = self.world.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, KEPT).unwrap();
        path
    }

    /// Installs one more, and returns what was said.
    fn install(&mut self, version: &str) -> String {
        let request = keeping(2);
        let hash = self.world.release(&tree(version));
        let (installed, notes) = self.world.install_with(&request);
        installed.unwrap();
        assert_eq!(self.world.live(), Some(hash));
        self.world.assert_intact();
        notes
    }

    /// Installs until retention gives up the first release, which must stay as a whole and be
    /// spoken of; returns what was said.
    fn outlive(&mut self) -> String {
        self.install("2\n");
        let said = self.install("3\n");
        let again = self.install("4\n");
        for notes in [&said, &again] {
            assert!(notes.contains(self.tree().to_str().unwrap()), "{notes}");
            assert_eq!(notes.matches(&self.first.hex()).count(), 2, "{notes}");
        }
        let listed = &self.world.status(None)[0].leftovers;
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(listed[0].path, self.tree());
        assert!(self.tree().join("bin/app").exists());
        assert!(self.tree().join("version.txt").exists());
        said
    }

    /// Nothing uses the first release any more.
    fn assert_removed_by_the_next_install(&mut self) {
        let notes = self.install("5\n");
        assert!(!self.tree().exists(), "{notes}");
        assert!(!self.world.site().join(".staging").exists());
        let status = self.world.status(None);
        assert_eq!(status[0].leftovers, []);
        let releases = fs::read_dir(self.world.site().join("releases")).unwrap();
        let trees = releases.filter(|entry| entry.as_ref().unwrap().path().is_dir());
        assert_eq!(trees.count(), 2);
    }
}

fn assert_kept(path: &Path) {
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        KEPT,
        "{}",
        path.display()
    );
}

#[test]
fn a_release_that_a_container_runs_under_another_path_stays() {
    let _alone = alone();
    let mut server = Server::new();
    let app = server.world.folder.path().join("app");
    fs::create_dir(&app).unwrap();
    let script = "mount --bind \"$1\" \"$2\" && cd \"$2\"";
    let Some(container) = Process::container(script, [&server.tree(), &app]) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains(app.to_str().unwrap()), "{said}");
    drop(container);
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_release_that_a_process_works_in_stays() {
    let mut server = Server::new();
    let worker = Process::script("cd \"$1/share\"", &server.tree());
    let said = server.outlive();
    let name = format!("process {} (sh)", worker.0.id());
    assert!(said.contains(&name), "{said}");
    assert!(said.contains("/share`"), "{said}");
    drop(worker);
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_process_that_goes_on_with_the_release_that_was_left_is_named_at_the_switch() {
    // R7: processes and caches keep the old path.
    let mut server = Server::new();
    let worker = Process::script("cd \"$1/share\"", &server.tree());
    let named = format!("process {} (sh) uses `", worker.0.id());
    let said = server.install("2\n");
    assert!(said.contains(&named), "{said}");
    assert!(said.contains("of the release that was left"), "{said}");
    let second = server.world.live().unwrap().to_string();
    // It is at home again.
    let (rolled_back, said) = server.world.rollback_with_notes(None);
    rolled_back.unwrap();
    assert!(!said.contains(&named), "{said}");
    drop(worker);
    let worker = Process::script("cd \"$1/share\"", &server.tree());
    let named = format!("process {} (sh) uses `", worker.0.id());
    let (_, said) = server.world.rollback_with_notes(Some(&second));
    assert!(said.contains(&named), "{said}");
}

#[test]
fn a_release_whose_program_runs_stays() {
    let mut server = Server::new();
    let mut child = Command::new(server.tree().join("bin/cat"))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map(Process)
        .unwrap();
    let said = server.outlive();
    let name = format!("process {} (cat)", child.0.id());
    assert!(said.contains(&name), "{said}");
    assert!(said.contains("bin/cat"), "{said}");
    // It ends by itself: nothing has disturbed it.
    drop(child.0.stdin.take());
    assert!(child.0.wait().unwrap().success());
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_release_of_which_a_process_has_a_file_open_stays() {
    let mut server = Server::new();
    let script = "exec 3<\"$1/version.txt\"";
    let reader = Process::script(script, &server.tree());
    let other = Process::script(script, &server.tree());
    let said = server.outlive();
    assert!(said.contains("version.txt"), "{said}");
    assert!(said.contains("1 other process"), "{said}");
    drop((reader, other));
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_release_of_which_a_process_has_mapped_a_file_stays() {
    let mut server = Server::new();
    let script = "import mmap, sys
with open(sys.argv[1] + '/version.txt', 'rb') as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print('ready', flush=True)
sys.stdin.read()";
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skip: nothing is mapped, because there is no python3");
        return;
    }
    let reader = Process::start(
        Command::new("python3")
            .args(["-c", script])
            .arg(server.tree()),
    );
    let said = server.outlive();
    assert!(said.contains("version.txt"), "{said}");
    drop(reader);
    server.assert_removed_by_the_next_install();
}

/// A process one of whose threads uses a release: what it does first, and whether it goes on alone.
fn thread(begin: &str, end: &str, tree: &Path) -> Option<Process> {
    let script = format!(
        "import ctypes, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
tree = sys.argv[1]
def work():
    {begin}
    print('ready', flush=True)
    os.read(0, 1)
    os._exit(0)
threading.Thread(target=work).start()
{end}
threading.Event().wait()"
    );
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skip: no thread is started, because there is no python3");
        return None;
    }
    let mut command = Command::new("python3");
    Some(Process::start(command.args(["-c", &script]).arg(tree)))
}

#[test]
fn a_release_that_only_one_thread_uses_stays() {
    let _alone = alone();
    let begins = [
        (
            "assert libc.unshare(0x200) == 0; os.chdir(tree + '/share')",
            "",
        ),
        (
            "assert libc.unshare(0x400) == 0; file = os.open(tree + '/version.txt', os.O_RDONLY)",
            "",
        ),
        // The first thread ends, and not the process.
        ("os.chdir(tree + '/share')", "libc.syscall(60, 0)"),
    ];
    for (begin, end) in begins {
        if cfg!(not(target_arch = "x86_64")) && !end.is_empty() {
            eprintln!("skip: no first thread ends, because the number of that call is not known");
            continue;
        }
        let mut server = Server::new();
        let Some(process) = thread(begin, end, &server.tree()) else {
            return;
        };
        let said = server.outlive();
        let name = format!("process {}", process.0.id());
        assert!(said.contains(&name), "{begin}: {said}");
        drop(process);
        server.assert_removed_by_the_next_install();
    }
}

#[test]
fn a_mount_that_only_one_thread_sees_keeps_the_release() {
    let _alone = alone();
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: no thread has its own mounts, because this is not root");
        return;
    }
    let mut server = Server::new();
    let begin = "assert libc.unshare(0x20200) == 0
    assert libc.mount(b'none', b'/', None, 0x44000, None) == 0
    assert libc.mount(b'tmpfs', (tree + '/cache').encode(), b'tmpfs', 0, None) == 0
    open(tree + '/cache/kept', 'w').close()";
    let Some(process) = thread(begin, "", &server.tree()) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains("in the mount namespace of process"), "{said}");
    drop(process);
    server.assert_removed_by_the_next_install();
}

#[test]
fn what_a_person_keeps_under_the_name_of_the_staging_directory_stays() {
    let mut server = Server::new();
    let staging = server.world.site().join(".staging");
    let file = server.world.site().join(".staging-2");
    fs::create_dir_all(staging.join("notes")).unwrap();
    fs::write(staging.join("notes/precious"), KEPT).unwrap();
    fs::write(&file, KEPT).unwrap();
    for version in ["2\n", "3\n", "4\n"] {
        let said = server.install(version);
        assert!(said.contains("was not made by the installer"), "{said}");
    }
    let kept = fs::read(staging.join("notes/precious")).unwrap();
    assert_eq!(kept, KEPT.as_bytes());
    assert_eq!(fs::read(&file).unwrap(), KEPT.as_bytes());
    assert!(!server.tree().exists());
    assert!(!server.world.site().join(".staging-3").exists());
}

#[test]
fn a_tree_that_is_set_aside_and_in_use_is_not_removed() {
    let _alone = alone();
    let server = Server::new();
    fs::write(server.tree().join("edited"), "edited").unwrap();
    // Written again, because it was changed.
    server.world.install().unwrap();
    let list = || bulla_installer::set_aside(&server.world.server(), None).unwrap();
    let path = list()[0].path.clone();
    let remove = || {
        let name = list()[0].name.clone();
        server
            .world
            .run(&["set-aside", "remove", "acme/billing", &name])
    };
    let worker = Process::script("cd \"$1/share\"", &path);
    let run = remove();
    assert_eq!(run.status, Some(1), "{run:?}");
    let name = format!("process {} (sh)", worker.0.id());
    assert!(run.stderr.contains(&name), "{run:?}");
    drop(worker);

    let kept = server.outside("data/kept");
    let data = kept.parent().unwrap();
    let Some(mount) = Mount::bind(data, &path.join("cache")) else {
        return;
    };
    let run = remove();
    assert_eq!(run.status, Some(1), "{run:?}");
    assert_eq!(fs::read(path.join("edited")).unwrap(), b"edited");
    assert_kept(&kept);
    drop(mount);
    let run = remove();
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(!path.exists());
}
