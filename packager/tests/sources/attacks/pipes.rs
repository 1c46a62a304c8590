//! Pipes, devices and sockets where gix, SQLite or we would open a file. Whoever opens a named pipe
//! waits for a writer that never comes, so every command has to end by itself.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::checkout::{GitRepository, SvnRepository, program, run};

/// How long a command may take that does next to nothing. It is killed then, and the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// The commands that open a checkout.
const COMMANDS: [&[&str]; 5] = [
    &["pack", "--fresh"],
    &["pack", "--fresh", "--allow-dirty"],
    &["pack", "--fresh", "--revision", "HEAD"],
    &["check"],
    &["doctor"],
];

/// Puts a named pipe in the place of whatever lies at `path`.
fn put_pipe(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        std::fs::remove_dir_all(path).unwrap();
    } else {
        let _ = std::fs::remove_file(path);
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// Runs `bulla` in `directory` and returns how it ended; it must end by itself.
fn end_of(arguments: &[&str], directory: &Path, home: &Path) -> Output {
    let mut child = program(env!("CARGO_BIN_EXE_bulla"), home)
        .current_dir(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            let said = child.wait_with_output().unwrap();
            panic!("`bulla {}` waits for ever: {said:?}", arguments.join(" "));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// Runs all commands. Each ends, and at least `pack` names what lies there and what it is.
fn assert_named(directory: &Path, home: &Path, place: &Path, found: &str) {
    let expected = format!("{}` is {found}", place.display());
    for arguments in COMMANDS {
        let output = end_of(arguments, directory, home);
        let said = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        // Other commands may need nothing of it.
        let is_named = said.contains(&expected);
        assert!(is_named || arguments != COMMANDS[0], "{expected}: {said}");
    }
}

fn repository() -> GitRepository {
    let repository = GitRepository::with_files();
    repository.write("sub/file", "x\n");
    repository.write("untracked/file", "x\n");
    repository.write(".gitignore", "ignored\n");
    repository.write(".gitattributes", "*.x export-ignore\n");
    repository.git(&["add", "sub", ".gitignore", ".gitattributes"]);
    repository.git(&["commit", "-q", "-m", "sub"]);
    repository
}

#[test]
fn a_pipe_where_git_has_a_file_is_named_and_not_waited_for() {
    for place in [
        ".git",
        ".git/HEAD",
        ".git/config",
        ".git/index",
        ".git/packed-refs",
        ".git/shallow",
        ".git/commondir",
        ".git/refs/heads/main",
        ".git/refs/tags/v1",
        ".git/logs/HEAD",
        ".git/info/exclude",
        ".git/info/attributes",
        ".git/info/sparse-checkout",
        ".git/objects/info/alternates",
        ".git/objects/info/commit-graph",
        ".git/objects/info/commit-graphs/commit-graph-chain",
        ".git/objects/pack/pack-0123456789012345678901234567890123456789.idx",
        ".gitignore",
        ".gitattributes",
        ".gitmodules",
        "sub/.gitignore",
        "sub/.gitattributes",
        "untracked/.gitignore",
        "untracked/.git",
        "untracked/.git/HEAD",
        "untracked/HEAD",
    ] {
        let repository = repository();
        let path = repository.work().join(place);
        put_pipe(&path);
        assert_named(&repository.work(), repository.home(), &path, "a named pipe");
    }
}

#[test]
fn a_pipe_in_the_place_of_an_object_is_named() {
    let repository = repository();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    let path = repository.object(&blob);
    put_pipe(&path);
    assert_named(&repository.work(), repository.home(), &path, "a named pipe");
}

#[test]
fn devices_and_sockets_and_links_to_pipes_are_named() {
    let repository = repository();
    let head = repository.work().join(".git/HEAD");
    std::fs::remove_file(&head).unwrap();
    symlink("/dev/zero", &head).unwrap();
    assert_named(&repository.work(), repository.home(), &head, "a device");
    std::fs::remove_file(&head).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(&head).unwrap();
    assert_named(&repository.work(), repository.home(), &head, "a socket");
    drop(socket);
    std::fs::remove_file(&head).unwrap();
    let pipe = repository.home().join("pipe");
    put_pipe(&pipe);
    symlink(&pipe, &head).unwrap();
    assert_named(&repository.work(), repository.home(), &head, "a named pipe");
}

#[test]
fn files_that_the_configuration_names_are_looked_at() {
    for key in ["core.excludesFile", "core.attributesFile"] {
        let repository = repository();
        let pipe = repository.home().join("pipe");
        put_pipe(&pipe);
        repository.git(&["config", key, pipe.to_str().unwrap()]);
        assert_named(&repository.work(), repository.home(), &pipe, "a named pipe");
    }
    // A file that is included is passed over, unless it is a file.
    let repository = repository();
    let pipe = repository.home().join("pipe");
    put_pipe(&pipe);
    repository.git(&["config", "include.path", pipe.to_str().unwrap()]);
    for arguments in COMMANDS {
        end_of(arguments, &repository.work(), repository.home());
    }
}

#[test]
fn an_object_database_that_is_borrowed_from_is_looked_at() {
    let repository = repository();
    let other = GitRepository::with_files();
    let objects = other.work().join(".git/objects");
    repository.write(
        ".git/objects/info/alternates",
        format!("{}\n", objects.display()),
    );
    let pipe = objects.join("pack/pack-0123456789012345678901234567890123456789.idx");
    put_pipe(&pipe);
    assert_named(&repository.work(), repository.home(), &pipe, "a named pipe");
}

#[test]
fn a_linked_work_tree_and_its_repository_are_looked_at() {
    for place in [
        ".git/worktrees/linked/HEAD",
        ".git/worktrees/linked/index",
        ".git/config",
        ".git/packed-refs",
    ] {
        let repository = repository();
        repository.git(&["worktree", "add", "-q", "../linked"]);
        let path = repository.work().join(place);
        put_pipe(&path);
        let linked = repository.home().join("linked");
        assert_named(&linked, repository.home(), &path, "a named pipe");
    }
}

#[test]
fn pipes_that_nobody_opens_change_nothing() {
    let repository = repository();
    repository.write("ignored/file", "x\n");
    for place in ["ignored/.gitignore", "ignored/HEAD", "untracked/pipe"] {
        put_pipe(&repository.work().join(place));
    }
    // git's own socket, while its daemon runs.
    let socket = repository.work().join(".git/fsmonitor--daemon.ipc");
    let _socket = std::os::unix::net::UnixListener::bind(socket).unwrap();
    // A repository whose parts lie elsewhere, and in a circle.
    let refs = repository.work().join(".git/refs");
    std::fs::rename(&refs, repository.home().join("refs")).unwrap();
    symlink("../../refs", &refs).unwrap();
    symlink("..", repository.home().join("refs/heads/circle")).unwrap();
    let output = end_of(COMMANDS[0], &repository.work(), repository.home());
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_pipe_where_subversion_has_a_file_is_named() {
    for name in ["wc.db", "wc.db-journal", "wc.db-wal", "entries", "format"] {
        let repository = SvnRepository::with_files();
        let path: PathBuf = repository.work().join(".svn").join(name);
        put_pipe(&path);
        assert_named(&repository.work(), repository.home(), &path, "a named pipe");
    }
    // Nothing of it is needed to end.
    let repository = SvnRepository::with_files();
    put_pipe(&repository.work().join("README"));
    put_pipe(&repository.work().join("bulla.toml"));
    for arguments in COMMANDS {
        end_of(arguments, &repository.work(), repository.home());
    }
}

#[test]
fn a_pipe_in_the_place_of_a_tracked_file_is_not_waited_for() {
    for name in ["bulla.toml", "README", "sub/file"] {
        let repository = repository();
        put_pipe(&repository.work().join(name));
        for arguments in COMMANDS {
            end_of(arguments, &repository.work(), repository.home());
        }
    }
    let pristine = SvnRepository::with_files();
    let found = run(program("find", pristine.home())
        .arg(pristine.work().join(".svn/pristine"))
        .args(["-type", "f"]));
    for path in found.lines() {
        put_pipe(Path::new(path));
    }
    for arguments in COMMANDS {
        end_of(arguments, &pristine.work(), pristine.home());
    }
}
