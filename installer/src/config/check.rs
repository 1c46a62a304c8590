//! Whether what a host file names is on this machine, and safe: each with its place in the file.

use std::path::Path;

use super::error::ConfigError;
use super::file::HostFile;
use super::host::HostConfig;
use super::named::{Named, Thing};
use super::parse;
use super::problem::Problem;
use super::values::UserName;
use super::{environment, token};
use crate::observer::with_hint;
use crate::platform::child::require_runnable;
use crate::platform::users;

/// What came of looking at a host file.
#[derive(Debug)]
pub struct Checked {
    /// What it says, or all that is wrong with it and with what it names.
    pub config: Result<HostConfig, ConfigError>,
    /// What works and is better changed, by the place in the file.
    pub warnings: Vec<Problem>,
}

impl HostFile {
    /// Reads the file and looks at everything on this machine that it names. Of a file with mistakes,
    /// what is right is looked at all the same.
    pub fn check(&self) -> Checked {
        let bytes = match self.text() {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Checked::of(self.read()),
            Err(error) => return Checked::of(Err(error)),
        };
        let text = parse::read(&bytes);
        let mut found = Found::default();
        for named in text.named {
            found.look(named);
        }
        let mut problems = found.problems;
        let config = text.config.map_err(|wrong| problems.extend(wrong));
        problems.sort_by_key(|problem| (problem.line, problem.column));
        found
            .warnings
            .sort_by_key(|problem| (problem.line, problem.column));
        Checked {
            config: match config {
                Ok(config) if problems.is_empty() => Ok(config),
                _ => Err(ConfigError::Wrong {
                    path: self.path().to_owned(),
                    problems,
                }),
            },
            warnings: found.warnings,
        }
    }
}

impl Checked {
    const fn of(config: Result<HostConfig, ConfigError>) -> Self {
        Self {
            config,
            warnings: Vec::new(),
        }
    }

    /// Returns all that was found, by the place in the file.
    pub fn found(&self) -> impl Iterator<Item = &Problem> {
        let problems = match &self.config {
            Err(ConfigError::Wrong { problems, .. }) => problems.as_slice(),
            _ => &[],
        };
        problems.iter().chain(&self.warnings)
    }
}

#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Found {
    fn look(&mut self, Named { place, thing }: Named) {
        let (problem, warning) = match thing {
            Thing::User(name) => (
                users::user(name.as_str()).is_none().then(|| unknown(name)),
                None,
            ),
            Thing::Owner(owner) => {
                let group = owner.group.as_ref().map(UserName::as_str);
                let found = users::owner(owner.user.as_str(), group);
                (found.is_none().then(|| unknown(owner)), None)
            }
            Thing::MetricsFile(path) => (path.parent().and_then(unwritable), None),
            Thing::TokenFile(path) => (
                token::read(&path).err().as_ref().map(with_hint),
                token::read_by_all(&path, "the token"),
            ),
            Thing::EnvironmentFile(path) => (
                environment::read(&path).err().as_ref().map(with_hint),
                token::read_by_all(&path, "what may be secret"),
            ),
            Thing::Program { path, user } => (unrunnable(&path, user.as_ref()), None),
        };
        let at = |message| Problem {
            message,
            ..place.clone()
        };
        self.problems.extend(problem.map(at));
        self.warnings.extend(warning.map(at));
    }
}

fn unknown(name: impl std::fmt::Display) -> String {
    format!("expected a user or group of this server, found `{name}`")
}

