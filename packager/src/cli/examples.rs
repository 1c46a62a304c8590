//! What `--help` and the man pages show at the end: examples of each command, which a test parses.

use clap::{Command, CommandFactory as _};

use super::arguments::Arguments;

/// A command by its path below `bulla`, and command lines of it.
const EXAMPLES: &[(&[&str], &[&str])] = &[
    (
        &[],
        &[
            "bulla publish --key ci.pem",
            "bulla promote 9f2c81aa prod -m 'rounding fix for invoice 4711'",
        ],
    ),
    (
        &["pack"],
        &[
            "bulla pack",
            "bulla pack --revision v1.4 -o billing.bulla ~/src/billing",
        ],
    ),
    (
        &["check"],
        &["bulla check", "bulla check --json ~/src/billing"],
    ),
    (
        &["publish"],
        &[
            "bulla publish --key ci.pem",
            "bulla publish --key ci.pem https://svn.acme.example/billing/trunk --revision 4711",
        ],
    ),
    (
        &["reproduce"],
        &[
            "bulla reproduce prod",
            "bulla reproduce 9f2c81aa --checkout ~/src/billing --sign audit.pem",
        ],
    ),
    (
        &["promote"],
        &[
            "bulla promote 9f2c81aa prod --dry-run",
            "bulla promote 9f2c81aa prod -m 'rounding fix for invoice 4711'",
            "bulla promote 9f2c81aa prod -m 'back to the old layout' --drop",
        ],
    ),
    (
        &["rollback"],
        &[
            "bulla rollback prod",
            "bulla rollback prod -m 'invoices lose their last line'",
            "bulla rollback prod --to 8d10aabb -m 'the last one that printed'",
        ],
    ),
    (
        &["show"],
        &["bulla show 9f2c81aa", "bulla show prod --json"],
    ),
    (
        &["diff"],
        &[
            "bulla diff prod 9f2c81aa",
            "bulla diff prod 9f2c81aa --patch src/invoices",
            "bulla diff dev prod --json",
        ],
    ),
    (
        &["history"],
        &["bulla history", "bulla history prod --json"],
    ),
    (
        &["identify"],
        &[
            "bulla identify /srv/billing",
            "bulla identify /srv/billing --json",
        ],
    ),
    (&["export"], &["bulla export prod -o billing.bulla"]),
    (&["import"], &["bulla import billing.bulla"]),
    (
        &["anchor"],
        &["bulla anchor", "bulla anchor --trust-first-use"],
    ),
    (
        &["init"],
        &[
            "bulla init --origin releases.acme.example/bulla --person alice=alice.pub \
           --builder ci=ci.pem.pub --channel dev --channel prod",
        ],
    ),
    (&["key"], &["bulla key generate ci.pem"]),
    (&["key", "generate"], &["bulla key generate ci.pem"]),
    (
        &["doctor"],
        &["bulla doctor", "bulla doctor --key ci.pem ~/src/billing"],
    ),
    (
        &["completions"],
        &[
            "bulla completions bash > ~/.local/share/bash-completion/completions/bulla",
            "bulla completions fish > ~/.config/fish/completions/bulla.fish",
        ],
    ),
    (&["man-pages"], &["bulla man-pages ~/.local/share/man/man1"]),
];

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
    let before = command.get_after_help().map(|text| format!("\n{text}"));
    let text = format!(
        "Examples:\n{}{}",
        lines.concat(),
        before.unwrap_or_default()
    );
    command.after_help(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits a line as a shell would, as far as the examples need it.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(" > ").next().unwrap();
        let mut words = Vec::new();
        for (position, part) in line.split('\'').enumerate() {
            match position % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        words
    }

    #[test]
    fn every_example_is_a_command_line_of_its_command() {
        for (path, lines) in EXAMPLES {
            for line in *lines {
                let parsed = command().try_get_matches_from(words(line));
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
