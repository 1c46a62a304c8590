//! `docs/trust.md`, "A team, from its first policy to a lost registry": what is typed there, in its order,
//! each by who types it, and what is printed there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bulla_tests::programs::{hermetic, search_path};
use bulla_tests::{GitCheckout, Person, Registry, Transcript, make_removable};

use crate::evil::log::{DoctoredLog, log_key};
use crate::evil::registry::EvilRegistry;

const ORIGIN: &str = "releases.acme.example/bulla";
/// What stands in the page for the anchor.
const ANCHOR: &str = "releases.acme.example/bulla+1+…";
const MIRROR: &str = "https://mirror.acme.example";

/// Nobody is here to answer, servers have folders of their own, and what lies on another machine lies in
/// another folder here.
const PRELUDE: &str = r#"set -euo pipefail
bulla() {
  case "$1 ${2-}" in
    promote*|approve*|revoke*|person*|channel*|policy*|'key rotate') set -- "$@" --yes ;;
  esac
  command bulla "$@"
}
bulla-installer() { command bulla-installer "$@" --root "$HOME/srv" --state "$HOME/state"; }
scp() { cp "$@"; }
"#;

struct Team {
    registry: Registry,
    token: String,
    /// One with all rights.
    admin: String,
    mirror: EvilRegistry,
    checkout: GitCheckout,
    /// What stands in the page, and what it is here.
    names: BTreeMap<String, String>,
    directory: tempfile::TempDir,
}

impl Team {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let registry = Registry::serve(&path("registry"), directory.path());
        let checkout = GitCheckout::with_application(&path("checkout"), "acme/billing");
        let team = Self {
            token: registry.create_token("push,pull", "*"),
            admin: registry.create_token("push,pull,admin", "*"),
            mirror: EvilRegistry::before(registry.url()),
            registry,
            checkout,
            names: BTreeMap::new(),
            directory,
        };
        for who in ["alice", "bob", "carol"] {
            let keys = team.home(who).join(".ssh");
            let person = Person::with_new_key("id_ed25519", &keys);
            let public = team.checkout.path.join(format!("{who}.pub"));
            fs::copy(person.public_key, public).unwrap();
        }
        let new = Person::with_new_key("carol-new", &team.directory.path().join("token"));
        fs::copy(new.public_key, team.checkout.path.join("carol-new.pub")).unwrap();
        for who in ["web1", "web2", "ci", "mallory", "registry"] {
            fs::create_dir_all(team.home(who).join("srv")).unwrap();
        }
        team
    }

    fn home(&self, who: &str) -> PathBuf {
        self.directory.path().join("homes").join(who)
    }

    /// Returns a command of the page as it is typed here.
    fn here(&self, command: &str) -> String {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let state = |who: &str| self.home(who).join("state").display().to_string();
        let mut command = command
            .replace("https://releases.acme.example", self.registry.url())
            .replace(MIRROR, self.mirror.url())
            .replace("/var/lib/bulla-registry", &path("registry"))
            .replace("web1:/var/lib/bulla", &state("web1"))
            .replace("web2:/var/lib/bulla", &state("web2"))
            .replace("/mnt", &path("mnt"));
        for (name, real) in &self.names {
            command = command.replace(name, real);
        }
        command
    }

    fn run(&self, who: &str, command: &str) -> Transcript {
        let mut bash = hermetic("bash", &self.home(who));
        bash.arg("-c")
            .arg(format!("{PRELUDE}{}", self.here(command)))
            .current_dir(&self.checkout.path)
            .env("PATH", search_path())
            .env("BULLA_REGISTRY", self.registry.url())
            .env("BULLA_TOKEN", self.token_for(command));
        if let Some(anchor) = self.names.get(ANCHOR) {
            bash.env("BULLA_ANCHOR", anchor);
        }
        Transcript::of(&mut bash)
    }

    /// Only what is lost comes back with all rights.
    fn token_for(&self, command: &str) -> &str {
        if command.starts_with("bulla log push") {
            &self.admin
        } else {
            &self.token
        }
    }

    /// What the page tells between commands.
    fn before(&mut self, who: &str, command: &str) {
        if who == "mallory" && !self.names.contains_key("e41bd001") {
            self.checkout.commit_change("by mallory");
        }
        if command.contains(MIRROR) {
            self.fork();
        }
        if command.starts_with("bulla-registry restore") {
            self.registry.stop();
            fs::remove_dir_all(self.registry.data()).unwrap();
        }
        if command.starts_with("bulla publish --key ci-new.pem") {
            self.checkout.commit_change("The next fix");
        }
        if who == "carol" && command.contains("the next fix") {
            // She has the key by now that the others put into the policy.
            let key = self.directory.path().join("token/carol-new");
            for end in ["", ".pub"] {
                let from = key.display().to_string() + end;
                let to = self
                    .home("carol")
                    .join(".ssh")
                    .join(format!("id_ed25519{end}"));
                fs::copy(from, to).unwrap();
            }
        }
    }

    fn after(&mut self, command: &str) {
        if command.starts_with("bulla-registry restore") {
            self.registry.start_again();
        }
    }

    /// The same number of entries, and the last one, the revocation, is another one.
    fn fork(&self) {
        let mut log = DoctoredLog::read(self.registry.data());
        let release = log.entries[1].clone();
        *log.entries.last_mut().unwrap() = release;
        let key = log_key(self.registry.data());
        self.mirror.show_log(log.sign(ORIGIN, &key));
    }

    /// Finds a printed line in what was said, and learns the names in it.
    fn read(&mut self, printed: &str, said: &Transcript) {
        let mut lines = said.stdout.lines().chain(said.stderr.lines());
        if printed == ANCHOR {
            let anchor = said.last_line().to_owned();
            assert!(anchor.starts_with(ANCHOR.trim_end_matches('…')), "{said}");
            self.names.insert(ANCHOR.to_owned(), anchor);
            return;
        }
        let learned = lines.find_map(|line| learn(&self.names, printed, line));
        let learned = learned.unwrap_or_else(|| panic!("expected {printed:?} of\n{said}"));
        self.names.extend(learned);
    }
}

