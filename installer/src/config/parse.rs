//! From the text of a host file to what it says, or to everything that is wrong with it.
//!
//! Serde stops at the first error, so every key is first read alone; only what needs several keys is
//! found by reading the whole.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use bulla_schemas::ProjectName;
use bulla_schemas::install::Hooks;
use url::Url;

use super::host::{HostConfig, Registry};
use super::problem::Problem;
use super::project::{self, LoadBalancer, PersistPolicy, ProjectConfig, Retention, lacks_root};
use super::windows::Window;

/// The key whose values are read one by one.
const WINDOWS: &str = "windows";

/// Reads a host file.
pub(super) fn parse(bytes: &[u8]) -> Result<HostConfig, Vec<Problem>> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        let found = rest.first().copied().unwrap_or_default();
        let message = format!("expected UTF-8, found the byte {found:#04x}");
        let valid = String::from_utf8_lossy(valid);
        vec![Problem::at(&valid, valid.len(), message)]
    })?;
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut problems = Problems {
        text,
        found: errors
            .iter()
            .map(|error| Problem::of_error(text, error))
            .collect(),
    };
    if problems.found.is_empty() {
        problems.of_host(table.get_ref());
    }
    if problems.found.is_empty() {
        match toml::from_str(text) {
            Ok(config) => return Ok(config),
            Err(error) => problems.add(&error),
        }
    }
    let mut found = problems.found;
    found.sort_by_key(|problem| (problem.line, problem.column));
    found.dedup();
    Err(found)
}

type Key<'text> = Spanned<DeString<'text>>;
type Value<'text> = Spanned<DeValue<'text>>;

struct Problems<'text> {
    text: &'text str,
    found: Vec<Problem>,
}