/// Says why a program cannot or must not be run. That of a user whom this machine does not know is
/// judged as root's.
fn unrunnable(path: &Path, user: Option<&UserName>) -> Option<String> {
    let user = user.and_then(|name| users::user(name.as_str()));
    let user = user.map_or_else(
        || rustix::process::geteuid().as_raw(),
        |user| user.uid.as_raw(),
    );
    let why = require_runnable(path, user).err()?;
    Some(format!(
        "the program `{}` cannot be run: {why}",
        path.display()
    ))
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
        return Some(with_hint(&error));
    }
    let error = rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).err()?;
    let error = std::io::Error::from(error);
    Some(format!("cannot write into the directory `{name}`: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    /// A machine with a host file.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        /// Writes a file, and returns its path.
        fn file(&self, name: &str, content: &str, mode: u32) -> String {
            let path = self.0.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path.to_str().unwrap().to_owned()
        }

        fn check(&self, text: &str) -> Checked {
            let path = self.file("server.toml", text, 0o600);
            HostFile::named(path.into()).check()
        }

        /// The places and messages of what is wrong.
        fn problems(&self, text: &str) -> Vec<String> {
            match self.check(text).config {
                Ok(_) => Vec::new(),
                Err(ConfigError::Wrong { problems, .. }) => problems.iter().map(told).collect(),
                Err(error) => panic!("{error}"),
            }
        }

        fn warnings(&self, text: &str) -> Vec<String> {
            self.check(text).warnings.iter().map(told).collect()
        }
    }

    fn told(found: &Problem) -> String {
        format!("{}:{} {}", found.line, found.column, found.message)
    }

    #[track_caller]
    fn assert_told(found: &[String], expected: &[(&str, &str)]) {
        let fits = |(found, (place, part)): (&String, &(&str, &str))| {
            found.starts_with(&format!("{place} ")) && found.contains(part)
        };
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        assert!(found.iter().zip(expected).all(fits), "{found:#?}");
    }

    fn is_root() -> bool {
        let is_root = rustix::process::geteuid().is_root();
        if !is_root {
            eprintln!("skip: files of another user, because only root gives them away");
        }
        is_root
    }

    #[test]
    fn what_this_machine_lacks_is_named_with_its_place() {
        let text = "[[registry]]\nurl = \"https://a.example\"\ntoken-file = \"/nonexistent/token\"\n\n\
                    [project.a]\nuser = \"root\"\npersist = { owner = \"no-such-user\" }\n\n\
                    [project.b]\nuser = \"no-such-user\"\nenvironment-file = \"/nonexistent/env\"\n\n\
                    [project.b.hooks]\nactivate = [\"/nonexistent/reload\", \"now\"]\n\n\
                    [project.b.load-balancer]\ndrain = [\"/nonexistent/out\"]\n\
                    undrain = [\"/nonexistent/in\"]\n";
        assert_told(
            &Machine::new().problems(text),
            &[
                ("3:14", "`/nonexistent/token`: it does not exist"),
                ("7:21", "`no-such-user`"),
                ("10:8", "`no-such-user`"),
                ("11:20", "`/nonexistent/env` does not exist; write it"),
                ("14:13", "`/nonexistent/reload` cannot be run: No such file"),
                ("17:10", "`/nonexistent/out`"),
                ("18:12", "`/nonexistent/in`"),
            ],
        );
    }

    #[test]
    fn what_is_right_is_looked_for_although_the_rest_is_wrong() {
        let text = "metrics = \"m.prom\"\nroot = 1\nregistry = [1, { token-file = \"/nonexistent/t\" }]\n\n\
                    [project.A]\nuser = \"a b\"\npersist = 5\nenvironment-file = \"/nonexistent/env\"\n\n\
                    [project.b.persist]\nmode = 7\nowner = \"no-such-user\"\n\n\
                    [project.b]\nhooks = { prepare = [\"/nonexistent\"], activate = [\"relative\"] }\n";
        let found = Machine::new().problems(text);
        let lines: Vec<_> = found
            .iter()
            .map(|one| one.split(':').next().unwrap())
            .collect();
        let expected = [
            "1", "2", "3", "3", "3", "5", "6", "7", "8", "11", "12", "15", "15",
        ];
        assert_eq!(lines, expected, "{found:#?}");
        assert_told(&Machine::new().problems("user = "), &[("1:8", "")]);
    }

    #[test]
    fn a_file_for_prometheus_needs_a_directory_that_is_not_everybodys() {
        let machine = Machine::new();
        let folder = machine.0.path();
        let found = |file: &str| {
            let path = folder.join(file);
            machine.problems(&format!(
                "root = \"/srv\"\nmetrics = \"{}\"\n",
                path.display()
            ))
        };
        assert_eq!(found("bulla.prom"), [""; 0]);
        assert_told(&found("absent/bulla.prom"), &[("2:11", "No such file")]);
        machine.file("file", "", 0o600);
        assert_told(&found("file/bulla.prom"), &[("2:11", "is not a directory")]);
        let open = folder.join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        assert_told(&found("open/bulla.prom"), &[("2:11", "0777")]);
    }

    #[test]
    fn an_environment_file_that_others_may_change_is_wrong_and_one_that_all_may_read_is_warned_of()
    {
        let machine = Machine::new();
        let text = |path: &str| format!("[project.a]\nenvironment-file = \"{path}\"\n");
        let good = text(&machine.file("good", "A=1\n", 0o640));
        assert!(machine.problems(&good).is_empty() && machine.warnings(&good).is_empty());
        let open = text(&machine.file("open", "A=1\n", 0o666));
        assert_told(
            &machine.problems(&open),
            &[("2:20", "other users may write into")],
        );
        let public = text(&machine.file("public", "A=1\n", 0o644));
        assert!(machine.problems(&public).is_empty());
        assert_told(&machine.warnings(&public), &[("2:20", "`chmod o-r ")]);
        let wrong = text(&machine.file("wrong", "A=1\nsecret\n", 0o600));
        let found = machine.problems(&wrong);
        assert_told(&found, &[("2:20", "in line 2 of the environment file")]);
        assert!(!found[0].contains("secret"), "{found:?}");
        if is_root() {
            let path = machine.file("foreign", "A=1\n", 0o600);
            chown(&path, Some(12_345), None).unwrap();
            assert_told(
                &machine.problems(&text(&path)),
                &[("2:20", "belongs to user id 12345")],
            );
        }
    }

    #[test]
    fn a_token_file_that_holds_no_token_or_is_open_to_others_is_told() {
        let machine = Machine::new();
        let check = |path: &str| {
            let text =
                format!("[[registry]]\nurl = \"https://a.example\"\ntoken-file = \"{path}\"\n");
            (machine.problems(&text), machine.warnings(&text))
        };
        let (problems, warnings) = check(&machine.file("good", "bulla_abc\n", 0o600));
        assert!(problems.is_empty() && warnings.is_empty());
        for (name, content, mode, part) in [
            (
                "empty",
                "\n",
                0o600,
                "found nothing; `bulla-registry token create`",
            ),
            ("text", "token = abc\n", 0o600, "that no token has"),
            ("open", "bulla_abc", 0o622, "other users may write into"),
        ] {
            let (problems, _) = check(&machine.file(name, content, mode));
            assert_told(&problems, &[("3:14", part)]);
        }
        let (problems, warnings) = check(&machine.file("public", "bulla_abc", 0o604));
        assert_eq!(problems, [""; 0]);
        assert_told(&warnings, &[("3:14", "can read the token in")]);
    }

    #[test]
    fn programs_that_cannot_be_run_or_that_others_could_change_are_told_at_once() {
        let machine = Machine::new();
        let script = "#!/bin/sh\n";
        let good = machine.file("good", script, 0o755);
        let text = machine.file("text", script, 0o644);
        let open = machine.file("open", script, 0o757);
        let folder = machine.0.path().display();
        let file = format!(
            "[project.a]\nuser = \"root\"\n\n[project.a.hooks]\nprepare = [\"{good}\"]\n\
             activate = [\"{text}\"]\ndeactivate = [\"{open}\"]\n\n[project.b]\nload-balancer = {{ \
             drain = [\"{folder}\"], undrain = [\"{good}\", \"{text}\"] }}\n"
        );
        let found = machine.problems(&file);
        assert_told(
            &found,
            &[
                ("6:13", "it is not executable; `chmod +x "),
                ("7:15", "other users may write into"),
                ("10:28", "it is not a file"),
            ],
        );
        assert!(found[1].contains("then `chmod go-w "), "{found:#?}");
    }

    #[test]
    fn a_program_may_belong_to_root_and_to_the_user_whom_it_is_run_as() {
        if !is_root() {
            return;
        }
        let machine = Machine::new();
        let path = machine.file("reload", "#!/bin/sh\n", 0o755);
        chown(&path, Some(65_534), None).unwrap();
        let text =
            |user: &str| format!("[project.a]\n{user}\nhooks = {{ activate = [\"{path}\"] }}\n");
        assert_eq!(machine.problems(&text("user = \"65534\"")), [""; 0]);
        for user in ["user = \"root\"", "user = \"1\"", ""] {
            let found = machine.problems(&text(user));
            assert_told(&found, &[("3:23", "belongs to user id 65534")]);
        }
    }
}
