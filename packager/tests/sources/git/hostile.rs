//! Repositories made to harm whoever packs them: nothing of theirs runs, and each is refused.

use std::path::{Path, PathBuf};

use crate::checkout::{GitRepository, refusal, resolve, spec};

/// A file that a command of the repository would make.
fn trap(repository: &GitRepository) -> PathBuf {
    repository.home().join("trapped")
}

/// Commits a submodule at `path` with whatever `.gitmodules` says.
fn with_submodule(repository: &GitRepository, gitmodules: &str, path: &str) {
    let commit = repository.git(&["rev-parse", "HEAD"]);
    // Another commit than any that is at hand, so that it would be fetched.
    let other = commit.replace(&commit[..4], "0000");
    repository.write(".gitmodules", gitmodules);
    repository.git(&["add", ".gitmodules"]);
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{other},{path}"),
    ]);
    repository.git(&["commit", "-q", "-m", "submodule"]);
}

fn assert_refused(repository: &GitRepository, what: &str) {
    // The user's own configuration allows everything.
    repository.git(&["config", "protocol.allow", "always"]);
    repository.git(&["config", "protocol.ext.allow", "always"]);
    let mut named = spec(&repository.work());
    named.revision = Some("HEAD".to_owned());
    let error = refusal(resolve(&named));
    assert!(error.to_string().contains("lib"), "{what}: {error}");
    assert!(!trap(repository).exists(), "{what}");
}

#[test]
fn no_url_of_a_submodule_runs_a_command() {
    for url in [
        "ext::touch TRAP",
        "ext::sh -c touch% TRAP",
        "--upload-pack=touch TRAP",
        "-u touch TRAP",
        "ssh://-oProxyCommand=touch TRAP/x",
        "-oProxyCommand=touch TRAP:x",
        "ssh://x@-oProxyCommand=touch TRAP/x",
        "touch::TRAP",
        "file:///nonexistent/repository",
        "$(touch TRAP)",
        "https://127.0.0.1:1/`touch TRAP`",
    ] {
        let repository = GitRepository::with_files();
        let url = url.replace("TRAP", trap(&repository).to_str().unwrap());
        let gitmodules = format!("[submodule \"lib\"]\n\tpath = lib\n\turl = \"{url}\"\n");
        with_submodule(&repository, &gitmodules, "lib");
        assert_refused(&repository, &url);
    }
}

#[test]
fn no_setting_of_gitmodules_but_the_url_counts() {
    let repository = GitRepository::with_files();
    let trap = trap(&repository).display().to_string();
    let gitmodules = format!(
        "[submodule \"lib\"]\n\tpath = lib\n\turl = https://127.0.0.1:1/x\n\tupdate = !touch {trap}\n\
         [core]\n\tsshCommand = touch {trap}\n\thooksPath = .\n\tfsmonitor = touch {trap}\n\
         [include]\n\tpath = ../evil\n[filter \"lfs\"]\n\tsmudge = touch {trap}\n"
    );
    with_submodule(&repository, &gitmodules, "lib");
    assert_refused(&repository, "settings");
}

#[test]
fn names_of_submodules_do_not_leave_their_place() {
    for name in [
        "../../lib",
        "/tmp/lib",
        "lib/../../x",
        ".git/lib",
        "lib/.GIT/hooks",
    ] {
        let repository = GitRepository::with_files();
        let gitmodules = format!(
            "[submodule \"{name}\"]\n\tpath = lib\n\turl = {}\n",
            repository.work().display()
        );
        with_submodule(&repository, &gitmodules, "lib");
        let mut named = spec(&repository.work());
        named.revision = Some("HEAD".to_owned());
        let error = refusal(resolve(&named));
        assert!(
            error.to_string().contains("leads out of its place"),
            "{name}: {error}"
        );
    }
}

/// Writes a tree that `git add` might never make, and returns its id.
fn make_tree(repository: &GitRepository, lines: &str) -> String {
    let list = repository.home().join("tree");
    std::fs::write(&list, lines).unwrap();
    let command = "git mktree --missing < \"$1\"";
    crate::checkout::run(
        crate::checkout::program("sh", repository.home())
            .current_dir(repository.work())
            .args(["-c", command, "sh"])
            .arg(&list),
    )
}

/// Commits a tree that `git add` would never make.
fn commit_tree(repository: &GitRepository, lines: &str) {
    let tree = make_tree(repository, lines);
    let commit = repository.git(&["commit-tree", "-m", "tree", &tree]);
    repository.git(&["update-ref", "refs/heads/hostile", &commit]);
}

/// What packing the branch `hostile` says.
fn refused_pack(work: &Path) -> String {
    let home = tempfile::TempDir::new().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bulla"))
        .args(["pack", "--revision", "hostile", "--"])
        .arg(work)
        .env("HOME", home.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.starts_with("error: ") && !said.contains("panicked"),
        "{said}"
    );
    said
}

