//! Where settings come from, and what is said when one is missing or wrong.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use crate::program::Home;

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_command_that_needs_a_registry_says_how_to_name_one() {
    let home = Home::new();
    let ran = home.bulla(&["history", "--project", "acme/billing"]);
    insta::assert_snapshot!(ran.transcript(), @r#"
    ! error: no registry is named
    ! hint: give --registry URL, set BULLA_REGISTRY, or write `registry = "URL"` to ~/.config/bulla/config.toml
    status 2
    "#);
}

#[test]
fn a_command_that_needs_a_project_says_how_to_name_one() {
    let home = Home::new();
    let ran = home.bulla(&["history", "--registry", &nobody()]);
    ran.assert_failure(2, &["no project", "--project", "bulla.toml"]);
}

#[test]
fn a_list_of_nothing_is_refused() {
    let home = Home::new();
    for command in ["releases", "history"] {
        home.bulla(&[command, "--limit", "0"])
            .assert_failure(2, &["'0' for '--limit <N>'"]);
    }
}

#[test]
fn publishing_needs_a_token_and_a_registry_that_answers() {
    let home = Home::with_checkout();
    let registry = nobody();
    home.bulla(&["key", "generate", "ci.key"]).last_line();
    let arguments = [
        "publish",
        "checkout",
        "--key",
        "ci.key",
        "--registry",
        &registry,
    ];
    home.bulla(&arguments)
        .assert_failure(2, &["needs a token", "BULLA_TOKEN", "--token-file"]);
    home.bulla_with(&arguments, &[("BULLA_TOKEN", "secret")])
        .assert_failure_after(4, &["cannot reach the registry", &registry]);
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let home = Home::new();
    let urls = [nobody(), nobody(), nobody()];
    let [file, environment, command_line] = urls.each_ref().map(String::as_str);
    home.write(
        ".config/bulla/config.toml",
        &format!("registry = \"{file}\"\n"),
    );
    let history = ["anchor", "--trust-first-use"];
    let ran = home.bulla(&history);
    ran.assert_failure_after(4, &[file]);
    let variables = [("BULLA_REGISTRY", environment)];
    let ran = home.bulla_with(&history, &variables);
    ran.assert_failure_after(4, &[environment]);
    let ran = home.bulla_with(
        &[&history[..], &["--registry", command_line]].concat(),
        &variables,
    );
    ran.assert_failure_after(4, &[command_line]);
}

#[test]
fn a_wrong_key_in_the_configuration_is_named_with_its_line() {
    let home = Home::new();
    home.write(
        ".config/bulla/config.toml",
        "\nregisty = \"http://localhost\"\n",
    );
    let ran = home.bulla(&["anchor"]);
    ran.assert_failure(2, &["config.toml", "line 2", "registy"]);
}

#[test]
fn a_wrong_recipe_is_named_where_the_project_is_looked_up() {
    let home = Home::new();
    home.write("bulla.toml", "[bundle]\nproject = \"Acme\"\n");
    let ran = home.bulla(&["history", "--registry", &nobody()]);
    ran.assert_failure(2, &["bulla.toml", "project"]);
}

#[test]
fn an_unknown_log_needs_an_anchor() {
    let home = Home::new();
    let ran = home.bulla(&["anchor", "--registry", "http://releases.example"]);
    insta::assert_snapshot!(ran.transcript(), @r"
    ! error: this machine does not know the log of http://releases.example/ yet
    ! hint: ask a colleague for the output of `bulla anchor` and give it with --anchor or BULLA_ANCHOR once; or believe the registry this once with --trust-first-use
    status 3
    ");
}

#[test]
fn an_anchor_that_is_none_is_a_usage_error() {
    let home = Home::new();
    let ran = home.bulla(&["anchor", "--registry", &nobody(), "--anchor", "bulla+1+00"]);
    ran.assert_failure(2, &["origin+size+root"]);
}

#[test]
fn a_token_file_that_is_missing_or_empty_is_named() {
    let home = Home::new();
    let registry = nobody();
    let arguments = ["anchor", "--registry", &registry, "--token-file", "token"];
    home.bulla(&arguments)
        .assert_failure(1, &["cannot read the token in `token`"]);
    home.write("token", "\n");
    home.bulla(&arguments)
        .assert_failure(2, &["expected a token in `token`"]);
}

#[test]
fn a_reason_of_no_words_and_an_address_that_is_none_are_usage_errors() {
    let home = Home::new();
    for reason in ["", "  \n"] {
        let promote = home.bulla(&["promote", "9f2c81aa", "prod", "-m", reason]);
        promote.assert_failure(2, &["expected a few words"]);
        let roll_back = home.bulla(&["rollback", "prod", "-m", reason]);
        roll_back.assert_failure(2, &["expected a few words"]);
    }
    let ran = home.bulla_with(
        &["history", "--project", "acme/billing"],
        &[("BULLA_REGISTRY", "releases")],
    );
    ran.assert_failure(2, &["`releases` is not a registry's URL", "`https://"]);
}

#[test]
fn what_cannot_name_a_release_is_a_usage_error() {
    let home = Home::new();
    for text in ["sha256:9f2c", "two words", ""] {
        let ran = home.bulla(&["promote", text, "prod", "-m", "x"]);
        ran.assert_failure(2, &["8 to 64"]);
    }
}

#[test]
fn nothing_is_signed_where_nobody_can_be_asked_and_nobody_said_yes() {
    let home = Home::new();
    let registry = nobody();
    for command in [
        &["promote", "9f2c81aa", "prod"][..],
        &["promote", "9f2c81aa", "prod", "--again"],
        &["rollback", "prod"],
        &["wave", "next", "prod"],
        &["wave", "all", "prod"],
    ] {
        let more = ["-m", "x", "--registry", &registry];
        let ran = home.bulla(&[command, &more].concat());
        ran.assert_failure(2, &["no terminal to ask on", "hint: give --yes"]);
    }
}

#[test]
fn a_rollback_without_a_reason_is_a_usage_error() {
    let home = Home::new();
    let ran = home.bulla(&["rollback", "prod", "--registry", &nobody()]);
    insta::assert_snapshot!(ran.transcript(), @r"
    ! error: a rollback needs a reason
    ! hint: give -m TEXT, or look first with `bulla rollback prod --dry-run` or --list
    status 2
    ");
}

#[test]
fn the_first_policy_is_signed_by_one_of_its_people() {
    let home = Home::new();
    for name in ["alice", "eve"] {
        home.bulla(&["key", "generate", name]).last_line();
    }
    let registry = nobody();
    let ran = home.bulla(&[
        "init",
        "--registry",
        &registry,
        "--origin",
        "acme",
        "--channel",
        "prod",
        "--person",
        "alice=alice.pub",
        "--ssh-key",
        "eve.pub",
    ]);
    ran.assert_failure(2, &["`eve.pub` belongs to none of the --person"]);
    let ran = home.bulla(&[
        "init",
        "--registry",
        &registry,
        "--origin",
        "acme",
        "--channel",
        "prod",
        "--person",
        "alice=alice",
    ]);
    ran.assert_failure(2, &["`alice` is a private key", "alice.pub"]);
}

#[test]
fn a_proxy_that_is_gone_is_named_and_its_password_is_not() {
    let home = Home::new();
    let proxy = nobody();
    let with_password = proxy.replace("http://", "http://alice:secret@");
    let ran = home.bulla_with(
        &[
            "anchor",
            "--trust-first-use",
            "--registry",
            "http://releases.example",
        ],
        &[
            ("HTTP_PROXY", &with_password),
            ("http_proxy", &with_password),
        ],
    );
    ran.assert_failure_after(
        4,
        &[
            &format!("through the proxy {proxy}"),
            "HTTPS_PROXY",
            "NO_PROXY",
        ],
    );
    assert!(!ran.stderr().contains("secret"), "{}", ran.stderr());
}

#[test]
fn a_registry_that_says_nothing_is_named_while_it_is_waited_for() {
    let home = Home::new();
    // It takes connections, and answers none.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let arguments = ["anchor", "--trust-first-use", "--registry", &url];
    let mut bulla = home
        .command(&arguments, &[])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(bulla.stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    bulla.kill().unwrap();
    bulla.wait().unwrap();
    assert_eq!(said, format!("note: waiting for {url}/\n"));
}

#[test]
fn what_bulla_starts_itself_is_not_offered_to_people() {
    let home = Home::new();
    // Without any argument or variable there is the help.
    let registry = [("BULLA_REGISTRY", "https://releases.example")];
    for (arguments, is_unknown) in [(&[][..], false), (&["ente"], true), (&["enter"], true)] {
        let ran = home.bulla_with(arguments, &registry);
        ran.assert_failure(2, &["subcommand"]);
        let said = ran.stderr();
        assert_eq!(said.contains("unrecognized"), is_unknown, "{said}");
        assert!(
            !said.contains("'enter', '") && !said.contains(": enter"),
            "{said}"
        );
        assert!(!said.contains("exists: 'enter'"), "{said}");
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.bulla(&["completions", shell]).stdout();
        let mut words = script.split(|c: char| !c.is_ascii_alphanumeric());
        assert!(script.contains("promote"), "{shell}: {script}");
        assert!(words.all(|word| word != "enter"), "{shell}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let home = Home::new();
    let registry = nobody();
    let empty = [("BULLA_REGISTRY", ""), ("BULLA_ANCHOR", "")];
    let ran = home.bulla_with(&["anchor"], &empty);
    ran.assert_failure(2, &["no registry is named"]);
    home.write(
        ".config/bulla/config.toml",
        &format!("registry = \"{registry}\"\n"),
    );
    let ran = home.bulla_with(&["anchor", "--trust-first-use"], &empty);
    ran.assert_failure_after(4, &[&registry]);
}

#[test]
fn usage_does_not_demand_what_the_environment_gives() {
    let home = Home::new();
    let anchor = format!("releases.example/bulla+1+{}", "0".repeat(64));
    let variables = [
        ("BULLA_REGISTRY", "https://releases.example"),
        ("BULLA_ANCHOR", &anchor),
    ];
    for (arguments, usage) in [
        (&["completions"][..], "bulla completions [OPTIONS] <SHELL>"),
        (&["man-pages"], "bulla man-pages [OPTIONS] <DIR>"),
        (&["key", "generate"], "bulla key generate [OPTIONS] <FILE>"),
    ] {
        let ran = home.bulla_with(arguments, &variables);
        ran.assert_failure(2, &[&format!("\nUsage: {usage}\n")]);
    }
}

#[test]
fn a_key_that_is_not_named_is_looked_for_where_ssh_keygen_puts_it() {
    let home = Home::new();
    let arguments = ["promote", "9f2c81aa", "prod", "-y", "-m", "x", "--registry"];
    let ran = home.bulla_with(
        &[&arguments[..], &[&nobody()]].concat(),
        &[("BULLA_TOKEN", "secret")],
    );
    ran.assert_failure(2, &["no SSH key is named", "~/.ssh/id_ed25519.pub"]);
}
