//! Releases made again by somebody else: from where the statement says, or from a checkout.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use bulla_tests::programs::hermetic;
use bulla_tests::{GitCheckout, Transcript, World, skip, write};

use crate::evil::registry::EvilRegistry;

const PROJECT: &str = "acme/billing";

/// A `git daemon` that serves a folder on loopback until it is dropped.
struct GitDaemon {
    process: Child,
    port: u16,
}

impl GitDaemon {
    fn serve(world: &World, folder: &str) -> Self {
        // Asked for and given back, so that the daemon can take it.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut command = hermetic("git", &world.home());
        let process = command
            .args([
                "daemon",
                "--reuseaddr",
                "--export-all",
                "--listen=127.0.0.1",
            ])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", world.path(folder).display()))
            .arg("--")
            .arg(world.path(folder))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { process, port };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        daemon
    }

    fn url(&self, path: &str) -> String {
        format!("git://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for GitDaemon {
    fn drop(&mut self) {
        // `git` starts `git-daemon`, which ends by itself when its parent's end reaches it.
        let children = format!("/proc/{0}/task/{0}/children", self.process.id());
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let _ = self.process.kill();
        let _ = self.process.wait();
        for child in children.split_whitespace() {
            let _ = Command::new("kill").arg(child).status();
        }
    }
}

/// A recipe whose release is made by a build of `sh`.
fn recipe(script: &str) -> String {
    format!(
        "[bundle]\nproject = \"{PROJECT}\"\n[build]\ncommand = [\"sh\", \"-ec\", '''{script}''']\noutputs = [\"out/\"]\n"
    )
}

/// A checkout with such a recipe.
fn with_build(checkout: &mut GitCheckout, script: &str) {
    checkout.write("bulla.toml", recipe(script));
    checkout.commit("A build");
}

/// A script that gives the same release wherever it runs.
const UPPER: &str = "mkdir out; tr a-z A-Z < public/index.html > out/index.html";

fn reproduce(world: &World, hash: &str, more: &[&str]) -> Transcript {
    let arguments = ["reproduce", hash, "--project", PROJECT];
    world.bulla(&[&arguments, more].concat())
}

/// Publishes; `None`, aloud, where this machine can make no sandbox.
fn published(world: &World, path: &std::path::Path) -> Option<String> {
    let published = Transcript::of(&mut world.publish_command(path));
    if published.stderr.contains("cannot make a sandbox") {
        skip("a published build, because this machine can make no sandbox");
        return None;
    }
    Some(published.done().last_line().to_owned())
}

#[test]
fn a_build_is_identical_from_the_source_that_the_statement_names() {
    let world = World::new();
    let mut origin = world.git("origin");
    with_build(&mut origin, UPPER);
    let daemon = GitDaemon::serve(&world, "git");
    let clone = world.path("clone");
    Transcript::of(
        hermetic("git", &world.home())
            .args(["clone", "-q", &daemon.url("origin")])
            .arg(&clone),
    )
    .done();
    let Some(hash) = published(&world, &clone) else {
        return;
    };
    std::fs::remove_dir_all(&clone).unwrap();

    let again = reproduce(&world, &hash[..20], &[]).done();
    assert_eq!(again.stdout, "identical\n");
    assert!(again.stderr.contains("git+git://127.0.0.1"), "{again}");

    let checkout = origin.path.to_str().unwrap();
    let json = reproduce(&world, &hash, &["--checkout", checkout, "--json"]).done();
    let answer = json.json();
    assert_eq!(answer["answer"], "identical");
    assert_eq!(answer["hash"], answer["found"]);

    // A branch that moved on still contains the commit; the second builder may say so.
    origin.commit_change("later");
    let shown = world.bulla(&["show", &hash, "--project", PROJECT]).done();
    assert!(shown.stdout.contains("build    in a sandbox"), "{shown}");
}

#[test]
fn a_build_that_embeds_the_time_is_different_and_its_files_are_listed() {
    let world = World::new();
    let mut checkout = world.git("origin");
    with_build(
        &mut checkout,
        "mkdir out; date +%s%N > out/time; echo same > out/same",
    );
    let Some(hash) = published(&world, &checkout.path) else {
        return;
    };
    let path = checkout.path.to_str().unwrap();
    let again = reproduce(&world, &hash, &["--checkout", path]);
    assert_eq!(again.status, Some(1), "{again}");
    assert!(again.stdout.starts_with("different\n"), "{again}");
    assert!(again.stdout.contains("changed out/time"), "{again}");
    assert!(!again.stdout.contains("out/same"), "{again}");
    again.fails(1, "could not be reproduced");
    // What is different is never signed.
    let key = world.builder_key();
    let signed = reproduce(
        &world,
        &hash,
        &["--checkout", path, "--sign", key.to_str().unwrap()],
    );
    signed.fails(1, "could not be reproduced");
}

#[test]
fn an_svn_release_is_identical_from_the_url_that_the_statement_names() {
    let world = World::new();
    let checkout = world.svn(PROJECT);
    let hash = world.publish(&checkout.path);
    std::fs::remove_dir_all(&checkout.path).unwrap();
    assert_eq!(reproduce(&world, &hash, &[]).done().stdout, "identical\n");
}

#[test]
fn an_svn_build_is_identical_from_the_url_that_the_statement_names() {
    let world = World::new();
    let checkout = world.svn(PROJECT);
    checkout.write("bulla.toml", recipe(UPPER));
    checkout.commit("A build");
    let Some(hash) = published(&world, &checkout.path) else {
        return;
    };
    std::fs::remove_dir_all(&checkout.path).unwrap();
    assert_eq!(reproduce(&world, &hash, &[]).done().stdout, "identical\n");
}

#[test]
fn a_source_that_is_gone_is_named_and_a_checkout_helps() {
    let world = World::new();
    let origin = world.git("origin");
    write(
        &origin.path,
        "bulla.toml",
        format!("[bundle]\nproject = \"{PROJECT}\"\n"),
    );
    let mut origin = origin;
    origin.commit("Its name");
    let daemon = GitDaemon::serve(&world, "git");
    let url = daemon.url("origin");
    let clone = world.path("clone");
    Transcript::of(
        hermetic("git", &world.home())
            .args(["clone", "-q", &url])
            .arg(&clone),
    )
    .done();
    let hash = world.publish(&clone);
    drop(daemon);
    let gone = reproduce(&world, &hash, &[]);
    assert!(gone.stderr.contains(&url), "{gone}");
    assert!(gone.stderr.contains("--checkout"), "{gone}");
    gone.fails(1, "cannot fetch");
    let clone = clone.to_str().unwrap();
    let again = reproduce(&world, &hash, &["--checkout", clone]).done();
    assert_eq!(again.stdout, "identical\n");

    // A checkout of something else does not have the revision.
    let other = world.git("other");
    let other = reproduce(&world, &hash, &["--checkout", other.path.to_str().unwrap()]);
    assert_eq!(other.stdout, "");
    other.fails(1, "there is no revision");
    let svn = world.svn("svn");
    let svn = reproduce(&world, &hash, &["--checkout", svn.path.to_str().unwrap()]);
    assert_eq!(svn.stdout, "", "{svn}");
    svn.fails(2, "was packed from git, and this is a checkout of svn");
}

#[test]
fn a_registry_that_lies_about_the_release_is_refused() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.publish(&checkout.path);
    let evil = EvilRegistry::before(world.registry.url());
    let path = checkout.path.to_str().unwrap();
    let reproduce = || {
        let mut command = world.bulla_command();
        command.env("BULLA_REGISTRY", evil.url()).args([
            "reproduce",
            &hash,
            "--project",
            PROJECT,
            "--checkout",
            path,
        ]);
        Transcript::of(&mut command)
    };
    assert_eq!(reproduce().done().stdout, "identical\n");
    let kinds = ["/manifests/", "/blobs/"];
    for kind in kinds {
        evil.lie(move |path, mut bytes| {
            if path.contains(kind)
                && let Some(last) = bytes.last_mut()
            {
                *last ^= 1;
            }
            bytes
        });
        let refused = reproduce();
        assert_eq!(refused.stdout, "", "{refused}");
        refused.refused("sha256:");
        evil.repent();
    }
}

#[test]
fn changes_in_no_revision_cannot_be_made_again() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    checkout.write("public/index.html", "dirty");
    let hash = Transcript::of(world.publish_command(&checkout.path).arg("--allow-dirty")).done();
    let path = checkout.path.to_str().unwrap();
    reproduce(&world, hash.last_line(), &["--checkout", path])
        .refused("changes that are in no revision");
}

