//! What a host file names and this machine does not have: each with its place in the file.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::file::HostFile;
use super::host::HostConfig;
use super::problem::Problem;
use super::project::ProjectConfig;
use super::values::UserName;
use crate::platform::users;

impl HostFile {
    /// Reads the file and looks for everything on this machine that it names.
    pub fn check(&self) -> Result<HostConfig, ConfigError> {
        let Some(bytes) = self.text()? else {
            return self.read();
        };
        let config = self.parse(&bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let problems = missing(&text, &config);
        if problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigError::Wrong {
            path: self.path().to_owned(),
            problems,
        })
    }
}

fn missing(text: &str, config: &HostConfig) -> Vec<Problem> {
    let table = DeTable::parse(text).map(toml::Spanned::into_inner);
    let table = table.unwrap_or_default();
    let mut problems = Vec::new();
    let mut add = |steps: &[Step<'_>], found: Option<String>| {
        problems.extend(found.map(|message| Problem::at(text, place(&table, steps), message)));
    };
    for (number, registry) in config.registries.iter().enumerate() {
        let steps = [
            Step::Key("registry"),
            Step::Item(number),
            Step::Key("token-file"),
        ];
        add(&steps, registry.token_file.as_deref().and_then(unreadable));
    }
    let metrics = config.metrics.as_deref().and_then(Path::parent);
    add(&[Step::Key("metrics")], metrics.and_then(unwritable));
    for (project, config) in &config.projects {
        let ProjectConfig {
            persist,
            environment_file,
            user,
            ..
        } = config;
        let at = |key| {
            [
                Step::Key("project"),
                Step::Key(project.as_str()),
                Step::Key(key),
            ]
        };
        let owner = persist.owner.as_ref().filter(|owner| {
            let group = owner.group.as_ref().map(UserName::as_str);
            users::owner(owner.user.as_str(), group).is_none()
        });
        add(&at("persist"), owner.map(unknown));
        let user = user
            .as_ref()
            .filter(|user| users::user(user.as_str()).is_none());
        add(&at("user"), user.map(unknown));
        let file = environment_file.as_deref();
        add(&at("environment-file"), file.and_then(unreadable));
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

fn unknown(name: impl std::fmt::Display) -> String {
    format!("expected a user or group of this server, found `{name}`")
}

fn unreadable(path: &Path) -> Option<String> {
    let error = std::io::Error::from(bulla_files::open_file(path).err()?);
    Some(format!("cannot read `{}`: {error}", path.display()))
}

/// Says why the agent could not keep a file in a directory, or should not: where everybody may rename
/// what is in it, anybody could put another file there.
fn unwritable(directory: &Path) -> Option<String> {
    let name = directory.display();
    match directory.metadata() {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Some(format!("`{name}` is not a directory")),
        Err(error) => return Some(format!("cannot look at the directory `{name}`: {error}")),
    }
    if let Err(error) = bulla_files::require_not_public(directory) {
        return Some(error.to_string());
    }
    let error = rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).err()?;
    let error = std::io::Error::from(error);
    Some(format!("cannot write into the directory `{name}`: {error}"))
}

enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

/// Returns where the last of the steps that is there stands.
fn place(table: &DeTable<'_>, steps: &[Step<'_>]) -> usize {
    let mut start = 0;
    let (mut table, mut items) = (Some(table), None);
    for step in steps {
        let value = match step {
            Step::Key(key) => {
                table
                    .and_then(|table| table.get_key_value(*key))
                    .map(|(key, value)| {
                        start = key.span().start;
                        value.get_ref()
                    })
            }
            Step::Item(number) => items
                .and_then(|items: &toml::de::DeArray<'_>| items.get(*number))
                .map(|item| {
                    start = item.span().start;
                    item.get_ref()
                }),
        };
        table = value.and_then(DeValue::as_table);
        items = value.and_then(DeValue::as_array);
    }
    start
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_this_machine_lacks_is_named_with_its_place() {
        let text = "[[registry]]\nurl = \"https://a.example\"\ntoken-file = \"/nonexistent/token\"\n\n\
                    [project.a]\nuser = \"root\"\npersist = { owner = \"no-such-user\" }\n\n\
                    [project.b]\nenvironment-file = \"/nonexistent/env\"\nuser = \"no-such-user\"\n";
        let config = super::super::parse::parse(text.as_bytes()).unwrap();
        let found = missing(text, &config);
        let lines: Vec<_> = found.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [3, 7, 10, 11], "{found:#?}");
        assert!(found[0].message.contains("`/nonexistent/token`"));
        assert!(found[3].message.contains("`no-such-user`"));
    }

    #[test]
    fn a_file_for_prometheus_needs_a_directory_that_is_not_everybodys() {
        let folder = tempfile::tempdir().unwrap();
        let found = |file: &str| {
            let path = folder.path().join(file);
            let text = format!("root = \"/srv\"\nmetrics = \"{}\"\n", path.display());
            let config = super::super::parse::parse(text.as_bytes()).unwrap();
            missing(&text, &config)
        };
        assert_eq!(found("bulla.prom"), []);
        let absent = found("absent/bulla.prom");
        assert_eq!((absent[0].line, absent[0].column), (2, 1));
        assert!(absent[0].message.contains("No such file"), "{absent:?}");
        std::fs::write(folder.path().join("file"), "").unwrap();
        let file = found("file/bulla.prom");
        assert!(file[0].message.contains("is not a directory"), "{file:?}");
        let everybodys = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), everybodys).unwrap();
        let public = found("bulla.prom");
        assert!(public[0].message.contains("0777"), "{public:?}");
    }
}
