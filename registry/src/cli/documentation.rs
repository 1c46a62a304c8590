//! The program's own documentation: examples in the help, completions and man pages, all from the
//! same words.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::Arguments;

/// A command by its path below the program, and command lines of it.
const EXAMPLES: &[(&[&str], &[&str])] = &[
    (
        &[],
        &["bulla-registry serve --data /var/lib/bulla-registry --anonymous-read"],
    ),
    (
        &["serve"],
        &["bulla-registry serve --data /var/lib/bulla-registry --listen 127.0.0.1:5000"],
    ),
    (
        &["token"],
        &["bulla-registry token list --data /var/lib/bulla-registry"],
    ),
    (
        &["token", "create"],
        &[
            "bulla-registry token create --data /var/lib/bulla-registry --scope push,pull --project 'acme/*' --name ci --expires 90d",
        ],
    ),
    (
        &["token", "list"],
        &["bulla-registry token list --data /var/lib/bulla-registry --json"],
    ),
    (
        &["token", "revoke"],
        &["bulla-registry token revoke --data /var/lib/bulla-registry 4f1c2a90b7de"],
    ),
    (
        &["reindex"],
        &["bulla-registry reindex --data /var/lib/bulla-registry"],
    ),
    (
        &["completions"],
        &["bulla-registry completions bash > /etc/bash_completion.d/bulla-registry"],
    ),
    (
        &["man-pages"],
        &["bulla-registry man-pages /usr/local/share/man/man1"],
    ),
];

/// Write a shell's completions to stdout
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// Write the man pages of all commands into a directory
#[derive(Debug, clap::Args)]
pub(super) struct ManPagesArguments {
    /// The directory, made where there is none
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "bulla-registry", &mut text);
    Ok(io::stdout().write_all(mended(&text).as_bytes())?)
}

pub(super) fn man_pages(arguments: &ManPagesArguments) -> anyhow::Result<()> {
    let directory = &arguments.directory;
    let mut command = command().disable_help_subcommand(true);
    command.build();
    std::fs::create_dir_all(directory)
        .and_then(|()| write_pages(&command, directory))
        .with_context(|| format!("cannot write man pages into `{}`", directory.display()))
}

/// For bash, clap writes the hyphen of a program's name in two ways, and no command is found.
fn mended(completions: &[u8]) -> String {
    let text = String::from_utf8_lossy(completions);
    text.replace("bulla__subcmd__registry", "bulla__registry")
}

/// Returns the command line with its examples.
pub(super) fn command() -> Command {
    EXAMPLES
        .iter()
        .fold(Arguments::command(), |command, (path, lines)| {
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
    std::fs::write(directory.join(name), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_command_line_of_its_command() {
        for (path, lines) in EXAMPLES {
            for line in *lines {
                let words = line.split(" > ").next().unwrap().split_whitespace();
                let words = words.map(|word| word.trim_matches('\''));
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
