//! Images and artifacts of other people's tools, which log in, push, pull and delete: podman, buildah,
//! umoci, skopeo and oras.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bulla_tests::programs::{hermetic, is_installed, target_directory};
use bulla_tests::{Registry, Transcript, skip};
use tempfile::TempDir;

/// Pushes a file, pulls it and writes what it says.
const PUSH_AND_PULL: &str = "
import sys, oras.client
address, token, pulled = sys.argv[1], sys.stdin.read(), sys.argv[2]
client = oras.client.OrasClient(hostname=address, insecure=True, auth_backend='basic')
client.auth.set_basic_auth('any', token)
target = f'{address}/mirror/file:v1'
answer = client.push(files=['tree/hello'], target=target, disable_path_validation=True)
assert answer.status_code == 201, answer.text
for path in client.pull(target=target, outdir=pulled):
    print(open(path).read(), end='')
assert client.get_tags(f'{address}/mirror/file') == ['v1']
";

/// A registry for images, and a folder for those who use it.
struct Scene {
    folder: TempDir,
    registry: Registry,
    token: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--mutable", "mirror/*"];
        let registry = Registry::serve_with(&folder.path().join("data"), folder.path(), &arguments);
        let token = registry.create_token("push,pull", "*");
        fs::create_dir(folder.path().join("tree")).unwrap();
        fs::write(folder.path().join("tree/hello"), "hello\n").unwrap();
        Self {
            folder,
            registry,
            token,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The name of an image in the registry.
    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.registry.address())
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = hermetic(program, self.folder.path());
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Transcript {
        Transcript::of(&mut self.command(program, arguments)).done()
    }

    /// Runs a program of those that keep images in a store of their own.
    fn with_store(&self, program: &str, arguments: &[&str]) -> Transcript {
        let store = [
            "--root",
            "store",
            "--runroot",
            "run",
            "--storage-driver",
            "vfs",
        ];
        self.run(program, &[&store[..], arguments].concat())
    }

    /// Logs in and returns how it ended. The password comes by a pipe.
    fn log_in(&self, program: &str, password: &str) -> Transcript {
        let mut command = self.command(program, &["login", "--tls-verify=false"]);
        command.args([
            "--authfile",
            "auth.json",
            "--username",
            "any",
            "--password-stdin",
        ]);
        let command = command.arg(self.registry.address());
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(password.as_bytes()).unwrap();
        drop(writer);
        Transcript::of(command.stdin(Stdio::from(reader)))
    }
}

fn are_installed(programs: &[&str]) -> bool {
    match programs.iter().find(|program| !is_installed(program)) {
        Some(program) => {
            skip(&format!(
                "images of other tools, because {program} is not installed"
            ));
            false
        }
        None => true,
    }
}

/// Their stores of images belong to root.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("images in stores, which are root's");
    }
    is_root
}

#[test]
fn podman_logs_in_pushes_and_pulls() {
    if !are_installed(&["podman", "tar"]) || !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_ne!(scene.log_in("podman", "wrong").status, Some(0));
    scene.log_in("podman", &scene.token).done();
    scene.run("tar", &["-C", "tree", "-cf", "tree.tar", "hello"]);
    let podman = |arguments: &[&str]| {
        let arguments = [&["--cgroup-manager", "cgroupfs"], arguments].concat();
        scene.with_store("podman", &arguments).stdout
    };
    let pushed = podman(&["import", "--quiet", "tree.tar", "localhost/hello:v1"]);
    let login = ["--tls-verify=false", "--authfile", "auth.json"];
    let image = scene.image("mirror/hello:v1");
    podman(
        &[
            &["push", "--quiet"],
            &login[..],
            &["localhost/hello:v1", &image],
        ]
        .concat(),
    );
    podman(&["rmi", "--all", "--force"]);
    let pulled = podman(&[&["pull", "--quiet"], &login[..], &[&image]].concat());
    assert_eq!(pushed.trim().trim_start_matches("sha256:"), pulled.trim());
}

#[test]
fn buildah_pushes_what_umoci_unpacks() {
    if !are_installed(&["buildah", "skopeo", "umoci"]) || !is_root() {
        return;
    }
    let scene = Scene::new();
    scene.log_in("buildah", &scene.token).done();
    let container = scene.with_store("buildah", &["from", "scratch"]).stdout;
    let container = container.trim();
    scene.with_store("buildah", &["add", container, "tree/hello", "/hello"]);
    scene.with_store(
        "buildah",
        &["commit", "--format", "oci", container, "hello"],
    );
    let login = ["--tls-verify=false", "--authfile", "auth.json"];
    let image = format!("docker://{}", scene.image("mirror/built:v1"));
    scene.with_store(
        "buildah",
        &[&["push"], &login[..], &["hello", &image]].concat(),
    );
    let copy = ["--insecure-policy", "copy", "--src-tls-verify=false"];
    let copy = [
        &copy[..],
        &["--src-authfile", "auth.json", &image, "oci:layout:v1"],
    ]
    .concat();
    scene.run("skopeo", &copy);
    scene.run(
        "umoci",
        &["unpack", "--rootless", "--image", "layout:v1", "bundle"],
    );
    let unpacked = fs::read_to_string(scene.path("bundle/rootfs/hello")).unwrap();
    assert_eq!(unpacked, "hello\n");
}

#[test]
fn skopeo_moves_tags_and_deletes_where_the_operator_lets_it() {
    if !are_installed(&["skopeo", "umoci"]) {
        return;
    }
    let scene = Scene::new();
    scene.log_in("skopeo", &scene.token).done();
    scene.run("umoci", &["init", "--layout", "layout"]);
    for (tag, author) in [("one", "alice"), ("two", "bob")] {
        let image = format!("layout:{tag}");
        scene.run("umoci", &["new", "--image", &image]);
        scene.run("umoci", &["config", "--image", &image, "--author", author]);
    }
    let copy = |from: &str, to: &str| {
        let to = format!("docker://{}", scene.image(to));
        let arguments = ["--insecure-policy", "copy", "--dest-tls-verify=false"];
        let login = ["--dest-authfile", "auth.json", from, &to];
        let mut command = scene.command("skopeo", &[&arguments[..], &login].concat());
        Transcript::of(&mut command)
    };
    let reach = |verb: &str, image: &str| {
        let image = format!("docker://{}", scene.image(image));
        let arguments = [
            verb,
            "--tls-verify=false",
            "--authfile",
            "auth.json",
            &image,
        ];
        Transcript::of(&mut scene.command("skopeo", &arguments))
    };
    for repository in ["mirror/image", "kept/image"] {
        let image = format!("{repository}:latest");
        copy("oci:layout:one", &image).done();
        let is_mutable = repository.starts_with("mirror/");
        let moved = copy("oci:layout:two", &image);
        assert_eq!(moved.status == Some(0), is_mutable, "{moved}");
        let author = reach("inspect", &image).done();
        assert!(author.json()["Digest"].is_string(), "{author}");
        let deleted = reach("delete", &image);
        assert_eq!(deleted.status == Some(0), is_mutable, "{deleted}");
        let found = reach("inspect", &image);
        assert_ne!(found.status == Some(0), is_mutable, "{found}");
    }
}

#[test]
fn oras_pushes_and_pulls_a_file() {
    // `scripts/setup` installs it there.
    let python = target_directory().join("tools/oras/bin/python");
    if !python.is_file() {
        skip("files of oras, because it is not in the target directory");
        return;
    }
    let scene = Scene::new();
    let mut command = hermetic(&python, scene.folder.path());
    command.current_dir(scene.folder.path());
    command.args(["-c", PUSH_AND_PULL, scene.registry.address(), "pulled"]);
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(scene.token.as_bytes()).unwrap();
    drop(writer);
    let pulled = Transcript::of(command.stdin(Stdio::from(reader))).done();
    assert_eq!(pulled.stdout, "hello\n");
}