#[test]
fn a_path_that_is_a_file_and_a_directory_is_refused() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    let recipe = repository.git(&["rev-parse", "HEAD:bulla.toml"]);
    let tree = repository.git(&["rev-parse", "HEAD:bin"]);
    commit_tree(
        &repository,
        &format!(
            "100644 blob {recipe}\tbulla.toml\n100644 blob {blob}\tlib\n040000 tree {tree}\tlib\n"
        ),
    );
    let said = refused_pack(&repository.work());
    assert!(
        said.contains("`lib/run` lies below `lib`, which is not a directory"),
        "{said}"
    );
}

#[test]
fn a_submodule_where_files_are_is_refused() {
    let repository = GitRepository::with_files();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let tree = repository.git(&["rev-parse", "HEAD:bin"]);
    let recipe = repository.git(&["rev-parse", "HEAD:bulla.toml"]);
    let gitmodules = format!(
        "[submodule \"lib\"]\n\tpath = lib\n\turl = {}\n",
        repository.work().display()
    );
    repository.write(".gitmodules", gitmodules);
    repository.commit("submodules");
    let gitmodules = repository.git(&["rev-parse", "HEAD:.gitmodules"]);
    // The submodule has `bin/run`, the directory has `run`: no path is there twice.
    commit_tree(
        &repository,
        &format!(
            "100644 blob {gitmodules}\t.gitmodules\n100644 blob {recipe}\tbulla.toml\n\
             160000 commit {commit}\tlib\n040000 tree {tree}\tlib\n"
        ),
    );
    let said = refused_pack(&repository.work());
    assert!(
        said.contains("`lib` is a submodule, but the commit has `lib/run` below it"),
        "{said}"
    );
}

#[test]
fn a_name_longer_than_any_file_system_holds_is_refused() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    let recipe = repository.git(&["rev-parse", "HEAD:bulla.toml"]);
    let long = "n".repeat(300);
    commit_tree(
        &repository,
        &format!("100644 blob {recipe}\tbulla.toml\n100644 blob {blob}\t{long}\n"),
    );
    let said = refused_pack(&repository.work());
    assert!(said.contains("300 bytes"), "{said}");
}

#[test]
fn links_in_a_circle_are_only_links() {
    let repository = GitRepository::with_files();
    repository.link("a", "b");
    repository.link("b", "a");
    repository.link("self", "self");
    repository.commit("links");
    assert_eq!(
        crate::checkout::resolved(&repository.work())["self"].1,
        "self"
    );
}

#[test]
fn a_tree_deeper_than_any_path_is_refused() {
    let repository = GitRepository::with_files();
    let recipe = repository.git(&["rev-parse", "HEAD:bulla.toml"]);
    let mut tree = repository.git(&["rev-parse", "HEAD:bin"]);
    let name = "d".repeat(250);
    for depth in 0..40 {
        let first = if depth == 39 {
            format!("100644 blob {recipe}\tbulla.toml\n")
        } else {
            String::new()
        };
        tree = make_tree(&repository, &format!("{first}040000 tree {tree}\t{name}\n"));
    }
    let commit = repository.git(&["commit-tree", "-m", "deep", &tree]);
    repository.git(&["update-ref", "refs/heads/hostile", &commit]);
    let said = refused_pack(&repository.work());
    assert!(said.contains("nested too deep"), "{said}");
}

#[test]
fn trees_that_multiply_without_end_are_refused() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    let recipe = repository.git(&["rev-parse", "HEAD:bulla.toml"]);
    let many = |kind: &str, id: &str| -> String {
        let lines: Vec<String> = (0..2000)
            .map(|number| format!("{kind} {id}\t{number}\n"))
            .collect();
        lines.concat()
    };
    // 2000 times 2000 times 2000 files in four objects.
    let files = make_tree(&repository, &many("100644 blob", &blob));
    let middle = make_tree(&repository, &many("040000 tree", &files));
    let top = make_tree(&repository, &many("040000 tree", &middle));
    let recipe = format!("100644 blob {recipe}\tbulla.toml\n");
    commit_tree(&repository, &format!("{recipe}040000 tree {top}\tx\n"));
    let said = refused_pack(&repository.work());
    assert!(said.contains("more than 2000000 entries"), "{said}");

    // And directories without a file.
    let mut tree = make_tree(&repository, "");
    for _ in 0..4 {
        tree = make_tree(&repository, &many("040000 tree", &tree));
    }
    commit_tree(&repository, &format!("{recipe}040000 tree {tree}\tx\n"));
    let said = refused_pack(&repository.work());
    assert!(said.contains("more than 2000000 entries"), "{said}");
}

#[test]
fn a_tree_that_claims_to_be_larger_than_memory_is_refused() {
    let repository = GitRepository::with_files();
    let recipe = repository.git(&["rev-parse", "HEAD:bulla.toml"]);
    let missing = "0123456789012345678901234567890123456789";
    commit_tree(
        &repository,
        &format!("100644 blob {recipe}\tbulla.toml\n040000 tree {missing}\tx\n"),
    );
    let object = repository.object(missing);
    std::fs::create_dir_all(object.parent().unwrap()).unwrap();
    std::fs::write(object, stored(b"tree 1099511627776\0")).unwrap();
    let said = refused_pack(&repository.work());
    assert!(said.contains("allocation limit"), "{said}");
}

