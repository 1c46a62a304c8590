//! What a build finds in its directory.

use crate::checkout::{GitRepository, SvnRepository, spec};
use crate::pack::packed;

use super::support::{Project, report, sandboxes};

#[test]
fn the_whole_revision_is_there_and_nothing_else() {
    for options in sandboxes() {
        let project =
            Project::new("mkdir out; find . -path ./out -prune -o -print | sort > out/found")
                .with("[install]\npersist = [\"var\"]");
        let repository = &project.repository;
        repository.write("src/main.c", "int main;");
        repository.write("var/kept", "excluded from releases, not from builds");
        repository.commit("sources");
        repository.write(".git/info/exclude", "untracked\n");
        repository.write("untracked", "no part of the revision");
        assert_eq!(
            project.outputs(&options)["out/found"],
            ".\n./bulla.toml\n./src\n./src/main.c\n./var\n./var/kept\n"
        );
    }
}

#[test]
fn modes_and_times_are_those_of_the_revision() {
    for options in sandboxes() {
        let project = Project::new(
            "list=$(find . -exec stat -c '%a %Y %n' {} + | sort -k 3); mkdir out; echo \"$list\" > out/found",
        );
        let repository = &project.repository;
        repository.write("bin/run", "#!/bin/sh\n");
        repository.make_executable("bin/run");
        repository.link("bin/link", "run");
        assert_eq!(
            project.outputs(&options)["out/found"],
            "755 1795165200 .\n755 1795165200 ./bin\n777 1795165200 ./bin/link\n\
             755 1795165200 ./bin/run\n644 1795165200 ./bulla.toml\n"
        );
    }
}

#[test]
fn every_build_begins_afresh() {
    for options in sandboxes() {
        let script = "test ! -e ~/mark; test ! -e /tmp/mark; test ! -e mark; touch ~/mark /tmp/mark mark; echo ok";
        for _ in 0..2 {
            assert_eq!(report(&options, script), "ok");
        }
    }
}

#[test]
fn git_and_svn_build_the_same() {
    if sandboxes().is_empty() {
        return;
    }
    let git = GitRepository::new();
    let svn = SvnRepository::new();
    let recipe = "[bundle]\nproject = \"acme/calc\"\n[build]\n\
                  command = [\"sh\", \"-ec\", \"mkdir out; tr a-z A-Z < text > out/text; ln -s text out/link\"]\n\
                  outputs = [\"out/\"]\n";
    for write in [
        &|path: &str, text: &str| git.write(path, text) as (),
        &|path: &str, text: &str| svn.write(path, text),
    ] as [&dyn Fn(&str, &str); 2]
    {
        write("bulla.toml", recipe);
        write("text", "hello\n");
    }
    git.commit("one");
    svn.commit("one");
    let [one, two] = [git.work(), svn.work()].map(|work| packed(&spec(&work), 2).unwrap().bundle);
    assert_eq!(one.release().index, two.release().index);
    assert_eq!(one.entries(), two.entries());
    let paths: Vec<_> = one
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(paths, ["out", "out/link", "out/text"]);
}

#[test]
fn every_kind_of_sandbox_gives_the_same_release() {
    let script = "mkdir out; env | sort > out/environment; cp /etc/passwd /etc/hosts out; ls / /etc > out/list";
    let made: Vec<_> = sandboxes()
        .iter()
        .map(|sandbox| Project::new(script).outputs(sandbox))
        .collect();
    assert!(made.iter().all(|outputs| *outputs == made[0]), "{made:?}");
}
