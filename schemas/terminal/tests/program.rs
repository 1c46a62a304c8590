//! A whole program out of the crate, as a process: what it prints, what it loses, how it ends.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Starts `examples/greet.rs`, which cargo builds beside the tests.
fn greet(arguments: &[&str]) -> Command {
    let test = std::env::current_exe().expect("this program");
    let built: &Path = test.ancestors().nth(2).expect("the target directory");
    let mut command = Command::new(built.join("examples/greet"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    greet(arguments).output().expect("a process")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("UTF-8")
}

/// Everything that writes to stdout.
const WRITERS: [&[&str]; 6] = [
    &["hello"],
    &["hello", "--times", "100000"],
    &["list"],
    &["completions", "bash"],
    &["--help"],
    &["--version"],
];

#[test]
fn output_that_a_full_disk_loses_is_a_failure() {
    for arguments in WRITERS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = greet(arguments).stdout(full).output().unwrap();
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.starts_with("error: cannot write to stdout\n"),
            "{said}"
        );
        assert!(said.contains("\nhint: free some space"), "{said}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in WRITERS {
        let mut running = greet(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(running.stdout.take());
        let ended = running.wait_with_output().unwrap();
        assert_eq!(text(&ended.stderr), "", "{arguments:?}");
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
    }
    // After some bytes: the pipe is full when it closes.
    let mut running = greet(&["hello", "--times", "1000000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = running.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

#[test]
fn help_is_data_and_a_usage_error_is_not() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Examples:\n  bulla-greet hello 'Alice and Bob'\n"));
    let wrong = run(&["howl"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(text(&wrong.stdout), "");
    assert!(text(&wrong.stderr).contains("unrecognized subcommand 'howl'"));
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("share/man1");
    let written = run(&["man-pages", directory.to_str().unwrap()]);
    assert_eq!(written.status.code(), Some(0));
    let page = fs::read_to_string(directory.join("bulla-greet-hello.1")).unwrap();
    assert!(page.contains("\n.SH EXAMPLES\n"), "{page}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 5);
    let refused = run(&["man-pages", "/dev/null/man1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).starts_with("error: cannot write man pages into `/dev/null/man1`\n")
    );
}

#[test]
fn bash_completes_a_program_with_a_hyphen() {
    let script = run(&["completions", "bash"]);
    let script = text(&script.stdout);
    assert!(!script.contains("bulla__subcmd__greet"), "{script}");
    let asked = format!(
        "{script}\nCOMP_WORDS=(bulla-greet he); COMP_CWORD=1; _bulla__greet bulla-greet he bulla-greet; echo \"${{COMPREPLY[@]}}\""
    );
    let answered = Command::new("bash").args(["-c", &asked]).output().unwrap();
    assert_eq!(text(&answered.stdout), "hello help\n");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let with = |language: &str| {
        let mut greet = greet(&["hello"]);
        let greet = greet.env("BULLA_GREET_LANGUAGE", language);
        greet.output().unwrap().status.code()
    };
    assert_eq!(with("la"), Some(0));
    assert_eq!(with(""), Some(0));
    assert_eq!(with("xx"), Some(2));
}

#[test]
fn the_usage_of_an_error_does_not_ask_for_what_the_environment_gives() {
    let mut greet = greet(&["completions"]);
    let ended = greet.env("BULLA_GREET_LANGUAGE", "la").output().unwrap();
    let said = text(&ended.stderr);
    assert!(
        said.contains("\nUsage: bulla-greet completions [OPTIONS] <SHELL>\n"),
        "{said}"
    );
}
