//! `README.md`: its commands, in their order, as a new user would type them.

use std::path::Path;

use bulla_tests::programs::{hermetic, search_path};
use bulla_tests::{GitCheckout, Registry, Transcript, make_removable};

/// What the shell knows before the first command: the programs, and where this test's server
/// keeps its things. `hash` and `anchor` are the last lines that the README speaks of.
const PRELUDE: &str = r#"set -euo pipefail
bulla() {
  command bulla "$@" >"$HOME/said"
  cat "$HOME/said"
  case $1 in
    init) anchor=$(tail -n 1 "$HOME/said") ;;
    publish) hash=$(tail -n 1 "$HOME/said") ;;
  esac
}
bulla-installer() { command bulla-installer "$@" --root "$HOME/srv" --state "$HOME/state"; }
mkdir "$HOME/srv" "$HOME/.ssh"
ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_ed25519"
"#;

#[test]
fn the_commands_of_the_readme_work_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let data = directory.path().join("data");
    // The README's own line, but for a port that is free.
    let mut registry = Registry::serve(&data, &home);
    let serve = "bulla-registry serve --data /var/lib/bulla-registry --anonymous-read &\n";
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"))
            .unwrap();
    assert!(readme.contains(serve));
    let from = readme.find("## From nothing").unwrap();
    let to = readme.find("## Reading on").unwrap();
    let blocks: Vec<_> = readme[from..to].split("```").collect();
    let shell = blocks.iter().filter_map(|block| block.strip_prefix("sh\n"));
    let recipe = blocks.iter().find_map(|block| block.strip_prefix("toml\n"));
    let commands = shell
        .collect::<Vec<_>>()
        .join("echo next >next && git add next && git commit -qm next\n");
    let commands = commands
        .replace(serve, "")
        .replace("/var/lib/bulla-registry", data.to_str().unwrap())
        .replace("http://127.0.0.1:5000", registry.url())
        .replace("'releases.acme.example/bulla+1+...'", "\"$anchor\"")
        .replace("9f2c81aa", "${hash:7:8}")
        .replace("c41d07e2", "${hash:7:8}");
    let mut checkout =
        GitCheckout::with_application(&directory.path().join("checkout"), "acme/billing");
    checkout.write("bulla.toml", recipe.unwrap());
    checkout.commit("The recipe of the README");
    let script = directory.path().join("script");
    std::fs::write(&script, format!("{PRELUDE}{commands}")).unwrap();
    let mut bash = hermetic("bash", &home);
    bash.arg("-x")
        .arg(script)
        .current_dir(&checkout.path)
        .env("PATH", search_path())
        .env("GIT_AUTHOR_NAME", "alice")
        .env("GIT_AUTHOR_EMAIL", "alice@example.com")
        .env("GIT_COMMITTER_NAME", "alice")
        .env("GIT_COMMITTER_EMAIL", "alice@example.com");
    let ran = Transcript::of(&mut bash).done();
    for command in ["bulla diff", "bulla promote", "bulla-installer rollback"] {
        assert!(
            ran.stderr.contains(&format!("+ command {command}")),
            "{ran}"
        );
    }
    registry.stop();
    // Releases on a server have no write bits.
    make_removable(directory.path());
}
