//! What a host file names and this machine does not have: each with its place in the file.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::file::HostFile;
use super::host::HostConfig;
use super::parse;
use super::problem::Problem;
use super::values::{Owner, UserName, plain_path};
use crate::platform::users;

impl HostFile {
    /// Reads the file and looks for everything on this machine that it names. Of a file with
    /// mistakes, what is right is looked for all the same.
    pub fn check(&self) -> Result<HostConfig, ConfigError> {
        let Some(bytes) = self.text()? else {
            return self.read();
        };
        let mut problems = missing(&bytes);
        match parse::parse(&bytes) {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => {}
            Err(wrong) => problems.extend(wrong),
        }
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Err(ConfigError::Wrong {
            path: self.path().to_owned(),
            problems,
        })
    }
}

/// Looks for what is named. A value that cannot be understood is left to those who read the file.
fn missing(bytes: &[u8]) -> Vec<Problem> {
    let text = str::from_utf8(bytes).unwrap_or_default();
    let table = DeTable::parse(text).map(toml::Spanned::into_inner);
    let table = table.unwrap_or_default();
    let mut found = Found {
        text,
        problems: Vec::new(),
    };
    found.look(&table, "metrics", |path| {
        unwritable(plain_path(path)?.parent()?)
    });
    for registry in table
        .get("registry")
        .iter()
        .filter_map(|all| all.get_ref().as_array())
        .flatten()
    {
        if let DeValue::Table(registry) = registry.get_ref() {
            found.look(registry, "token-file", unreadable);
        }
    }
    for project in table
        .get("project")
        .iter()
        .filter_map(|all| all.get_ref().as_table())
        .flat_map(DeTable::values)
    {
        if let DeValue::Table(project) = project.get_ref() {
            found.of_project(project);
        }
    }
    found.problems
}

struct Found<'text> {
    text: &'text str,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn of_project(&mut self, project: &DeTable<'_>) {
        self.look(project, "user", |name| {
            let name: UserName = name.parse().ok()?;
            users::user(name.as_str()).is_none().then(|| unknown(name))
        });
        self.look(project, "environment-file", unreadable);
        if let Some(DeValue::Table(persist)) = project.get("persist").map(toml::Spanned::get_ref) {
            self.look(persist, "owner", |owner| {
                let owner: Owner = owner.parse().ok()?;
                let group = owner.group.as_ref().map(UserName::as_str);
                let found = users::owner(owner.user.as_str(), group);
                found.is_none().then(|| unknown(owner))
            });
        }
    }

    /// Looks for what the text of a key names.
    fn look(&mut self, table: &DeTable<'_>, key: &str, lacks: impl Fn(&str) -> Option<String>) {
        let named = table.get(key);
        let text = named.and_then(|value| Some((value.span().start, value.get_ref().as_str()?)));
        if let Some((start, text)) = text
            && let Some(message) = lacks(text)
        {
            self.problems.push(Problem::at(self.text, start, message));
        }
    }
}

fn unknown(name: impl std::fmt::Display) -> String {
    format!("expected a user or group of this server, found `{name}`")
}

fn unreadable(path: &str) -> Option<String> {
    let path = plain_path(path)?;
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn places(text: &str) -> Vec<(usize, usize)> {
        let found = missing(text.as_bytes());
        found
            .iter()
            .map(|found| (found.line, found.column))
            .collect()
    }

    #[test]
    fn what_this_machine_lacks_is_named_with_its_place() {
        let text = "[[registry]]\nurl = \"https://a.example\"\ntoken-file = \"/nonexistent/token\"\n\n\
                    [project.a]\nuser = \"root\"\npersist = { owner = \"no-such-user\" }\n\n\
                    [project.b]\nuser = \"no-such-user\"\nenvironment-file = \"/nonexistent/env\"\n";
        assert_eq!(places(text), [(3, 14), (7, 21), (10, 8), (11, 20)]);
        let found = missing(text.as_bytes());
        assert!(found[0].message.contains("`/nonexistent/token`"));
        assert!(found[2].message.contains("`no-such-user`"));
    }

    #[test]
    fn what_is_right_is_looked_for_although_the_rest_is_wrong() {
        let text = "metrics = \"m.prom\"\nroot = 1\nregistry = [1, { token-file = \"/nonexistent/t\" }]\n\n\
                    [project.A]\nuser = \"a b\"\npersist = 5\nenvironment-file = \"/nonexistent/env\"\n\n\
                    [project.b.persist]\nmode = 7\nowner = \"no-such-user\"\n";
        assert_eq!(places(text), [(3, 31), (8, 20), (12, 9)]);
        assert_eq!(places("user = "), []);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        std::fs::write(&path, text).unwrap();
        let Err(ConfigError::Wrong { problems, .. }) = HostFile::named(path).check() else {
            panic!();
        };
        let lines: Vec<_> = problems.iter().map(|found| found.line).collect();
        assert_eq!(lines, [1, 2, 3, 3, 3, 5, 6, 7, 8, 11, 12], "{problems:#?}");
    }

    #[test]
    fn a_file_for_prometheus_needs_a_directory_that_is_not_everybodys() {
        let folder = tempfile::tempdir().unwrap();
        let found = |file: &str| {
            let path = folder.path().join(file);
            let text = format!("root = \"/srv\"\nmetrics = \"{}\"\n", path.display());
            missing(text.as_bytes())
        };
        assert_eq!(found("bulla.prom"), []);
        let absent = found("absent/bulla.prom");
        assert_eq!((absent[0].line, absent[0].column), (2, 11));
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