/// A world of its own with two builders, `ci` and `second`.
fn with_two_builders() -> (World, bulla_tests::Registry, String, PathBuf) {
    let world = World::new();
    let registry = bulla_tests::Registry::serve(&world.path("registry-2"), &world.home());
    let second = world.path("second.pem");
    world
        .bulla(&["key".as_ref(), "generate".as_ref(), second.as_os_str()])
        .done();
    let builder = |name: &str, key: &std::path::Path| format!("{name}={}.pub", key.display());
    let token = registry.create_token("push,pull", "*");
    let init = Transcript::of(
        world
            .bulla_command()
            .args(["init", "--origin", "releases.example/two"])
            .args(["--person", &world.alice.as_argument()])
            .args(["--builder", &builder("ci", &world.builder_key())])
            .args(["--builder", &builder("second", &second)])
            .args(["--channel", "prod", "--ssh-key"])
            .arg(&world.alice.public_key)
            .env("BULLA_REGISTRY", registry.url())
            .env("BULLA_TOKEN", &token)
            .env_remove("BULLA_ANCHOR"),
    )
    .done();
    let anchor = init.last_line().to_owned();
    let environment = world.path("token-2");
    write(&world.path("."), "token-2", &token);
    (world, registry, anchor, environment)
}

#[test]
fn a_second_builder_signs_and_show_says_who_reproduced_it() {
    let (world, registry, anchor, token) = with_two_builders();
    let bulla = |arguments: &[&str]| {
        let mut command = world.bulla_command();
        command
            .env_remove("BULLA_TOKEN")
            .env("BULLA_REGISTRY", registry.url())
            .env("BULLA_ANCHOR", &anchor)
            .args(arguments)
            .args([
                "--token-file",
                token.to_str().unwrap(),
                "--project",
                PROJECT,
            ]);
        Transcript::of(&mut command)
    };
    let mut checkout = world.git(PROJECT);
    let path = checkout.path.to_str().unwrap().to_owned();
    let path = path.as_str();
    let key = world.builder_key();
    let published = bulla(&["publish", path, "--key", key.to_str().unwrap()]).done();
    let hash = published.last_line();
    let shown = bulla(&["show", hash]).done();
    assert!(shown.stdout.contains("built by   ci\n"), "{shown}");

    let second = world.path("second.pem");
    let sign = [
        "reproduce",
        hash,
        "--checkout",
        path,
        "--sign",
        second.to_str().unwrap(),
    ];
    let signed = bulla(&sign).done();
    assert_eq!(signed.stdout, "identical\n");
    assert!(
        signed.stderr.contains("signed, entry 2 of the log"),
        "{signed}"
    );
    let shown = bulla(&["show", hash]).done();
    assert!(
        shown
            .stdout
            .contains("built by   ci, reproduced by second\n"),
        "{shown}"
    );
    let json = bulla(&["show", hash, "--json"]).done().json();
    assert_eq!(json["builtBy"], serde_json::json!(["ci"]));
    assert_eq!(json["reproducedBy"], serde_json::json!(["second"]));
    assert_eq!(json["statements"][0]["ref"], json["statements"][1]["ref"]);

    let again = bulla(&sign).done();
    assert!(again.stderr.contains("said so already"), "{again}");

    // A build is signed as any other, and how it ran is said.
    with_build(&mut checkout, UPPER);
    let published = Transcript::of(
        world
            .bulla_command()
            .env("BULLA_REGISTRY", registry.url())
            .env("BULLA_ANCHOR", &anchor)
            .env("BULLA_TOKEN", std::fs::read_to_string(&token).unwrap())
            .args(["publish", path, "--no-sandbox", "--key"])
            .arg(&key),
    )
    .done();
    let hash = published.last_line();
    let mut sign = sign.to_vec();
    sign[1] = hash;
    let signed = bulla(&[&sign[..], &["--no-sandbox"]].concat()).done();
    assert_eq!(signed.stdout, "identical\n");
    let json = bulla(&["show", hash, "--json"]).done().json();
    assert_eq!(json["reproducedBy"], serde_json::json!(["second"]));
    assert_eq!(json["statements"][1]["build"], "no-sandbox");
}

#[test]
fn signing_without_a_token_is_refused_before_any_work() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.publish(&checkout.path);
    let mut command = world.bulla_command();
    command
        .env_remove("BULLA_TOKEN")
        .args(["reproduce", &hash, "--project", PROJECT, "--sign"])
        .arg(world.builder_key());
    Transcript::of(&mut command).fails(2, "needs a token");
}

#[test]
fn a_build_without_a_sandbox_is_recorded_and_shown() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    with_build(&mut checkout, "mkdir out; echo one > out/one");
    let published =
        Transcript::of(world.publish_command(&checkout.path).arg("--no-sandbox")).done();
    let hash = published.last_line();
    let shown = world.bulla(&["show", hash, "--project", PROJECT]).done();
    assert!(
        shown.stdout.contains("build    without a sandbox"),
        "{shown}"
    );
    let json = world
        .bulla(&["show", hash, "--project", PROJECT, "--json"])
        .done();
    assert_eq!(json.json()["statements"][0]["build"], "no-sandbox");
}
