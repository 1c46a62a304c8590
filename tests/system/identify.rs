//! `bulla identify`: which release a directory is, for checkouts, servers and copies by hand.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use bulla_tests::{GitCheckout, RequestLog, Transcript, World, write};
use serde_json::json;

const PROJECT: &str = "acme/billing";

#[test]
fn a_checkout_an_installed_release_and_a_copy_are_exactly_one() {
    let (world, checkout, [first, second]) = two_releases();
    let server = world.server("web");
    server.install(PROJECT, "prod").done();
    let installed = server.project(PROJECT).join("current");
    // The channel stands at the first release, the checkout at the second.
    for (path, hash) in [(&installed, &first), (&checkout.path, &second)] {
        let found = identify(&world, path, &[]).done();
        assert_eq!(found.last_line(), hash, "{found}");
        assert!(found.stderr.contains("exactly"), "{found}");
    }
    let copy = world.path("copy");
    copy_tree(&installed.join(""), &copy);
    let found = identify(&world, &copy, &["--json"]).done().json();
    assert_eq!(found["hash"], json!(first));
    assert_eq!(found["exact"], json!(true));
    assert_eq!(found["channels"], json!(["prod"]));
}

#[test]
fn a_folder_that_was_edited_is_nearest_to_where_it_came_from() {
    let (world, checkout, [first, _]) = two_releases();
    let folder = world.path("folder");
    copy_tree(&checkout.path, &folder);
    checkout_at(&checkout, "HEAD~1", &folder);
    let found = identify(&world, &folder, &[]).done();
    assert_eq!(found.last_line(), first);

    write(&folder, "public/index.html", "by hand\n");
    write(&folder, "public/new.html", "by hand\n");
    write(&folder, "var/uploads/picture", "kept\n");
    fs::remove_file(folder.join("public/empty")).unwrap();
    fs::set_permissions(folder.join("bin/app"), Permissions::from_mode(0o644)).unwrap();
    // A loop, and things that no release can hold.
    symlink("..", folder.join("public/loop")).unwrap();
    Command::new("mkfifo")
        .arg(folder.join("pipe"))
        .status()
        .unwrap();
    fs::remove_file(folder.join("start.html")).unwrap();
    fs::create_dir(folder.join("start.html")).unwrap();
    let found = identify(&world, &folder, &["--json"]);
    assert_eq!(found.status, Some(1), "{found}");
    let found = found.json();
    assert_eq!(found["hash"], json!(first));
    let differences: Vec<_> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            (
                found["path"].as_str().unwrap(),
                found["difference"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        differences,
        [
            ("bin/app", "mode"),
            ("pipe", "extra"),
            ("public/empty", "missing"),
            ("public/index.html", "changed"),
            ("public/loop", "extra"),
            ("public/new.html", "extra"),
            ("start.html", "kind"),
        ]
    );
    let said = identify(&world, &folder, &[]);
    assert!(
        said.stdout.contains("changed    public/index.html"),
        "{said}"
    );
    identify(&world, &world.path("nowhere"), &[]).fails(1, "nowhere");
}

#[test]
fn a_part_of_a_release_is_nearest_to_that_and_not_to_a_small_one() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    // One file of a release of thirty: a release with few others differs in fewer paths.
    for number in 0..30 {
        checkout.write(&format!("many/{number:02}"), number.to_string());
    }
    // Stands between `many` and what lies in it, where paths are sorted.
    checkout.write("many-more", "x");
    checkout.commit("many");
    let large = world.publish(&checkout.path);
    checkout.git(&["rm", "-r", "-q", "many", "many-more", "public", "bin"]);
    checkout.commit("few");
    world.publish(&checkout.path);
    let folder = world.path("folder");
    write(&folder, "many/07", "7");
    let found = identify(&world, &folder, &["--json"]);
    assert_eq!(found.status, Some(1), "{found}");
    assert_eq!(found.json()["hash"], json!(large));
    assert_eq!(found.json()["same"], json!(1));
    // Of the directory, only what is missing in it is named.
    fs::remove_file(folder.join("many/07")).unwrap();
    fs::remove_dir(folder.join("many")).unwrap();
    write(&folder, "many-more", "x");
    let found = identify(&world, &folder, &["--json"]).json();
    let differences = found["differences"].as_array().unwrap();
    assert!(
        differences.iter().all(|one| one["path"] != json!("many")),
        "{found}"
    );
    // Nothing of it is in any release.
    write(&folder, "many-more", "y");
    identify(&world, &folder, &[]).fails(1, "no file in common with any of the 2 releases");
    let of = |project: &str| {
        let mut command = world.bulla_command();
        command
            .args(["identify", "--project", project])
            .arg(&folder);
        Transcript::of(&mut command)
    };
    of("acme/biling").fails(1, "name one that has with --project: acme/billing");
}

#[test]
fn frames_of_an_index_are_fetched_once() {
    let (world, mut checkout, _) = two_releases();
    for number in 0..4_000 {
        write(
            &checkout.path,
            &format!("many/{number:05}"),
            number.to_string(),
        );
    }
    checkout.commit("many");
    world.publish(&checkout.path);
    write(&checkout.path, "many/03000", "changed");
    checkout.commit("changed");
    world.publish(&checkout.path);
    write(&checkout.path, "many/03000", "only here");
    let log = RequestLog::before(world.registry.address());
    let mut command = identify_command(&world, &checkout.path, &["--last", "2"]);
    let found = Transcript::of(command.env("BULLA_REGISTRY", log.url()));
    assert_eq!(found.status, Some(1), "{found}");
    // Of the second index, only a part is asked for.
    let requests = log.requests();
    let ranges = requests.iter().filter(|request| request.range.is_some());
    assert!(ranges.count() > 0, "{requests:?}");
}

/// A project with a persistent path and two releases, the first of them on prod.
fn two_releases() -> (World, GitCheckout, [String; 2]) {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let recipe =
        format!("[bundle]\nproject = \"{PROJECT}\"\n[install]\npersist = [\"var/uploads\"]\n");
    checkout.write("bulla.toml", recipe);
    checkout.write("public/other.html", "one\n");
    checkout.commit("recipe");
    let first = world.release(&checkout.path, PROJECT);
    checkout.write("public/other.html", "two\n");
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    (world, checkout, [first, second])
}

fn identify_command(world: &World, path: &Path, arguments: &[&str]) -> Command {
    let mut command = world.bulla_command();
    command
        .args(["identify", "--project", PROJECT])
        .args(arguments)
        .arg(path);
    command
}

fn identify(world: &World, path: &Path, arguments: &[&str]) -> Transcript {
    Transcript::of(&mut identify_command(world, path, arguments))
}

fn copy_tree(from: &Path, to: &Path) {
    let mut from = from.as_os_str().to_owned();
    from.push("/.");
    fs::create_dir_all(to).unwrap();
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
    // A release on a server has no write bits.
    let status = Command::new("chmod").args(["-R", "u+w"]).arg(to).status();
    assert!(status.unwrap().success());
}

/// Puts another revision into a copy of the checkout.
fn checkout_at(checkout: &GitCheckout, revision: &str, copy: &Path) {
    let work_tree = format!("--work-tree={}", copy.display());
    checkout.git(&[&work_tree, "checkout", "-q", "-f", revision, "--", "."]);
    checkout.git(&["reset", "-q"]);
}