impl Problems<'_> {
    fn say(&mut self, offset: usize, message: impl Into<String>) {
        self.found.push(Problem::at(self.text, offset, message));
    }

    fn add(&mut self, error: &toml::de::Error) {
        self.found.push(Problem::of_error(self.text, error));
    }

    fn of_host(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("project", DeValue::Table(projects)) => {
                    for (name, section) in projects {
                        self.of_project(name, section);
                    }
                }
                ("registry", DeValue::Array(registries)) => {
                    self.of_registries(registries.iter());
                }
                (WINDOWS, DeValue::Array(windows)) => self.of_windows(windows.iter()),
                _ => self.of_key::<HostConfig>(key, value),
            }
        }
        self.of_installer(table);
    }

    /// Refuses a project for this program that is not followed: it would never be kept up to date.
    fn of_installer(&mut self, table: &DeTable<'_>) {
        let Some(named) = table.get("installer") else {
            return;
        };
        let project = named.get_ref().as_str().unwrap_or_default();
        let section = table
            .get("project")
            .and_then(|all| all.get_ref().get(project));
        let is_followed = section.is_some_and(|section| section.get_ref().get("channel").is_some());
        if !is_followed && project.parse::<ProjectName>().is_ok() {
            let message = format!(
                "expected a project that this file follows, with a `channel` in \
                 `[project.\"{project}\"]`; found {project}"
            );
            self.say(named.span().start, message);
        }
    }

    fn of_project(&mut self, name: &Key<'_>, section: &Value<'_>) {
        if let Err(error) = name.get_ref().parse::<ProjectName>() {
            self.say(name.span().start, error.to_string());
        }
        let DeValue::Table(table) = section.get_ref() else {
            return self.of_value::<ProjectConfig>(section.clone());
        };
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (WINDOWS, DeValue::Array(windows)) => self.of_windows(windows.iter()),
                ("persist", DeValue::Table(table)) => self.of_keys::<PersistPolicy>(table),
                ("keep", DeValue::Table(table)) => self.of_keys::<Retention>(table),
                ("hooks", DeValue::Table(table)) => self.of_commands::<Hooks>(key, value, table),
                ("load-balancer", DeValue::Table(table)) => {
                    self.of_commands::<LoadBalancer>(key, value, table);
                    if !["drain", "undrain"]
                        .iter()
                        .all(|key| table.contains_key(*key))
                    {
                        self.say(value.span().start, project::BOTH);
                    }
                }
                _ => self.of_key::<ProjectConfig>(key, value),
            }
        }
    }

    /// Reads a table with commands of the server's own: every key alone, and then what needs several
    /// of them.
    fn of_commands<T: DeserializeOwned>(
        &mut self,
        name: &Key<'_>,
        section: &Value<'_>,
        table: &DeTable<'_>,
    ) {
        let known = self.found.len();
        for (key, value) in table {
            let known = self.found.len();
            self.of_key::<T>(key, value);
            let program = value.get_ref().get(0).filter(|_| self.found.len() == known);
            if let Some(program) = program
                && let Some(wrong) = program.get_ref().as_str().and_then(lacks_root)
            {
                self.say(program.span().start, wrong);
            }
        }
        if self.found.len() == known {
            self.of_key::<ProjectConfig>(name, section);
        }
    }

    fn of_registries<'text>(&mut self, registries: impl Iterator<Item = &'text Value<'text>>) {
        let mut seen = BTreeMap::new();
        for registry in registries {
            let DeValue::Table(table) = registry.get_ref() else {
                self.of_value::<Registry>(registry.clone());
                continue;
            };
            for (key, value) in table {
                self.of_value::<Registry>(with_address(key, value));
            }
            let start = registry.span().start;
            let Some(address) = table.get("url") else {
                self.say(start, "missing field `url`");
                continue;
            };
            let address = address.get_ref().as_str().unwrap_or_default();
            if let Ok(url) = Url::parse(address) {
                let place = Problem::at(self.text, start, "");
                if let Some(line) = seen.insert(url.clone(), place.line) {
                    let message = format!("`{url}` is a registry in line {line} already");
                    self.found.push(Problem { message, ..place });
                }
            }
        }
    }

    fn of_windows<'text>(&mut self, windows: impl Iterator<Item = &'text Value<'text>>) {
        for window in windows {
            self.of_value::<Window>(window.clone());
        }
    }

    /// Reads each key of a table all of whose keys can be left out.
    fn of_keys<T: DeserializeOwned>(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            self.of_key::<T>(key, value);
        }
    }

    /// Reads one key of a table all of whose keys can be left out.
    fn of_key<T: DeserializeOwned>(&mut self, key: &Key<'_>, value: &Value<'_>) {
        self.of_value::<T>(alone(key, value));
    }

    fn of_value<T: DeserializeOwned>(&mut self, value: Value<'_>) {
        let start = value.span().start;
        if let Err(error) = T::deserialize(ValueDeserializer::from(value)) {
            self.found.push(Problem::of_value(self.text, start, &error));
        }
    }
}

/// Makes a table of one key.
fn alone<'text>(key: &Key<'text>, value: &Value<'text>) -> Value<'text> {
    let mut table = DeTable::new();
    table.insert(key.clone(), value.clone());
    Spanned::new(value.span(), DeValue::Table(table))
}

