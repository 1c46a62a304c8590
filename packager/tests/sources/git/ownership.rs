//! Whose a checkout may be: `git status` is the judge.

use std::path::Path;
use std::process::Command;

use crate::checkout::{GitRepository, program, skip};

/// A repository of another user; none where only the own user can own something.
fn of_another_user() -> Option<GitRepository> {
    let repository = GitRepository::with_files();
    let chown = Command::new("chown")
        .args(["-R", "-h", "54321"])
        .arg(repository.work())
        .output()
        .unwrap();
    if !chown.status.success() {
        skip("a checkout of another user, because only root can make one");
        return None;
    }
    Some(repository)
}

/// Runs `git status` and `bulla pack` with the same surroundings, and tells whether both did it.
fn is_taken(repository: &GitRepository, set: impl Fn(&mut Command)) -> bool {
    let work = repository.work();
    let mut git = program("git", repository.home());
    git.arg("status");
    let mut pack = program(env!("CARGO_BIN_EXE_bulla"), repository.home());
    pack.args(["pack", "--fresh"]);
    let [git, pack] = [git, pack].map(|mut command| {
        command.env_remove("GIT_CONFIG_GLOBAL").current_dir(&work);
        set(&mut command);
        command.output().unwrap().status.success()
    });
    assert_eq!(git, pack, "git is the judge");
    pack
}

fn configure(repository: &GitRepository, name: &str, value: &str) -> std::path::PathBuf {
    let file = repository.home().join(name);
    std::fs::write(&file, format!("[safe]\n\tdirectory = {value}\n")).unwrap();
    file
}

fn text(path: &Path) -> String {
    path.canonicalize().unwrap().display().to_string()
}

#[test]
fn the_configuration_of_the_user_and_the_system_allows_a_checkout() {
    let Some(repository) = of_another_user() else {
        return;
    };
    let work = text(&repository.work());
    assert!(!is_taken(&repository, |_| {}));
    for (value, expected) in [
        (work.as_str(), true),
        ("*", true),
        (&format!("{}/*", text(repository.home())), true),
        ("~/work", true),
        (".", true),
        (&format!("{work}/bin"), false),
        ("work", false),
        ("*\n\tdirectory =", false),
    ] {
        let user = configure(&repository, ".gitconfig", value);
        assert_eq!(is_taken(&repository, |_| {}), expected, "{value}");
        std::fs::remove_file(user).unwrap();
    }
    let file = configure(&repository, "elsewhere", &work);
    for variable in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
        let set = |command: &mut Command| {
            command
                .env_remove("GIT_CONFIG_NOSYSTEM")
                .env(variable, &file);
        };
        assert!(is_taken(&repository, set), "{variable}");
    }
    let included = format!(
        "[include]\n\tpath = {}\n[includeIf \"gitdir:/x/\"]\n\tpath = y\n",
        file.display()
    );
    std::fs::write(repository.home().join(".gitconfig"), included).unwrap();
    assert!(is_taken(&repository, |_| {}));
    std::fs::remove_file(repository.home().join(".gitconfig")).unwrap();
    let environment = |command: &mut Command| {
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", &work);
    };
    assert!(is_taken(&repository, environment));
}

#[test]
fn a_checkout_does_not_allow_itself() {
    let Some(repository) = of_another_user() else {
        return;
    };
    let own = repository.work().join(".git/config");
    let before = std::fs::read_to_string(&own).unwrap();
    std::fs::write(&own, format!("{before}[safe]\n\tdirectory = *\n")).unwrap();
    assert!(!is_taken(&repository, |_| {}));
}

#[test]
fn root_takes_what_belongs_to_whoever_called_sudo() {
    let Some(repository) = of_another_user() else {
        return;
    };
    for (caller, expected) in [("54321", true), ("54322", false)] {
        let set = |command: &mut Command| {
            command.env("SUDO_UID", caller);
        };
        assert_eq!(is_taken(&repository, set), expected, "{caller}");
    }
}

#[test]
fn every_part_of_a_checkout_counts() {
    for part in [".git", "."] {
        let repository = GitRepository::with_files();
        let chown = Command::new("chown")
            .args(["-h", "54321", part])
            .current_dir(repository.work())
            .output()
            .unwrap();
        if !chown.status.success() {
            return skip("a checkout of another user, because only root can make one");
        }
        assert!(!is_taken(&repository, |_| {}), "{part}");
    }
}

#[test]
fn a_link_to_a_repository_of_another_user_is_refused() {
    let Some(repository) = of_another_user() else {
        return;
    };
    let trap = repository.home().join("trap");
    std::fs::create_dir(&trap).unwrap();
    std::os::unix::fs::symlink(repository.work().join(".git"), trap.join(".git")).unwrap();
    let mut pack = program(env!("CARGO_BIN_EXE_bulla"), repository.home());
    let output = pack.args(["pack", "--fresh"]).arg(&trap).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("belongs to another user (uid 54321)"),
        "{said}"
    );
}

#[test]
fn a_linked_work_tree_and_a_bare_clone_are_asked_for_their_owner() {
    let repository = GitRepository::with_files();
    let home = repository.home();
    let (bare, linked) = (home.join("bare"), home.join("linked"));
    repository.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    repository.git(&["worktree", "add", "-q", linked.to_str().unwrap()]);
    for (checkout, given) in [
        (&bare, bare.clone()),
        (&linked, linked.join(".git")),
        (&linked, repository.work().join(".git/worktrees/linked")),
    ] {
        let pack = || {
            let mut pack = program(env!("CARGO_BIN_EXE_bulla"), home);
            pack.args(["pack", "--fresh"])
                .arg(checkout)
                .output()
                .unwrap()
        };
        assert!(pack().status.success(), "{:?}", pack());
        let chown = |owner: &str| {
            let mut chown = Command::new("chown");
            chown.args([owner]).arg(&given).output().unwrap()
        };
        if !chown("54321").status.success() {
            return skip("a checkout of another user, because only root can make one");
        }
        let said = String::from_utf8(pack().stderr).unwrap();
        assert!(said.contains("belongs to another user"), "{said}");
        chown("0");
    }
}
