//! Checkouts, revisions and recipes that cannot be packed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};

use bulla_tests::programs::hermetic;
use bulla_tests::{SvnCheckout, Transcript, World};

const FAILED: i32 = 1;
const USAGE: i32 = 2;

fn pack(world: &World, path: &Path) -> Transcript {
    world.bulla(&["pack".as_ref(), path.as_os_str()])
}

fn pack_revision(world: &World, path: &Path, revision: &str) -> Transcript {
    Transcript::of(
        world
            .bulla_command()
            .arg("pack")
            .arg(path)
            .args(["--revision", revision]),
    )
}

#[test]
fn a_folder_that_is_no_checkout() {
    let world = World::new();
    let folder = world.path("just-files");
    std::fs::create_dir(&folder).unwrap();
    pack(&world, &folder).fails(FAILED, "just-files");
}

#[test]
fn a_folder_that_does_not_exist() {
    let world = World::new();
    pack(&world, &world.path("nowhere")).fails(FAILED, "nowhere");
}

#[test]
fn a_git_repository_without_a_commit() {
    let world = World::new();
    let folder = world.path("empty");
    let mut git = hermetic("git", &world.home());
    Transcript::of(git.args(["init", "-q"]).arg(&folder)).done();
    pack(&world, &folder).fails(FAILED, "no commit");
}

#[test]
fn a_git_revision_that_does_not_exist() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    pack_revision(&world, &checkout.path, "v9.9").fails(FAILED, "v9.9");
    pack_revision(&world, &checkout.path, "HEAD").done();
}

#[test]
fn an_svn_revision_that_does_not_exist() {
    let world = World::new();
    let checkout = world.svn("acme/handbook");
    pack_revision(&world, &checkout.path, "4711").fails(FAILED, "4711");
    pack_revision(&world, &checkout.path, "2").done();
}

#[test]
fn a_git_checkout_with_changes_is_refused_with_the_files_named() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    checkout.write("public/index.html", "changed on the fly\n");
    let transcript = pack(&world, &checkout.path).refused("changes that are in no revision");
    assert!(
        transcript.stderr.contains("public/index.html"),
        "{transcript}"
    );
    assert!(transcript.stderr.contains("--allow-dirty"), "{transcript}");
    checkout.git(&["checkout", "-q", "--", "."]);
    pack(&world, &checkout.path).done();
}

#[test]
fn an_svn_checkout_with_changes_is_refused_with_the_files_named() {
    let world = World::new();
    let checkout = world.svn("acme/handbook");
    checkout.write("public/index.html", "changed on the fly\n");
    let transcript = pack(&world, &checkout.path).refused("is not exactly one revision");
    assert!(
        transcript.stderr.contains("public/index.html"),
        "{transcript}"
    );
    checkout.svn(&["revert", "-q", "-R", "."]);
    pack(&world, &checkout.path).done();
}

#[test]
fn a_release_of_a_dirty_checkout_cannot_be_promoted() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    checkout.write("public/index.html", "changed on the fly\n");
    let mut publish = world.publish_command(&checkout.path);
    let hash = Transcript::of(publish.arg("--allow-dirty"))
        .done()
        .last_line()
        .to_owned();
    let mut promote = world.promote_command("acme/billing", &hash, "prod");
    Transcript::of(&mut promote).refused("changes that are in no revision");
    // Once it is committed, the same content can.
    checkout.commit("What was changed on the fly");
    world.release(&checkout.path, "acme/billing");
}

#[test]
fn a_checkout_without_a_recipe() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    std::fs::remove_file(checkout.path.join("bulla.toml")).unwrap();
    checkout.commit("No recipe");
    pack(&world, &checkout.path).fails(USAGE, "bulla.toml");
}

#[test]
fn a_recipe_with_an_unknown_key_is_refused_with_key_and_line() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    checkout.write(
        "bulla.toml",
        "[bundle]\nproject = \"acme/billing\"\nexcludes = [\"tests/**\"]\n",
    );
    checkout.commit("A slip of the pen");
    let transcript = pack(&world, &checkout.path).fails(USAGE, "excludes");
    assert!(
        transcript.stderr.contains('3'),
        "line 3 is named in\n{transcript}"
    );
    checkout.write(
        "bulla.toml",
        "[bundle]\nproject = \"acme/billing\"\nexclude = [\"tests/**\"]\n",
    );
    checkout.commit("Corrected");
    pack(&world, &checkout.path).done();
}

#[test]
fn a_recipe_with_a_wrong_value_is_refused_with_key_and_line() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    checkout.write(
        "bulla.toml",
        "[bundle]\nproject = \"acme/billing\"\n\n[install]\npersist = [\"../uploads\"]\n",
    );
    checkout.commit("Too far up");
    let transcript = pack(&world, &checkout.path).fails(USAGE, "persist");
    assert!(
        transcript.stderr.contains("line 5"),
        "line 5 is named in\n{transcript}"
    );
}

#[test]
fn a_recipe_that_is_not_toml() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    checkout.write("bulla.toml", "[bundle\nproject = 1\n");
    checkout.commit("Broken");
    pack(&world, &checkout.path).fails(USAGE, "line 1");
}

#[test]
fn a_recipe_that_leaves_no_file() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    checkout.write(
        "bulla.toml",
        "[bundle]\nproject = \"acme/billing\"\ninclude = [\"dist/**\"]\n",
    );
    checkout.commit("Nothing");
    pack(&world, &checkout.path).fails(USAGE, "include");
}

#[test]
fn an_svn_server_that_is_gone() {
    let world = World::new();
    let checkout = world.svn("acme/handbook");
    let server = SvnServer::serve(&checkout);
    let copy = world.path("over-the-network");
    let mut svn = hermetic("svn", &world.home());
    svn.args(["checkout", "-q", &format!("{}/trunk", server.url)])
        .arg(&copy);
    Transcript::of(&mut svn).done();
    let hash = pack(&world, &copy).done().last_line().to_owned();
    let (port, url) = (server.port, format!("{}/trunk", server.url));
    let pack_url = || Transcript::of(world.bulla_command().args(["pack", &url]));
    assert_eq!(pack_url().done().last_line(), hash);
    drop(server);
    // A working copy has all that is in it; a URL has nothing.
    assert_eq!(pack(&world, &copy).done().last_line(), hash);
    let transcript = pack_url();
    assert_eq!(transcript.status, Some(4), "{transcript}");
    assert!(transcript.stderr.contains(&url), "{transcript}");
    let _server = SvnServer::serve_at(&checkout, port);
    assert_eq!(pack_url().done().last_line(), hash);
}

/// An `svnserve`, ended by its own id.
struct SvnServer {
    process: Child,
    port: u16,
    url: String,
}

impl SvnServer {
    fn serve(checkout: &SvnCheckout) -> Self {
        // svnserve takes no port 0: a free one is looked for, and free again when it starts.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        Self::serve_at(checkout, port)
    }

    fn serve_at(checkout: &SvnCheckout, port: u16) -> Self {
        let number = port.to_string();
        let process = hermetic("svnserve", &checkout.repository)
            .args(["--daemon", "--foreground", "--listen-host", "127.0.0.1"])
            .args(["--listen-port", &number, "--root"])
            .arg(&checkout.repository)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Self {
            process,
            port,
            url: format!("svn://127.0.0.1:{port}"),
        }
    }
}

impl Drop for SvnServer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