/// Makes a registry of one key, and of the address without which it is none.
fn with_address<'text>(key: &Key<'text>, value: &Value<'text>) -> Value<'text> {
    let mut registry = alone(key, value);
    if let DeValue::Table(table) = registry.get_mut()
        && !table.contains_key("url")
    {
        let text = |text: &'static str| Spanned::new(0..0, DeString::Borrowed(text));
        let address = DeValue::String(text("https://releases.acme.example").into_inner());
        table.insert(text("url"), Spanned::new(0..0, address));
    }
    registry
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::project::{DriftPolicy, HoldPolicy, HookPolicy, Link, Retention};
    use super::*;

    const WHOLE: &str = r#"
root = "/data/srv"
state = "/data/bulla"
anchor = "acme.example/bulla+1+0000000000000000000000000000000000000000000000000000000000000000"

[[registry]]
url = "https://one.acme.example"
token-file = "/etc/bulla/token"

[[registry]]
url = "https://two.acme.example"

[project."acme/billing"]
channel = "prod"
root = "/data/apps"
persist = { owner = "www-data:adm", mode = "2750" }
link = "hard"
keep = { count = 3, age = "30d", quota = "20GB" }
environment-file = "/etc/billing.env"
user = "www-data"
drift = "block"
hold = "until-release"

[project."acme/billing".hooks]
activate = ["/usr/bin/systemctl", "reload", "billing"]

[project.shop]
hooks = "forbid"
"#;

    #[test]
    fn every_key_is_read() {
        let config = parse(WHOLE.as_bytes()).unwrap();
        assert_eq!(config.root.as_deref(), Some(Path::new("/data/srv")));
        assert_eq!(config.anchor.as_ref().unwrap().origin, "acme.example/bulla");
        let urls: Vec<_> = config
            .registries
            .iter()
            .map(|registry| registry.url.as_str())
            .collect();
        assert_eq!(
            urls,
            ["https://one.acme.example/", "https://two.acme.example/"]
        );
        let billing = config.project(&"acme/billing".parse().unwrap());
        assert_eq!(billing.persist.mode.unwrap().bits(), 0o2750);
        assert_eq!(billing.link, Link::Hard);
        assert_eq!(billing.keep.count, 3);
        assert_eq!(billing.keep.quota.unwrap().bytes(), 20_000_000_000);
        assert_eq!(billing.user.unwrap().as_str(), "www-data");
        assert_eq!(billing.drift, DriftPolicy::Block);
        assert_eq!(billing.hold, HoldPolicy::UntilRelease);
        assert!(matches!(billing.hooks, HookPolicy::Own(hooks) if hooks.activate.is_some()));
        let shop = config.project(&"shop".parse().unwrap());
        assert_eq!(shop.hooks, HookPolicy::Forbid);
        assert_eq!(shop.keep, Retention::default());
        let followed: Vec<_> = config
            .followed()
            .map(|(project, channel)| format!("{project} {channel}"))
            .collect();
        assert_eq!(followed, ["acme/billing prod"]);
        let server = config.server(None, Some(Path::new("/elsewhere")));
        assert_eq!(server.state(), Path::new("/elsewhere"));
        let place = |project: &str| server.site(&project.parse().unwrap()).current();
        assert_eq!(
            place("acme/billing"),
            Path::new("/data/apps/acme/billing/current")
        );
        assert_eq!(place("shop"), Path::new("/data/srv/shop/current"));
    }

    #[test]
    fn nothing_says_that_all_is_as_usual() {
        assert_eq!(parse(b"").unwrap(), HostConfig::default());
    }

    /// The places and messages of a wrong file.
    fn problems(text: &str) -> Vec<String> {
        let problems = parse(text.as_bytes()).unwrap_err();
        problems
            .iter()
            .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message))
            .collect()
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_place() {
        let text = "root = \"srv\"\nwaves = 2\n\n[[registry]]\ntoken-file = \"/t\"\n\n\
                    [project.\"acme/billing\"]\nchannel = \"Prod!\"\ndrift = \"warned\"\n\
                    keep = { count = 0 }\nkeeep = 1\n\n[project.\"A\"]\n";
        let found = problems(text);
        let begins = |position: usize, start: &str| {
            assert!(found[position].starts_with(start), "{found:#?}");
        };
        assert_eq!(found.len(), 8, "{found:#?}");
        begins(0, "1:8 expected a path from the root");
        begins(1, "2:1 unknown field `waves`");
        begins(2, "4:1 missing field `url`");
        begins(3, "8:11 ");
        begins(
            4,
            "9:9 unknown variant `warned`, expected `warn` or `block`",
        );
        begins(5, "10:18 expected a number from 1 to 1000, found 0");
        begins(6, "11:1 unknown field `keeep`");
        begins(7, "13:10 ");
    }

    #[test]
    fn waves_windows_and_load_balancers_are_told_with_their_place() {
        let text = "wave = 0\nwindows = [\"Mon 20:00-06:00\", \"Mon\"]\ntime-zone = \"Berlin\"\n\n\
                    [project.a]\nwave = 100\nwindows = \"Mon 20:00-06:00\"\n\
                    load-balancer = { drain = [\"/bin/true\"] }\n\n\
                    [project.b.load-balancer]\ndrain = [\"/bin/true\"]\nundrain = [\"true\"]\n";
        let found = problems(text);
        let begins = |position: usize, start: &str| {
            assert!(found[position].starts_with(start), "{found:#?}");
        };
        assert_eq!(found.len(), 7, "{found:#?}");
        begins(0, "1:8 expected a wave from 1 to 99, found 0");
        begins(1, "2:31 expected a window such as");
        begins(2, "3:13 expected a time zone such as");
        begins(3, "6:8 expected a wave from 1 to 99, found 100");
        begins(4, "7:11 ");
        begins(5, "8:17 expected both `drain` and `undrain`");
        assert!(found[6].contains("found \"true\""), "{found:#?}");
    }

    #[test]
    fn every_mistake_of_a_table_in_a_table_is_told() {
        let text = "installer = \"b\"\n\n[[registry]]\nurl = \"nowhere\"\ntoken-file = \"t\"\n\
                    tokken-file = \"/t\"\n\n[[registry]]\nurl = \"https://a.example\"\n\n\
                    [[registry]]\ntoken-file = \"t\"\nurl = \"https://a.example/\"\n\n\
                    [project.a]\nkeep = { count = 0, age = \"1w\", quota = 5, keep = 1 }\n\
                    persist = { owner = \"a b\", mode = \"0o7\", user = \"a\" }\n\n\
                    [project.a.load-balancer]\ndrain = \"/bin/true\"\nundrain = [\"true\", \"x\"]\n\
                    timeout = \"soon\"\nundraim = []\n\n\
                    [project.b]\nload-balancer = { drain = [] }\n\n\
                    [project.b.hooks]\nprepare = [\"a\"]\nactivate = [\"/a\", 1]\ntimeout = 5\n";
        let found = problems(text);
        let places: Vec<_> = found
            .iter()
            .map(|found| found.split_once(' ').unwrap().0)
            .collect();
        let expected = [
            "1:13", "4:7", "5:14", "6:1", "11:1", "12:14", "16:18", "16:27", "16:41", "16:44",
            "17:21", "17:35", "17:42", "20:9", "21:12", "22:11", "23:1", "26:17", "26:27", "29:12",
            "30:19", "31:11",
        ];
        assert_eq!(places, expected, "{found:#?}");
    }

    #[test]
    fn every_wrong_window_is_told() {
        let text = "windows = [\"Mon\", \"Mon 20:00-06:00\", 7, \"Tue 20\"]\n\n\
                    [project.a]\nwindows = [\n  \"Wed\",\n  \"Thu\",\n]\n";
        let found = problems(text);
        let places: Vec<_> = found
            .iter()
            .map(|found| found.split_once(' ').unwrap().0)
            .collect();
        assert_eq!(places, ["1:12", "1:38", "1:41", "5:3", "6:3"], "{found:#?}");
        assert!(found[1].contains("found the number 7"), "{found:#?}");
    }

    #[test]
    fn a_value_of_another_type_is_told_in_words_that_are_not_of_rust() {
        for (text, expected) in [
            (
                "wave = \"2\"",
                "1:8 expected a whole number without quotes, found the text \"2\"",
            ),
            ("wave = -1", "1:8 expected a whole number"),
            (
                "wave = 1.5",
                "1:8 expected a whole number without quotes, found the number 1.5",
            ),
            (
                "root = 1",
                "1:8 expected text in quotes, found the number 1",
            ),
            (
                "windows = \"Mon 20:00-06:00\"",
                "1:11 expected a list in brackets, found the text",
            ),
            (
                "windows = [[]]",
                "1:12 expected text in quotes, found a list",
            ),
            ("project = 1", "1:11 expected a table, found the number 1"),
            (
                "registry = {}",
                "1:12 expected a list in brackets, found a table",
            ),
            (
                "metrics = true",
                "1:11 expected text in quotes, found `true`",
            ),
            (
                "[project.a]\nkeep = 5",
                "2:8 expected a table, found the number 5",
            ),
            (
                "[project.a]\nkeep = { count = \"5\" }",
                "2:18 expected a whole number",
            ),
            (
                "[project.a]\nuser = 33",
                "2:8 expected text in quotes, found the number 33",
            ),
            ("[project.a]\nlink = 1", "2:8 "),
            (
                "[project.a]\nload-balancer = \"x\"",
                "2:17 expected a table",
            ),
        ] {
            let found = problems(text);
            assert!(found[0].starts_with(expected), "{text}: {found:#?}");
            for rust in [
                "u64",
                "i64",
                "usize",
                "struct",
                "sequence",
                "map",
                "invalid type",
            ] {
                assert!(!found[0].contains(rust), "{text}: {found:#?}");
            }
        }
    }

    #[test]
    fn a_project_has_the_waves_and_windows_of_the_host_unless_it_has_its_own() {
        let text = "wave = 2\nwindows = [\"Mon 20:00-06:00\"]\ntime-zone = \"Europe/Berlin\"\n\n\
                    [project.a]\nchannel = \"prod\"\n\n\
                    [project.b]\nwave = 3\nwindows = []\n";
        let config = parse(text.as_bytes()).unwrap();
        let project = |name: &str| config.project(&name.parse().unwrap());
        let (a, b, other) = (project("a"), project("b"), project("other"));
        assert_eq!([a.wave(), b.wave(), other.wave()].map(u64::from), [2, 3, 2]);
        assert_eq!(a.windows(), other.windows());
        let noon = "2026-11-30T12:00:00Z".parse().unwrap();
        let opening = "2026-11-30T19:00:00Z".parse().unwrap();
        assert_eq!(a.windows().next_open(noon), Some(opening));
        assert_eq!(b.windows().next_open(noon), Some(noon));
        assert_eq!(
            HostConfig::default()
                .project(&"a".parse().unwrap())
                .wave()
                .number(),
            1
        );
    }

    #[test]
    fn the_installer_comes_from_a_project_that_is_followed() {
        let text = "installer = \"ops/installer\"\n\n[project.\"ops/installer\"]\n";
        let found = problems(text);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].starts_with("1:13 expected a project that this file follows"),
            "{found:#?}"
        );
        let config = parse(format!("{text}channel = \"stable\"\n").as_bytes()).unwrap();
        let carries = |name: &str| config.project(&name.parse().unwrap()).carries_installer;
        assert!(carries("ops/installer") && !carries("acme/shop"));
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_place() {
        assert!(problems("root = \"/srv\"\nstate = \n")[0].starts_with("2:"));
        assert!(problems("[project.a]\nlink = \"copy\"\nlink = \"copy\"\n")[0].starts_with("3:1 "));
        let problems = parse(b"root = \"/srv\"\n# \xff\n").unwrap_err();
        assert_eq!((problems[0].line, problems[0].column), (2, 3));
        assert!(problems[0].message.contains("0xff"), "{problems:?}");
    }

    #[test]
    fn hooks_of_the_server_need_whole_paths() {
        let found = |hooks: &str| problems(&format!("[project.a]\nhooks = {hooks}\n")).remove(0);
        assert!(found("\"allowed\"").contains("expected `allow`, `forbid`"));
        assert!(found("{}").contains("`forbid` runs no hooks"));
        assert!(found("{ activate = [\"bin/reload\"] }").contains("found \"bin/reload\""));
        assert!(found("{ activate = [] }").contains("needs a program"));
        assert!(found("{ restart = [\"/bin/true\"] }").contains("unknown field `restart`"));
    }

    #[test]
    fn a_registry_is_named_once_and_without_secrets() {
        let text = "[[registry]]\nurl = \"https://a.example\"\n[[registry]]\nurl = \"https://a.example/\"\n";
        assert!(problems(text)[0].contains("`https://a.example/` is a registry in line 1 already"));
        let found = problems("[[registry]]\nurl = \"https://bob:secret@a.example\"\n");
        assert!(found[0].contains("without a user or password"), "{found:?}");
    }
}
