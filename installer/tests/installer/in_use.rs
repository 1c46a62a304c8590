//! Trees that retention gives up while something is mounted in them or a process uses them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_bundle::MemoryTree;
use bulla_installer::status;
use bulla_schemas::Digest;

use crate::world::{World, request, small_tree};

/// One at a time: a namespace that is made while another test mounts something keeps a copy of that
/// mount.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that is mounted, until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(arguments: &[&str], what: &Path, point: &Path) -> Option<Self> {
        let is_mounted = rustix::process::geteuid().is_root()
            && Command::new("mount")
                .args(arguments)
                .args([what, point])
                .status()
                .is_ok_and(|status| status.success());
        if !is_mounted {
            eprintln!("skip: nothing is mounted, because this is not root or may not mount");
        }
        is_mounted.then(|| Self(point.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A process that runs until this is dropped.
struct Running(Child);

impl Running {
    /// Starts a script, and waits for its first line.
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn script(script: &str, tree: &Path) -> Self {
        Self::start(Command::new("sh").args(["-c", script, "sh"]).arg(tree))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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

    /// Installs one more, and returns what was said.
    fn install(&mut self, version: &str) -> String {
        let mut request = request();
        request.keep = 2;
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
        let listed = &status(&self.world.server(), None).unwrap()[0].leftovers;
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
        let status = status(&self.world.server(), None).unwrap();
        assert_eq!(status[0].leftovers, []);
        let releases = fs::read_dir(self.world.site().join("releases")).unwrap();
        let trees = releases.filter(|entry| entry.as_ref().unwrap().path().is_dir());
        assert_eq!(trees.count(), 2);
    }
}

#[test]
fn a_directory_that_is_mounted_in_an_old_release_keeps_its_files() {
    let _alone = alone();
    let mut server = Server::new();
    let data = server.world.folder.path().join("data");
    fs::create_dir_all(data.join("deep")).unwrap();
    fs::write(data.join("deep/customer.pdf"), "customer").unwrap();
    let point = server.tree().join("uploads");
    let Some(mount) = Mounted::new(&["--bind"], &data, &point) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains("is mounted on"), "{said}");
    assert!(said.contains(point.to_str().unwrap()), "{said}");
    assert_eq!(
        fs::read(point.join("deep/customer.pdf")).unwrap(),
        b"customer"
    );
    drop(mount);
    server.assert_removed_by_the_next_install();
    assert_eq!(
        fs::read(data.join("deep/customer.pdf")).unwrap(),
        b"customer"
    );
}

#[test]
fn a_disk_that_is_mounted_in_an_old_release_keeps_its_files() {
    let _alone = alone();
    let mut server = Server::new();
    let point = server.tree().join("cache");
    let Some(mount) = Mounted::new(&["-t", "tmpfs"], Path::new("tmpfs"), &point) else {
        return;
    };
    fs::write(point.join("session"), "session").unwrap();
    let said = server.outlive();
    assert!(said.contains("tmpfs"), "{said}");
    assert_eq!(fs::read(point.join("session")).unwrap(), b"session");
    drop(mount);
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_file_that_is_mounted_in_an_old_release_keeps_its_content() {
    let _alone = alone();
    let mut server = Server::new();
    let secret = server.world.folder.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let point = server.tree().join("config.php");
    let Some(mount) = Mounted::new(&["--bind"], &secret, &point) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains(point.to_str().unwrap()), "{said}");
    assert_eq!(fs::read(&point).unwrap(), b"secret");
    drop(mount);
    server.assert_removed_by_the_next_install();
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
}

#[test]
fn a_release_that_is_covered_by_a_mount_stays() {
    let _alone = alone();
    let mut server = Server::new();
    let data = server.world.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in ["bin/app", "version.txt"] {
        fs::create_dir_all(data.join(name)).unwrap();
    }
    server.install("2\n");
    let Some(mount) = Mounted::new(&["--bind"], &data, &server.tree()) else {
        return;
    };
    server.outlive();
    assert!(data.join("version.txt").exists());
    drop(mount);
    server.assert_removed_by_the_next_install();
    assert!(data.join("version.txt").exists());
}

#[test]
fn a_release_with_something_mounted_in_it_can_be_rolled_back_to() {
    let _alone = alone();
    let mut server = Server::new();
    let data = server.world.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("customer.pdf"), "customer").unwrap();
    let secret = server.world.folder.path().join("secret");
    fs::write(&secret, "a longer secret").unwrap();
    let tree = server.tree();
    let Some(_mount) = Mounted::new(&["--bind"], &data, &tree.join("uploads")) else {
        return;
    };
    let Some(_mount) = Mounted::new(&["--bind"], &secret, &tree.join("config.php")) else {
        return;
    };
    server.install("2\n");
    let rolled_back = server.world.rollback(None).unwrap();
    assert_eq!(rolled_back.hash, server.first);
    let uploads = server.world.current().join("uploads/customer.pdf");
    assert_eq!(fs::read(uploads).unwrap(), b"customer");
    assert!(!server.world.site().join("set-aside").exists());
    server.world.assert_intact();
}

#[test]
fn a_mount_that_only_a_container_sees_keeps_the_release() {
    let _alone = alone();
    let mut server = Server::new();
    let data = server.world.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("kept"), "kept").unwrap();
    if !may_unshare() {
        return;
    }
    let script = "mount --bind \"$2\" \"$1/uploads\" && echo ready && read line";
    let container = Running::start(
        Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                script,
                "sh",
            ])
            .args([&server.tree(), &data]),
    );
    let said = server.outlive();
    assert!(said.contains("in the mount namespace of process"), "{said}");
    assert!(server.tree().join("uploads").exists());
    drop(container);
    server.assert_removed_by_the_next_install();
    assert!(data.join("kept").exists());
}