/// Compares a line of the page with one that was said. Hexadecimal digits, eight or more, stand for others,
/// which are returned where they are new; what stands for `…` at the end does not matter.
fn learn(
    names: &BTreeMap<String, String>,
    mut printed: &str,
    mut said: &str,
) -> Option<Vec<(String, String)>> {
    let mut learned = Vec::new();
    loop {
        let (name, real) = (digits(printed), digits(said));
        if name.len() >= 8 {
            match names.get(name) {
                Some(known) if !real.starts_with(known.as_str()) => return None,
                None if real.len() < name.len() => return None,
                Some(_) => {}
                // As long as people type it.
                None => learned.push((name.to_owned(), real[..real.len().min(12)].to_owned())),
            }
            (printed, said) = (&printed[name.len()..], &said[real.len()..]);
            continue;
        }
        let (mut rest, mut other) = (printed.chars(), said.chars());
        match (rest.next(), other.next()) {
            (Some('…'), _) | (None, None) => return Some(learned),
            (Some(one), Some(same)) if one == same => {}
            _ => return None,
        }
        (printed, said) = (rest.as_str(), other.as_str());
    }
}

fn digits(text: &str) -> &str {
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    &text[..text.find(|c| !is_digit(c)).unwrap_or(text.len())]
}

#[test]
fn a_team_lives_through_all_that_the_page_tells() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trust.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("## A team, from").unwrap();
    let blocks = section
        .split("```")
        .filter_map(|block| block.strip_prefix("console\n"));
    let lines: Vec<&str> = blocks.flat_map(str::lines).collect();
    let is_command = |line: &&str| {
        line.split_once("$ ")
            .is_some_and(|(who, _)| !who.contains(' '))
    };
    let mut team = Team::new();
    let mut ran = 0;
    let mut at = 0;
    while at < lines.len() {
        let (who, command) = lines[at].split_once("$ ").unwrap();
        let printed = lines[at + 1..].iter().take_while(|line| !is_command(line));
        let printed: Vec<&str> = printed.copied().collect();
        team.before(who, command);
        let said = team.run(who, command);
        let is_refused = printed.iter().any(|line| line.starts_with("error: "));
        assert_eq!(said.status != Some(0), is_refused, "{said}");
        for line in &printed {
            team.read(line, &said);
        }
        team.after(command);
        at += 1 + printed.len();
        ran += 1;
    }
    assert!(ran >= 35, "{ran}");

    // The last release is live on the server that saw one history, and the first on the other one.
    let live = |who: &str| {
        let link = team.home(who).join("srv/acme/billing/current");
        fs::read_link(link).unwrap().file_name().unwrap().to_owned()
    };
    let is_live = |who: &str, name: &str| {
        let live = live(who).into_string().unwrap();
        assert!(live.starts_with(&team.names[name]), "{who}: {live}");
    };
    is_live("web1", "c41d07e2");
    is_live("web2", "9f2c81aa");
    team.registry.stop();
    make_removable(team.directory.path());
}
