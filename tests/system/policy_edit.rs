//! The whole policy in an editor: nothing that was typed is lost, and nothing is signed that somebody
//! did not mean.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bulla_tests::programs::is_installed;
use bulla_tests::{Person, Transcript, World, on_terminal, skip};

fn edit(world: &World, editor: &str, arguments: &[&str]) -> std::process::Command {
    let mut command = world.bulla_command();
    command
        .args(["policy", "edit", "--ssh-key"])
        .arg(&world.alice.public_key);
    command.args(arguments).env("EDITOR", editor);
    command
}

fn show(world: &World, arguments: &[&str]) -> String {
    world
        .bulla(&[&["policy", "show"], arguments].concat())
        .done()
        .stdout
}

/// The file of which the program says that it keeps what was typed.
fn kept(said: &Transcript) -> PathBuf {
    // A terminal folds it.
    let text = format!("{}{}", said.stdout, said.stderr);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = text
        .split_once("is kept in `")
        .unwrap_or_else(|| panic!("{said}"));
    rest.split('`').next().unwrap().into()
}

fn typed_files(world: &World) -> usize {
    let typed = world.home().join(".local/state/bulla/typed");
    std::fs::read_dir(typed).unwrap().count()
}

#[test]
fn what_an_editor_leaves_is_put_in_effect_or_kept() {
    let world = World::with_others(&["bob"]);
    let run =
        |editor: &str, arguments: &[&str]| Transcript::of(&mut edit(&world, editor, arguments));
    let nothing = run("true", &["--yes"]).done();
    assert!(nothing.stderr.contains("nothing changed"), "{nothing}");
    let emptied = run("truncate -s 0", &["--yes"]).done();
    assert!(emptied.stderr.contains("nothing was done"), "{emptied}");
    assert_eq!(typed_files(&world), 0);
    assert!(show(&world, &[]).contains("changing the policy needs 1 of alice, bob"));

    // The first threshold of the text is the root's.
    let both = "sed -i '0,/^threshold = 1/s//threshold = 2/'";
    let dry = run(both, &["--dry-run"]).done();
    assert!(
        dry.stderr
            .contains("+ changing the policy needs 2 of alice, bob"),
        "{dry}"
    );
    assert!(kept(&dry).exists());
    let three = "sed -i '0,/^threshold = 1/s//threshold = 3/'";
    let refused = run(three, &["--yes"]).refused("`root` needs 3 signers and names 2");
    let text = std::fs::read_to_string(kept(&refused)).unwrap();
    assert!(text.contains("threshold = 3"), "{text}");
    let broken = run("sed -i 's/^\\[root\\]/[root/'", &["--yes"]).fails(2, "line ");
    assert!(
        std::fs::read_to_string(kept(&broken))
            .unwrap()
            .contains("[root\n")
    );
    run("false", &["--yes"]).fails(1, "the editor `false` failed");
    run("'", &["--yes"]).fails(2, "the command of an editor");
    // Somebody who may not is told before they type.
    let mallory = Person::with_new_key("mallory", &world.path("elsewhere"));
    let mut command = world.bulla_command();
    command
        .args(["policy", "edit", "--yes", "--ssh-key"])
        .arg(&mallory.public_key);
    Transcript::of(command.env("EDITOR", "false")).refused("does not name the key");

    let prod = "sed -i 's/^channel = \"prod\"/channel = \"live\"/'";
    let done = run(prod, &["--yes"]).done();
    assert!(done.stderr.contains("policy 2 is in effect"), "{done}");
    assert!(show(&world, &[]).contains("moving `live` of every project"));
    assert!(show(&world, &["1"]).contains("moving `prod` of every project"));
    let history = world.bulla(&["policy", "history"]).done().stdout;
    assert!(
        history.contains("policy 2, entry 1 of the log, signed by alice\n  (SHA256:"),
        "{history}"
    );
    assert!(history.contains("  - moving `prod`") && history.contains("  + moving `live`"));
}