#[test]
fn a_release_that_a_container_runs_under_another_path_stays() {
    let _alone = alone();
    let mut server = Server::new();
    if !may_unshare() {
        return;
    }
    let app = server.world.folder.path().join("app");
    fs::create_dir(&app).unwrap();
    let script = "mount --bind \"$1\" \"$2\" && cd \"$2\" && echo ready && read line";
    let container = Running::start(
        Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                script,
                "sh",
            ])
            .args([&server.tree(), &app]),
    );
    let said = server.outlive();
    assert!(said.contains(app.to_str().unwrap()), "{said}");
    drop(container);
    server.assert_removed_by_the_next_install();
}

fn may_unshare() -> bool {
    let may = rustix::process::geteuid().is_root()
        && Command::new("unshare")
            .args(["--mount", "true"])
            .status()
            .is_ok_and(|status| status.success());
    if !may {
        eprintln!("skip: no mount namespace is made, because this is not root or has no unshare");
    }
    may
}

#[test]
fn a_release_that_a_process_works_in_stays() {
    let mut server = Server::new();
    let worker = Running::script("cd \"$1/share\" && echo ready && read line", &server.tree());
    let said = server.outlive();
    let name = format!("process {} (sh)", worker.0.id());
    assert!(said.contains(&name), "{said}");
    assert!(said.contains("/share`"), "{said}");
    drop(worker);
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_release_whose_program_runs_stays() {
    let mut server = Server::new();
    let mut child = Command::new(server.tree().join("bin/cat"))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map(Running)
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
    let script = "exec 3<\"$1/version.txt\" && echo ready && read line";
    let reader = Running::script(script, &server.tree());
    let other = Running::script(script, &server.tree());
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
    let reader = Running::start(
        Command::new("python3")
            .args(["-c", script])
            .arg(server.tree()),
    );
    let said = server.outlive();
    assert!(said.contains("version.txt"), "{said}");
    drop(reader);
    server.assert_removed_by_the_next_install();
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
    let worker = Running::script("cd \"$1/share\" && echo ready && read line", &path);
    let run = remove();
    assert_eq!(run.status, Some(1), "{run:?}");
    let name = format!("process {} (sh)", worker.0.id());
    assert!(run.stderr.contains(&name), "{run:?}");
    drop(worker);

    let data = server.world.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("kept"), "kept").unwrap();
    let Some(mount) = Mounted::new(&["--bind"], &data, &path.join("cache")) else {
        return;
    };
    let run = remove();
    assert_eq!(run.status, Some(1), "{run:?}");
    assert_eq!(fs::read(path.join("edited")).unwrap(), b"edited");
    assert_eq!(fs::read(data.join("kept")).unwrap(), b"kept");
    drop(mount);
    let run = remove();
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(!path.exists());
}

#[test]
fn a_changed_tree_with_something_mounted_in_it_is_not_replaced() {
    let _alone = alone();
    let server = Server::new();
    let data = server.world.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("kept"), "kept").unwrap();
    let point = server.tree().join("uploads");
    let Some(mount) = Mounted::new(&["--bind"], &data, &point) else {
        return;
    };
    fs::write(server.tree().join("version.txt"), "edited").unwrap();
    let run = server
        .world
        .run(&["install", "acme/billing", "--channel", "prod"]);
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stderr.contains(point.to_str().unwrap()), "{run:?}");
    assert!(run.stderr.contains("unmount"), "{run:?}");
    assert_eq!(fs::read(point.join("kept")).unwrap(), b"kept");
    assert_eq!(server.world.live(), Some(server.first));
    drop(mount);
    server.world.install().unwrap();
    server.world.assert_intact();
}

#[test]
fn verify_names_what_is_mounted_and_the_switch_says_that_it_stays_behind() {
    let _alone = alone();
    let mut server = Server::new();
    let point = server.tree().join("cache");
    let Some(_mount) = Mounted::new(&["-t", "tmpfs"], Path::new("tmpfs"), &point) else {
        return;
    };
    fs::write(point.join("session"), "session").unwrap();
    let run = server.world.run(&["verify", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("mounted on `cache`"), "{run:?}");
    let said = server.install("2\n");
    assert!(said.contains(point.to_str().unwrap()), "{said}");
}
