//! What the tests of every program ask of its command line.

use clap::{Command, CommandFactory};

use crate::help::{self, Examples};

/// Asserts that every command has an example, and that every example is a command line of its
/// command. `replace` makes a word out of what a shell would: `$ANCHOR`.
///
/// # Panics
///
/// Panics where that is not so.
pub fn check_examples<P: CommandFactory>(examples: Examples, replace: impl Fn(&str) -> String) {
    help::command::<P>(examples).debug_assert();
    for (path, lines) in examples {
        for line in *lines {
            let words = words(line).into_iter().map(|word| replace(&word));
            let parsed = help::command::<P>(examples).try_get_matches_from(words);
            let matches = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
            let mut found = &matches;
            for name in *path {
                let (subcommand, matches) = found
                    .subcommand()
                    .unwrap_or_else(|| panic!("{line}: expected the command {name}"));
                assert_eq!(subcommand, *name, "{line}");
                found = matches;
            }
        }
    }
    each(&help::command::<P>(examples), &|command| {
        let help = command.clone().render_long_help().to_string();
        assert!(help.contains("Examples:\n"), "{}", command.get_name());
    });
}

/// Asserts that every command's help begins with a sentence in the imperative (`Pack a revision`)
/// without a full stop, and that every argument is explained in the same way.
///
/// # Panics
///
/// Panics where that is not so.
pub fn check_voice<P: CommandFactory>(examples: Examples) {
    let program = help::command::<P>(examples);
    each(&program, &|command| {
        let name = command.get_name();
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_else(|| panic!("`{name}` has no help"));
        let verb = about.split(' ').next().unwrap_or_default();
        assert!(
            !verb.ends_with('s') || matches!(verb, "Pass"),
            "`{name}`: expected the imperative, found `{about}`"
        );
        check_sentence(name, &about);
        for argument in command.get_arguments().filter(|a| !a.is_hide_set()) {
            let id = format!("{name} {}", argument.get_id());
            let help = argument.get_help().map(ToString::to_string);
            check_sentence(&id, &help.unwrap_or_else(|| panic!("`{id}` has no help")));
        }
    });
}

fn check_sentence(of: &str, sentence: &str) {
    let begins_large = sentence.chars().next().is_some_and(char::is_uppercase);
    assert!(
        begins_large && !sentence.ends_with('.'),
        "`{of}`: expected a capital and no full stop, found `{sentence}`"
    );
}

/// Calls `check` for the program and all that its help shows.
fn each(command: &Command, check: &dyn Fn(&Command)) {
    check(command);
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    for command in shown.filter(|c| c.get_name() != "help") {
        each(command, check);
    }
}

/// Splits a line as a shell does, as far as examples need it: quotes, and no redirection.
fn words(line: &str) -> Vec<String> {
    let line = line.split(" > ").next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words
}
