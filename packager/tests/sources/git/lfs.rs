//! Git LFS: content in the place of pointers.

use bulla_packager::source::{ContentId, SourceSpec};
use bulla_schemas::Digest;
use bulla_schemas::outcome::Outcome as _;

use crate::checkout::{
    GitRepository, RECIPE, contents, program, refusal, resolve, resolved, run, skip, spec,
};

const CONTENT: &str = "a large file\n";

fn pointer(content: &str) -> String {
    format!(
        "version https://git-lfs.github.com/spec/v1\noid {}\nsize {}\n",
        Digest::of(content.as_bytes()),
        content.len()
    )
}

/// A repository with a pointer at `large.bin`, and its content in the store when `stored`.
fn with_pointer(stored: bool) -> GitRepository {
    let repository = GitRepository::with_files();
    repository.write("large.bin", pointer(CONTENT));
    repository.commit("pointer");
    repository.write(
        ".gitattributes",
        "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    );
    repository.commit("attributes");
    if stored {
        repository.write(&stored_path(CONTENT), CONTENT);
    }
    repository
}

fn stored_path(content: &str) -> String {
    let hex = Digest::of(content.as_bytes()).hex();
    format!(".git/lfs/objects/{}/{}/{hex}", &hex[..2], &hex[2..4])
}

#[test]
fn the_content_is_in_the_place_of_its_pointer() {
    let repository = with_pointer(true);
    assert_eq!(
        resolved(&repository.work())["large.bin"].1,
        "a large file\\n"
    );
    let checkout = resolve(&spec(&repository.work())).unwrap();
    let position = checkout
        .tracked()
        .iter()
        .position(|tracked| tracked.path == b"large.bin")
        .unwrap();
    let expected = ContentId::Sha256(Digest::of(CONTENT.as_bytes()));
    assert_eq!(checkout.id(position), Some(expected));
}

#[test]
fn content_that_is_nowhere_is_named() {
    let repository = with_pointer(false);
    let error = refusal(resolve(&spec(&repository.work())));
    assert!(error.to_string().contains("large.bin"), "{error}");
    assert!(error.hint().unwrap().contains("git lfs fetch"));

    for recipe in [
        format!("{RECIPE}exclude = [\"*.bin\"]\n"),
        format!("{RECIPE}[source]\nlfs = \"pointers\"\n"),
    ] {
        repository.write("bulla.toml", recipe);
        repository.commit("recipe");
        assert!(resolve(&spec(&repository.work())).is_ok());
    }
    assert_eq!(
        resolved(&repository.work())["large.bin"].1,
        pointer(CONTENT).escape_debug().to_string()
    );
}

#[test]
fn damaged_content_is_not_packed() {
    let repository = with_pointer(true);
    repository.write(&stored_path(CONTENT), CONTENT.replace('a', "b"));
    let checkout = resolve(&spec(&repository.work())).unwrap();
    let position = checkout
        .tracked()
        .iter()
        .position(|tracked| tracked.path == b"large.bin")
        .unwrap();
    let error = checkout.read(position, 1000).unwrap_err();
    assert!(error.to_string().contains("git lfs fetch"), "{error}");
    repository.write(&stored_path(CONTENT), "short");
    let error = refusal(resolve(&spec(&repository.work())));
    assert!(error.to_string().contains("large.bin"), "{error}");
}

#[test]
fn only_what_has_the_filter_is_a_pointer() {
    let repository = with_pointer(true);
    repository.write("example.txt", pointer("example"));
    repository.write("whole.bin", "content that was committed as it is");
    repository.write("empty.bin", "");
    repository.commit("more");
    // The filter of an installed `git lfs` would call `whole.bin` changed.
    let mut named = spec(&repository.work());
    named.revision = Some("HEAD".to_owned());
    let found = contents(&resolve(&named).unwrap());
    assert!(found["example.txt"].1.starts_with("version"));
    assert_eq!(found["whole.bin"].1, "content that was committed as it is");
    repository.write(
        "broken.bin",
        "version https://git-lfs.github.com/spec/v1\noid x\n",
    );
    repository.commit("broken");
    let error = refusal(resolve(&named));
    assert!(error.to_string().contains("broken.bin"), "{error}");
}

/// A clone whose store is empty, of a repository that has the content.
fn clone_without_content() -> Option<(GitRepository, std::path::PathBuf)> {
    let repository = with_pointer(true);
    let told = program("git", repository.home())
        .args(["lfs", "version"])
        .output();
    if !told.is_ok_and(|told| told.status.success()) {
        skip("git-lfs is not installed");
        return None;
    }
    let clone = repository.home().join("clone");
    let url = format!("file://{}", repository.work().display());
    repository.git(&[
        "clone",
        "-q",
        "--no-checkout",
        &url,
        clone.to_str().unwrap(),
    ]);
    assert!(!clone.join(".git/lfs/objects").exists());
    Some((repository, clone))
}

fn revision(checkout: &std::path::Path) -> SourceSpec {
    let mut named = spec(checkout);
    named.revision = Some("HEAD".to_owned());
    named
}

#[test]
fn what_is_not_here_is_fetched_by_git_lfs() {
    let Some((_repository, clone)) = clone_without_content() else {
        return;
    };
    let found = contents(&resolve(&revision(&clone)).unwrap());
    assert_eq!(found["large.bin"].1, "a large file\\n");
}

#[test]
fn what_git_lfs_cannot_fetch_is_named_with_what_it_said() {
    let Some((repository, clone)) = clone_without_content() else {
        return;
    };
    std::fs::remove_dir_all(repository.work().join(".git/lfs")).unwrap();
    let error = refusal(resolve(&revision(&clone)));
    assert!(error.to_string().contains("large.bin"), "{error}");
}

#[test]
fn a_store_elsewhere_is_found() {
    let Some((repository, clone)) = clone_without_content() else {
        return;
    };
    let store = repository.home().join("store");
    std::fs::rename(repository.work().join(".git/lfs"), &store).unwrap();
    repository.git_in(&clone, &["config", "lfs.storage", store.to_str().unwrap()]);
    let found = contents(&resolve(&revision(&clone)).unwrap());
    assert_eq!(found["large.bin"].1, "a large file\\n");
}

#[test]
fn the_server_that_a_commit_names_and_the_rights_of_a_job_are_used() {
    use crate::git::server::GitServer;
    let Some((repository, clone)) = clone_without_content() else {
        return;
    };
    let server = GitServer::start(&[("x", &repository.work())], Some("ada:secret"));
    repository.git_in(
        &clone,
        &["config", "remote.origin.url", "https://127.0.0.1:1/x"],
    );
    let url = format!("{}/lfs", server.url);
    repository.git(&["config", "-f", ".lfsconfig", "lfs.url", &url]);
    repository.commit("server");
    let work = repository.work().display().to_string();
    repository.git_in(&clone, &["fetch", "-q", &work]);
    repository.git_in(&clone, &["reset", "-q", "--soft", "FETCH_HEAD"]);
    let said = refusal(resolve(&revision(&clone))).to_string();
    assert!(said.contains("large.bin"), "{said}");
    assert_eq!(server.refused(), 1, "{said}");
    // As `actions/checkout` leaves it there.
    let key = format!("http.{}/.extraheader", server.url);
    let header = "Authorization: Basic YWRhOnNlY3JldA==";
    repository.git_in(&clone, &["config", &key, header]);
    let said = refusal(resolve(&revision(&clone))).to_string();
    assert!(
        said.contains("large.bin") && !said.contains("YWRh"),
        "{said}"
    );
    assert_eq!(server.refused(), 1, "{said}");
}

#[test]
fn a_file_that_git_lfs_wrote_is_as_committed() {
    let repository = with_pointer(true);
    repository.write("large.bin", CONTENT);
    assert_eq!(
        resolved(&repository.work())["large.bin"].1,
        "a large file\\n"
    );
    repository.write("large.bin", CONTENT.replace('a', "b"));
    let said = refusal(resolve(&spec(&repository.work()))).to_string();
    assert!(said.contains("modified: large.bin"), "{said}");
}

#[test]
fn a_file_of_another_filter_is_told_apart() {
    let repository = GitRepository::with_files();
    repository.write("secret", "committed");
    repository.commit("secret");
    repository.write(".gitattributes", "secret filter=crypt\n");
    repository.commit("filter");
    assert!(resolve(&spec(&repository.work())).is_ok());
    repository.write("secret", "plain");
    let error = refusal(resolve(&spec(&repository.work())));
    assert!(
        error
            .to_string()
            .contains("changed by a filter, which is not run: secret"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--revision"), "{error}");
}

#[test]
fn a_borrowed_store_and_a_linked_work_tree_are_read() {
    let repository = with_pointer(true);
    let shared = repository.home().join("shared");
    repository.git(&[
        "clone",
        "-q",
        "--shared",
        "--no-checkout",
        ".",
        shared.to_str().unwrap(),
    ]);
    let found = contents(&resolve(&revision(&shared)).unwrap());
    assert_eq!(found["large.bin"].1, "a large file\\n");
    let linked = repository.home().join("linked");
    repository.git(&[
        "worktree",
        "add",
        "-q",
        "--no-checkout",
        linked.to_str().unwrap(),
    ]);
    let found = contents(&resolve(&revision(&linked)).unwrap());
    assert_eq!(found["large.bin"].1, "a large file\\n");
}

#[test]
fn a_submodule_has_a_store_and_a_remote_of_its_own() {
    let Some((library, _)) = clone_without_content() else {
        return;
    };
    let main = GitRepository::with_files();
    let url = format!("file://{}", library.work().display());
    let allow = "[protocol \"file\"]\n\tallow = always\n";
    std::fs::write(main.home().join(".gitconfig"), allow).unwrap();
    main.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "-q",
        "add",
        &url,
        "lib",
    ]);
    main.commit("library");
    // In the clone, neither the submodule nor its store is there.
    let clone = main.home().join("clone");
    main.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
    let pack = |checkout: &std::path::Path| {
        let mut command = program(env!("CARGO_BIN_EXE_bulla"), main.home());
        command.env_remove("GIT_CONFIG_GLOBAL");
        run(command.args(["pack", "--fresh", "--"]).arg(checkout))
    };
    let fetched = pack(&clone);
    assert!(!clone.join(".git/modules").exists());
    // The work tree's submodule has the content in `.git/modules/lib/lfs`, or gets it there.
    assert_eq!(pack(&main.work()), fetched);
    let stored = stored_path(CONTENT).replace(".git/", ".git/modules/lib/");
    assert!(main.work().join(stored).exists());

    let found = resolved(&main.work());
    assert_eq!(found["lib/large.bin"].1, "a large file\\n");
}
