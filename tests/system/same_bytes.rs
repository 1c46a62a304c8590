//! The same revision gives the same hash, wherever, by whomever and however it is packed.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use bulla_tests::programs::{Program, hermetic};
use bulla_tests::{Transcript, World, skip};
use rustix::process::geteuid;

/// The user that owns nothing, on every Debian.
const NOBODY: u32 = 65534;

#[test]
fn of_a_work_tree_a_bare_clone_a_shallow_clone_a_worktree_and_another_directory() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let commit = checkout.git(&["rev-parse", "HEAD"]).last_line().to_owned();
    let hash = pack(&world, &checkout.path, &commit);

    let url = format!("file://{}", checkout.path.display());
    for (name, arguments) in [
        ("elsewhere/deep/down", vec![]),
        ("bare.git", vec!["--bare"]),
        ("shallow", vec!["--depth", "1"]),
    ] {
        let clone = world.path(name);
        let mut git = hermetic("git", &world.home());
        git.args(["clone", "-q"])
            .args(arguments)
            .arg(&url)
            .arg(&clone);
        Transcript::of(&mut git).done();
        assert_eq!(pack(&world, &clone, &commit), hash, "{name}");
    }
    let worktree = world.path("worktree");
    checkout.git(&[
        "worktree",
        "add",
        "-q",
        "--detach",
        worktree.to_str().unwrap(),
        &commit,
    ]);
    assert_eq!(pack(&world, &worktree, &commit), hash);
    checkout.git(&["gc", "-q"]);
    checkout.git(&["pack-refs", "--all"]);
    assert_eq!(pack(&world, &checkout.path, "main"), hash);
}

#[test]
fn of_a_git_revision_whatever_the_checkouts_own_settings_are() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    checkout.write(".gitattributes", "*.html text eol=crlf ident\n");
    checkout.write("public/ident.html", "$Id$\nline\n");
    let commit = checkout.commit("Attributes");
    let hash = pack(&world, &checkout.path, &commit);
    for setting in [
        "core.autocrlf",
        "core.fileMode",
        "core.symlinks",
        "core.ignoreCase",
    ] {
        for value in ["true", "false"] {
            checkout.git(&["config", setting, value]);
            assert_eq!(
                pack(&world, &checkout.path, &commit),
                hash,
                "{setting}={value}"
            );
        }
    }
}

#[test]
fn of_an_svn_working_copy_another_working_copy_and_the_url() {
    let world = World::new();
    let checkout = world.svn("acme/handbook");
    let hash = pack(&world, &checkout.path, "2");
    let elsewhere = world.path("elsewhere/handbook");
    let trunk = format!("{}/trunk", checkout.url());
    let mut svn = hermetic("svn", &world.home());
    svn.args(["checkout", "-q", &trunk]).arg(&elsewhere);
    Transcript::of(&mut svn).done();
    assert_eq!(pack(&world, &elsewhere, "2"), hash);
    assert_eq!(pack(&world, Path::new(&trunk), "2"), hash);
    // Later revisions change nothing.
    checkout.commit_change("two");
    assert_eq!(pack(&world, &checkout.path, "2"), hash);
    assert_ne!(pack(&world, &checkout.path, "3"), hash);
}

#[test]
fn with_another_locale_time_zone_and_umask() {
    let world = World::new();
    let git = world.git("acme/billing");
    let svn = world.svn("acme/handbook");
    for (path, revision) in [(&git.path, "HEAD"), (&svn.path, "2")] {
        let hash = pack(&world, path, revision);
        // The shell sets the umask, the one setting that no option of a process can.
        let mut command = hermetic("sh", &world.home());
        command
            .args(["-c", "umask 077; exec \"$@\"", "sh"])
            .arg(Program::Bulla.path())
            .arg("pack")
            .arg(path)
            .args(["--revision", revision])
            .env("TZ", "Pacific/Kiritimati")
            .env("LC_ALL", "tr_TR.UTF-8");
        assert_eq!(Transcript::of(&mut command).done().last_line(), hash);
    }
}

#[test]
fn with_one_thread_and_with_two() {
    let world = World::new();
    let git = world.git("acme/billing");
    let svn = world.svn("acme/handbook");
    for path in [&git.path, &svn.path] {
        let hashes = ["1", "2", "5"].map(|threads| {
            let mut command = pack_command(&world, path);
            command.args(["--threads", threads]);
            Transcript::of(&mut command).done().last_line().to_owned()
        });
        assert_eq!(hashes[0], hashes[1]);
        assert_eq!(hashes[0], hashes[2]);
    }
}

#[test]
fn as_another_user() {
    if !geteuid().is_root() {
        skip("packing as another user, because only root can become one");
        return;
    }
    let world = World::new();
    let git = world.git("acme/billing");
    let svn = world.svn("acme/handbook");
    let program = world.path("bulla");
    std::fs::copy(Program::Bulla.path(), &program).unwrap();
    for (path, revision) in [(&git.path, "HEAD"), (&svn.path, "2")] {
        let hash = pack(&world, path, revision);
        let home = world.path("home-of-nobody");
        std::fs::create_dir_all(&home).unwrap();
        // They trust the owner of the checkout.
        let trust = "[safe]\n\tdirectory = *\n";
        std::fs::write(home.join(".gitconfig"), trust).unwrap();
        let opened = [world.path("."), home.clone()];
        for folder in &opened {
            set_mode(folder, 0o777);
        }
        let mut command = hermetic(&program, &home);
        command
            .arg("pack")
            .arg(path)
            .args(["--revision", revision])
            .current_dir(&home)
            .env("GIT_CONFIG_GLOBAL", home.join(".gitconfig"))
            .uid(NOBODY)
            .gid(NOBODY);
        assert_eq!(Transcript::of(&mut command).done().last_line(), hash);
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn pack_command(world: &World, path: &Path) -> Command {
    let mut command = world.bulla_command();
    command.arg("pack").arg(path);
    command
}

#[track_caller]
fn pack(world: &World, path: &Path, revision: &str) -> String {
    let transcript =
        Transcript::of(pack_command(world, path).args(["--revision", revision])).done();
    let hash = transcript.last_line().to_owned();
    assert!(hash.starts_with("sha256:"), "{transcript}");
    hash
}