#[test]
fn a_text_from_a_file_changes_only_the_policy_that_it_was_taken_from() {
    let world = World::with_others(&["bob"]);
    let file = world.path("policy.toml");
    let text = show(&world, &["--toml"]);
    let run = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let arguments = ["--yes", "--file", file.to_str().unwrap()];
        Transcript::of(&mut edit(&world, "false", &arguments))
    };
    let same = run(&text).done();
    assert!(same.stderr.contains("nothing changed"), "{same}");
    // The order of rules says who decides.
    let rules: Vec<&str> = text.split("[[channels]]\n").collect();
    let [head, first, second] = rules[..] else {
        panic!("two rules of {text}");
    };
    let turned = format!(
        "{head}[[channels]]\n{}\n\n[[channels]]\n{first}",
        second.trim_end()
    );
    let done = run(&turned).done();
    assert!(
        done.stderr.contains("decides, in this order: `prod`"),
        "{done}"
    );
    // What somebody else changed since then is not undone.
    run(&text).refused("the text is of policy 1, and policy 2 is in effect");
    let text = show(&world, &["--toml"]);
    let mallory = Person::with_new_key("mallory", &world.path("people"));
    let key = std::fs::read_to_string(&mallory.public_key).unwrap();
    let add = format!(
        "{text}\n[[people]]\nname = \"carol\"\nkeys = [\"{}\"]\n",
        key.trim()
    );
    run(&add).done();
    let gone = show(&world, &["--toml"]);
    let gone = gone
        .split("[[people]]\n")
        .filter(|part| !part.contains("carol"));
    let gone: Vec<&str> = gone.collect();
    let builders = show(&world, &["--toml"]);
    let (_, builders) = builders.split_once("# Builders").unwrap();
    let gone = format!("{}# Builders{builders}", gone.join("[[people]]\n"));
    run(&gone).done();
    // The name stays hers.
    let other = Person::with_new_key("other", &world.path("people"));
    let other = std::fs::read_to_string(&other.public_key).unwrap();
    let text = show(&world, &["--toml"]);
    let again = format!(
        "{text}\n[[people]]\nname = \"carol\"\nkeys = [\"{}\"]\n",
        other.trim()
    );
    run(&again).refused("`carol` was in the policy before");
    Transcript::of(&mut edit(&world, "false", &["--yes", "--file", "nowhere"]))
        .fails(2, "found no file");
}

#[test]
fn on_a_terminal_a_text_with_an_error_is_opened_again_with_the_error() {
    if !is_installed("script") {
        skip("an editor on a terminal, because script is not installed");
        return;
    }
    let world = World::with_others(&["bob"]);
    // Types a wrong word first, and mends it when it is told.
    let script = "#!/bin/sh\n\
        if grep -q '^#! ' \"$1\"; then cp \"$1\" told; sed -i 's/^treshold = 2/threshold = 2/' \"$1\"\n\
        else sed -i '0,/^threshold = 1/s//treshold = 2/' \"$1\"; fi\n";
    let editor = world.path("editor");
    std::fs::write(&editor, script).unwrap();
    std::fs::set_permissions(&editor, PermissionsExt::from_mode(0o755)).unwrap();
    let editor = editor.to_str().unwrap();
    let said = on_terminal(&edit(&world, editor, &[]), 100, "n\n");
    assert_eq!(said.status, Some(1), "{said}");
    assert!(
        said.stdout
            .contains("+ changing the policy needs 2 of alice, bob"),
        "{said}"
    );
    assert!(
        std::fs::read_to_string(kept(&said))
            .unwrap()
            .contains("threshold = 2")
    );
    let told = std::fs::read_to_string(world.path("told")).unwrap();
    assert!(
        told.starts_with("#! This cannot be put in effect"),
        "{told}"
    );
    assert!(
        told.contains("unknown field `treshold`") && told.contains("line "),
        "{told}"
    );
    // Who leaves it as it is gives up.
    let wrong = "sed -i '0,/^threshold = 1/s//treshold = 2/'";
    let said = on_terminal(
        &edit(
            &world,
            Path::new(editor).with_file_name("wrong").to_str().unwrap(),
            &[],
        ),
        100,
        "",
    );
    assert_eq!(said.status, Some(1), "{said}");
    std::fs::write(world.path("wrong"), format!("#!/bin/sh\n{wrong} \"$1\"\n")).unwrap();
    std::fs::set_permissions(world.path("wrong"), PermissionsExt::from_mode(0o755)).unwrap();
    let said = on_terminal(
        &edit(&world, world.path("wrong").to_str().unwrap(), &[]),
        100,
        "",
    );
    assert_eq!(said.status, Some(2), "{said}");
    assert!(
        std::fs::read_to_string(kept(&said))
            .unwrap()
            .contains("treshold = 2")
    );
    assert!(show(&world, &[]).contains("changing the policy needs 1 of alice, bob"));
}
