//! The program's own documentation: examples in the help, completions and man pages, all from the
//! same words.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::Program;
use super::output::{self, DONE};
use crate::platform::FileError;
use crate::platform::files::OnPath as _;

/// A command by its path below the program, and command lines of it.
const EXAMPLES: &[(&[&str], &[&str])] = &[
    (
        &[],
        &["bulla-installer install acme/billing --channel prod"],
    ),
    (
        &["enroll"],
        &["bulla-installer enroll https://releases.acme.example \"$ANCHOR\""],
    ),
    (
        &["install"],
        &[
            "bulla-installer install acme/billing --channel prod",
            "bulla-installer install acme/billing --channel prod 9f2c81aa",
        ],
    ),
    (
        &["rollback"],
        &[
            "bulla-installer rollback acme/billing",
            "bulla-installer rollback acme/billing 8d10aabb -m slow",
        ],
    ),
    (
        &["status"],
        &[
            "bulla-installer status",
            "bulla-installer status acme/billing --json",
        ],
    ),
    (&["verify"], &["bulla-installer verify acme/billing"]),
    (&["set-aside"], &["bulla-installer set-aside list"]),
    (
        &["set-aside", "list"],
        &["bulla-installer set-aside list acme/billing --json"],
    ),
    (
        &["set-aside", "remove"],
        &["bulla-installer set-aside remove acme/billing 9f2c81aa"],
    ),
    (
        &["history"],
        &["bulla-installer history acme/billing --json"],
    ),
    (
        &["completions"],
        &["bulla-installer completions bash > /etc/bash_completion.d/bulla-installer"],
    ),
    (
        &["man-pages"],
        &["bulla-installer man-pages /usr/local/share/man/man1"],
    ),
];

/// Write a shell's completions to stdout
#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// Write the man pages of all commands into a directory
#[derive(Debug, Args)]
pub(super) struct ManPagesArguments {
    /// The directory, made where there is none
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl CompletionsArguments {
    pub(super) fn run(&self) -> ExitCode {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "bulla-installer", &mut text);
        output::lines([mended(&text).trim_end()]);
        DONE
    }
}

impl ManPagesArguments {
    pub(super) fn run(&self) -> Result<ExitCode, FileError> {
        let directory = &self.directory;
        let mut command = command().disable_help_subcommand(true);
        command.build();
        fs::create_dir_all(directory).on("create the directory", directory)?;
        write_pages(&command, directory).on("write man pages into", directory)?;
        Ok(DONE)
    }
}

/// For bash, clap writes the hyphen of a program's name in two ways, and no command is found.
fn mended(completions: &[u8]) -> String {
    let text = String::from_utf8_lossy(completions);
    text.replace("bulla__subcmd__installer", "bulla__installer")
}

/// Returns the command line with its examples.
pub(super) fn command() -> Command {
    EXAMPLES
        .iter()
        .fold(Program::command(), |command, (path, lines)| {
            add(command, path, lines)
        })
}

fn add(command: Command, path: &[&'static str], lines: &[&str]) -> Command {
    if let [first, rest @ ..] = path {
        return command.mut_subcommand(first, |command| add(command, rest, lines));
    }
    let lines: Vec<_> = lines.iter().map(|line| format!("  {line}\n")).collect();
    command.after_help(format!("Examples:\n{}", lines.concat()))
}

/// Writes a page for a command and each of those below it.
fn write_pages(command: &Command, directory: &Path) -> io::Result<()> {
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    for command in shown {
        write_pages(command, directory)?;
    }
    let page = clap_mangen::Man::new(command.clone());
    let name = page.get_filename();
    let mut text = Vec::new();
    page.render(&mut text)?;
    // What the help shows at its end is called `EXTRA` by clap, whatever it is.
    let text = String::from_utf8_lossy(&text);
    let text = text.replace("\n.SH EXTRA\nExamples:\n", "\n.SH EXAMPLES\n");
    fs::write(directory.join(name), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_command_line_of_its_command() {
        for (path, lines) in EXAMPLES {
            for line in *lines {
                let words = line.split(" > ").next().unwrap().split_whitespace();
                let words = words.map(|word| match word.trim_matches(['\'', '"']) {
                    "$ANCHOR" => format!("acme+1+{}", "0".repeat(64)),
                    word => word.to_owned(),
                });
                let parsed = command().try_get_matches_from(words);
                let matches = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
                let mut found = &matches;
                for name in *path {
                    let (subcommand, matches) = found.subcommand().unwrap();
                    assert_eq!(subcommand, *name, "{line}");
                    found = matches;
                }
            }
        }
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &Command) {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:\n"), "{}", command.get_name());
            let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
            shown.filter(|c| c.get_name() != "help").for_each(check);
        }
        check(&command());
    }
}
