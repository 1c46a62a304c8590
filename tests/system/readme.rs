//! `README.md` and `docs/`: the commands of the one run in their order, as a new user would type
//! them; those of the others have the words and options that are named.

use std::collections::BTreeMap;
use std::path::Path;

use bulla_tests::programs::{Program, hermetic, search_path};
use bulla_tests::{GitCheckout, Registry, Transcript, make_removable};

/// What the shell knows before the first command: the programs, and where this test's server
/// keeps its things. `hash` and `anchor` are the last lines that the README speaks of; a promotion
/// asks, and nobody is here to answer.
const PRELUDE: &str = r#"set -euo pipefail
bulla() {
  if [[ $1 == promote ]]; then set -- "$@" --yes; fi
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

#[test]
fn the_pages_name_only_commands_and_options_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for directory in ["docs", "docs/ci"] {
        let entries = std::fs::read_dir(root.join(directory)).unwrap();
        pages.extend(entries.map(|entry| entry.unwrap().path()));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let mut helps = BTreeMap::new();
    let mut checked = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        // In a block of shell a command begins a line; in a sentence it stands between backticks.
        for span in text.split(['`', '\n']) {
            let mut words = span.split_whitespace().peekable();
            let program = match words.next() {
                Some("bulla") => Program::Bulla,
                Some("bulla-registry") => Program::Registry,
                Some("bulla-installer") => Program::Installer,
                _ => continue,
            };
            let mut command = Vec::new();
            let is_name = |word: &&str| word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-'));
            let starts_with_letter = |word: &&str| !word.starts_with('-');
            while command.len() < 3
                && let Some(word) = words.next_if(|word| is_name(word) && starts_with_letter(word))
            {
                command.push(word);
            }
            let mut help = help_of(program, &command, &mut helps);
            // The last words may be names, as in `bulla diff prod`, unless they choose a command.
            while help.is_none() && command.len() > 1 {
                command.pop();
                help = help_of(program, &command, &mut helps)
                    .filter(|help| !help.contains("\nCommands:\n"));
            }
            let place = format!("`{span}` in {}", page.display());
            let help = help.unwrap_or_else(|| panic!("no such command: {place}"));
            for option in words.filter_map(option) {
                let is_listed = help
                    .split([' ', ',', '\n', '='])
                    .any(|listed| listed == option);
                assert!(is_listed, "no option {option}: {place}");
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

/// The help of each command that was asked for; `None` for one that does not exist.
type Helps = BTreeMap<(String, Vec<String>), Option<String>>;

fn help_of(program: Program, command: &[&str], helps: &mut Helps) -> Option<String> {
    let words = command.iter().map(|word| (*word).to_owned()).collect();
    let key = (format!("{program:?}"), words);
    let ask = || {
        let mut ask = hermetic(program.path(), Path::new("/"));
        let asked = Transcript::of(ask.args(command).arg("--help"));
        (asked.status == Some(0)).then_some(asked.stdout)
    };
    helps.entry(key).or_insert_with(ask).clone()
}

/// Returns the option that a word is, without the brackets of what may be left out.
fn option(word: &str) -> Option<&str> {
    let word = word.trim_matches(['[', ']', '|', ';']);
    let word = word.split_once('=').map_or(word, |(option, _)| option);
    let letters = word.trim_start_matches('-');
    let is_option =
        word.starts_with('-') && letters.starts_with(|first: char| first.is_ascii_lowercase());
    is_option.then_some(word)
}
