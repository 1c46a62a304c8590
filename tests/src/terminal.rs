//! A program on a real terminal, which `script` (util-linux) makes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::Transcript;

/// Runs a command with a terminal of so many columns for stdin, stdout and stderr, and types
/// `typed`. With no columns, the terminal does not say how large it is. What it writes and draws is in `stdout`, with the terminal's line ends.
#[must_use]
pub fn on_terminal(command: &Command, columns: u16, typed: &str) -> Transcript {
    let rows = if columns == 0 { 0 } else { 24 };
    let mut line = format!("stty cols {columns} rows {rows}; exec");
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        let word = word.to_str().expect("words in UTF-8");
        assert!(!word.contains('\''), "`script` takes a line for a shell");
        write!(line, " '{word}'").expect("memory");
    }
    let environment = command.get_envs();
    let environment = environment.filter_map(|(name, value)| Some((name, value?)));
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--echo", "never", "--command", &line])
        .arg("/dev/null")
        .env_clear()
        .envs(environment)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(directory) = command.get_current_dir() {
        script.current_dir(directory);
    }
    let mut running = script.spawn().expect("`script` of util-linux");
    let mut stdin = running.stdin.take().expect("a pipe");
    // A program that has ended reads nothing more.
    let _ = stdin.write_all(typed.as_bytes());
    drop(stdin);
    let output = running.wait_with_output().expect("the output");
    Transcript::from_output(line, &output)
}