/// A zlib stream of one block that is not compressed (RFC 1950, RFC 1951).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65521;
        high = (high + low) % 65521;
    }
    let (head, sum) = ([0x78, 0x01, 0x01], (high << 16 | low).to_be_bytes());
    let (len, complement) = (len.to_le_bytes(), (!len).to_le_bytes());
    [&head[..], &len, &complement, bytes, &sum].concat()
}

#[test]
fn names_that_git_does_not_check_out_are_refused() {
    let repository = GitRepository::with_files();
    let id = |of: &str| {
        let hex = repository.git(&["rev-parse", of]);
        (0..hex.len() / 2)
            .map(|byte| u8::from_str_radix(&hex[byte * 2..byte * 2 + 2], 16).unwrap())
            .collect::<Vec<u8>>()
    };
    let (blob, recipe, bin) = (id("HEAD:README"), id("HEAD:bulla.toml"), id("HEAD:bin"));
    for name in ["", ".", "..", ".git", ".GIT", "a/b", "bin/run"] {
        for (mode, content) in [("100644", &blob), ("40000", &bin)] {
            let entry = |mode: &str, name: &str, id: &[u8]| {
                [format!("{mode} {name}\0").as_bytes(), id].concat()
            };
            let tree = repository.home().join("tree");
            let entries = [
                entry(mode, name, content),
                entry("100644", "bulla.toml", &recipe),
            ];
            std::fs::write(&tree, entries.concat()).unwrap();
            let hash = ["hash-object", "-t", "tree", "-w", "--literally"];
            let tree = repository.git(&[&hash[..], &[tree.to_str().unwrap()]].concat());
            let commit = repository.git(&["commit-tree", "-m", "names", &tree]);
            repository.git(&["update-ref", "refs/heads/hostile", &commit]);
            let said = refused_pack(&repository.work());
            assert!(
                said.contains(&format!("an entry `{name}`")) && said.contains("git fsck"),
                "{name:?}: {said}"
            );
        }
    }
}

#[test]
fn a_submodule_where_a_file_is_is_refused() {
    let repository = GitRepository::with_files();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.write(
        ".gitmodules",
        "[submodule \"lib\"]\n\tpath = lib\n\turl = ./\n",
    );
    repository.git(&["add", ".gitmodules"]);
    let [blob, recipe, gitmodules] =
        [":README", ":bulla.toml", ":.gitmodules"].map(|name| repository.git(&["rev-parse", name]));
    // Here, so that it is read and not fetched.
    std::os::unix::fs::symlink("..", modules(&repository).join("lib")).unwrap();
    commit_tree(
        &repository,
        &format!(
            "100644 blob {gitmodules}\t.gitmodules\n100644 blob {recipe}\tbulla.toml\n\
             100644 blob {blob}\tlib\n160000 commit {commit}\tlib\n"
        ),
    );
    let said = refused_pack(&repository.work());
    assert!(said.contains("`lib"), "{said}");
    assert!(said.contains("which is not a directory"), "{said}");
}

/// The directory of the submodules' repositories.
fn modules(repository: &GitRepository) -> PathBuf {
    let modules = repository.work().join(".git/modules");
    std::fs::create_dir_all(&modules).unwrap();
    modules
}

#[test]
fn submodules_in_submodules_without_end_are_refused() {
    let repository = GitRepository::with_files();
    repository.write(".gitmodules", "[submodule \"m\"]\n\tpath = m\n\turl = ./\n");
    let mut commit = repository.commit("submodule");
    let recipe = repository.git(&["rev-parse", "HEAD:bulla.toml"]);
    let gitmodules = repository.git(&["rev-parse", "HEAD:.gitmodules"]);
    // Each commit has the one before it as its submodule, and its repository is its own.
    for _ in 0..40 {
        commit_tree(
            &repository,
            &format!(
                "100644 blob {gitmodules}\t.gitmodules\n100644 blob {recipe}\tbulla.toml\n\
                 160000 commit {commit}\tm\n"
            ),
        );
        commit = repository.git(&["rev-parse", "hostile"]);
    }
    std::os::unix::fs::symlink("..", modules(&repository).join("m")).unwrap();
    let said = refused_pack(&repository.work());
    assert!(said.contains("at most 32 may lie in each other"), "{said}");
    assert!(said.contains("`m/m/m"), "{said}");

    let level = repository.git(&["rev-parse", "hostile"]);
    let mut commit = level;
    for _ in 0..12 {
        commit = repository.git(&["rev-parse", &format!("{commit}:m")]);
    }
    repository.git(&["update-ref", "refs/heads/main", &commit]);
    let mut named = spec(&repository.work());
    named.revision = Some("main".to_owned());
    let checkout = resolve(&named).unwrap();
    assert_eq!(checkout.tracked().len(), 28 * 2 + 5);
}
