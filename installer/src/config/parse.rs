//! From the text of a host file to what it says, or to everything that is wrong with it; and to what it
//! names of the machine.
//!
//! Serde stops at the first error, so every key is first read alone; only what needs several keys is
//! found by reading the whole.

use std::collections::BTreeMap;
use std::str::Utf8Error;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use bulla_schemas::ProjectName;
use bulla_schemas::install::Hooks;
use url::Url;

use super::host::{HostConfig, Registry};
use super::named::{Named, Thing};
use super::problem::Problem;
use super::project::{self, LoadBalancer, PersistPolicy, ProjectConfig, Retention, lacks_root};
use super::values::UserName;
use super::windows::Window;

/// The key whose values are read one by one.
const WINDOWS: &str = "windows";

/// What was read.
pub(super) struct Read {
    /// What the file says, or all that is wrong with it.
    pub(super) config: Result<HostConfig, Vec<Problem>>,
    /// What it names of the machine, as far as that can be understood.
    pub(super) named: Vec<Named>,
}

/// Reads a host file.
pub(super) fn parse(bytes: &[u8]) -> Result<HostConfig, Vec<Problem>> {
    read(bytes).config
}

/// Reads a host file, and what it names.
pub(super) fn read(bytes: &[u8]) -> Read {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Read {
                config: Err(vec![not_text(bytes, error)]),
                named: Vec::new(),
            };
        }
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut walk = Walk {
        text,
        found: errors
            .iter()
            .map(|error| Problem::of_error(text, error))
            .collect(),
        named: Vec::new(),
    };
    if walk.found.is_empty() {
        walk.of_host(table.get_ref());
    }
    let mut config = None;
    if walk.found.is_empty() {
        match toml::from_str(text) {
            Ok(read) => config = Some(read),
            Err(error) => walk.found.push(Problem::of_error(text, &error)),
        }
    }
    let Walk {
        mut found, named, ..
    } = walk;
    found.sort_by_key(|problem| (problem.line, problem.column));
    found.dedup();
    Read {
        config: config.ok_or(found),
        named,
    }
}

fn not_text(bytes: &[u8], error: Utf8Error) -> Problem {
    let (valid, rest) = bytes.split_at(error.valid_up_to());
    let found = rest.first().copied().unwrap_or_default();
    let message = format!("expected UTF-8, found the byte {found:#04x}");
    let valid = String::from_utf8_lossy(valid);
    Problem::at(&valid, valid.len(), message)
}

type Key<'text> = Spanned<DeString<'text>>;
type Value<'text> = Spanned<DeValue<'text>>;

/// One walk through the file: what is wrong, and what is named.
struct Walk<'text> {
    text: &'text str,
    found: Vec<Problem>,
    named: Vec<Named>,
}

impl Walk<'_> {
    fn say(&mut self, offset: usize, message: impl Into<String>) {
        self.found.push(Problem::at(self.text, offset, message));
    }

    /// Notes what the text of a value names.
    fn name(&mut self, value: &Value<'_>, thing: impl FnOnce(&str) -> Option<Thing>) {
        if let Some(thing) = value.get_ref().as_str().and_then(thing) {
            let place = Problem::at(self.text, value.span().start, "");
            self.named.push(Named { place, thing });
        }
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
                (name, _) => {
                    self.of_key::<HostConfig>(key, value);
                    self.name(value, |text| Thing::of_host(name, text));
                }
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
        let user = table.get("user").and_then(|user| user.get_ref().as_str());
        let user = user.and_then(|user| user.parse().ok());
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (WINDOWS, DeValue::Array(windows)) => self.of_windows(windows.iter()),
                ("persist", DeValue::Table(table)) => {
                    self.of_keys::<PersistPolicy>(table);
                    for (key, value) in table {
                        self.name(value, |text| Thing::of_persist(key.get_ref(), text));
                    }
                }
                ("keep", DeValue::Table(table)) => self.of_keys::<Retention>(table),
                ("hooks", DeValue::Table(table)) => {
                    self.of_commands::<Hooks>((key, value), table, user.as_ref());
                }
                ("load-balancer", DeValue::Table(table)) => {
                    self.of_commands::<LoadBalancer>((key, value), table, user.as_ref());
                    if !["drain", "undrain"]
                        .iter()
                        .all(|key| table.contains_key(*key))
                    {
                        self.say(value.span().start, project::BOTH);
                    }
                }
                (name, _) => {
                    self.of_key::<ProjectConfig>(key, value);
                    self.name(value, |text| Thing::of_project(name, text));
                }
            }
        }
    }

    /// Reads a table with commands of the server's own: every key alone, and then what needs several
    /// of them.
    fn of_commands<T: DeserializeOwned>(
        &mut self,
        (name, section): (&Key<'_>, &Value<'_>),
        table: &DeTable<'_>,
        user: Option<&UserName>,
    ) {
        let known = self.found.len();
        for (key, value) in table {
            let known = self.found.len();
            self.of_key::<T>(key, value);
            let program = value.get_ref().get(0).filter(|_| self.found.len() == known);
            let Some(program) = program else {
                continue;
            };
            match program.get_ref().as_str().and_then(lacks_root) {
                Some(wrong) => self.say(program.span().start, wrong),
                None => self.name(program, |path| {
                    Some(Thing::Program {
                        path: path.into(),
                        user: user.cloned(),
                    })
                }),
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
                self.name(value, |text| Thing::of_registry(key.get_ref(), text));
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
mod tests;
