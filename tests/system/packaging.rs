//! What `make install` puts in place: programs, completions that bash can use, and man pages that
//! formatters accept.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bulla_tests::programs::{Program, is_installed};
use bulla_tests::{Transcript, skip};

const PROGRAMS: [&str; 3] = ["bulla", "bulla-registry", "bulla-installer"];

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scripts")
        .join(name)
}

/// Returns a prefix with the programs under test; they are installed once for all tests.
fn installed() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(install)
}

fn install() -> PathBuf {
    let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("installed");
    // Of an earlier run.
    let _ = std::fs::remove_dir_all(&prefix);
    let programs = Program::Bulla.path();
    Transcript::of(
        Command::new(script("install"))
            .arg(programs.parent().unwrap())
            .arg(&prefix),
    )
    .done();
    prefix
}

#[test]
fn everything_lies_where_a_linux_looks_for_it() {
    let prefix = installed();
    for program in PROGRAMS {
        for path in [
            format!("bin/{program}"),
            format!("share/man/man1/{program}.1"),
            format!("share/bash-completion/completions/{program}"),
            format!("share/zsh/site-functions/_{program}"),
            format!("share/fish/vendor_completions.d/{program}.fish"),
        ] {
            assert!(prefix.join(&path).is_file(), "{path}");
        }
    }
    for page in [
        "bulla-promote.1",
        "bulla-key-generate.1",
        "bulla-registry-token-create.1",
    ] {
        let page = prefix.join("share/man/man1").join(page);
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains("\n.SH EXAMPLES\n"), "{}", page.display());
    }
    assert!(prefix.join("share/doc/bulla/ci/Jenkinsfile").is_file());
}

#[test]
fn bash_completes_commands_options_and_files() {
    let prefix = installed();
    let complete = |program: &str, words: &str| {
        let completions = prefix.join("share/bash-completion/completions");
        let line = format!(
            "set -euo pipefail\n\
             source {}/{program}\n\
             words=({program} {words})\n\
             COMP_WORDS=(\"${{words[@]}}\")\n\
             COMP_CWORD=$((${{#words[@]}} - 1))\n\
             function_name=$(complete -p {program} | sed -E 's/.* -F ([^ ]+).*/\\1/')\n\
             previous=${{words[COMP_CWORD - 1]}}\n\
             \"$function_name\" {program} \"${{words[COMP_CWORD]}}\" \"$previous\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            completions.display()
        );
        Transcript::of(Command::new("bash").args(["--noprofile", "--norc", "-c", &line])).done()
    };
    assert!(complete("bulla", "prom").stdout.contains("promote"));
    let options = complete("bulla", "promote --dr").stdout;
    assert!(
        options.contains("--drop") && options.contains("--dry-run"),
        "{options}"
    );
    assert!(complete("bulla-registry", "tok").stdout.contains("token"));
    assert!(
        complete("bulla-installer", "install --chan")
            .stdout
            .contains("--channel")
    );
}

#[test]
fn zsh_takes_its_completions_from_where_it_looks() {
    if !is_installed("zsh") {
        return skip("the completions of zsh, because it is not installed");
    }
    let functions = installed().join("share/zsh/site-functions");
    // `compinit` registers what it finds in `fpath`; `autoload +X` reads the whole file.
    let line = "fpath=($1 $fpath); shift; autoload -Uz compinit; compinit -u -D; \
                for program; do print -r -- $_comps[$program]; autoload +X _$program; done";
    let mut zsh = Command::new("zsh");
    zsh.args(["-f", "-c", line, "zsh"]).arg(functions);
    let registered = Transcript::of(zsh.args(PROGRAMS)).done();
    let expected = PROGRAMS.map(|program| format!("_{program}\n")).concat();
    assert_eq!(registered.stdout, expected);
}

#[test]
fn fish_completes_commands_and_options() {
    if !is_installed("fish") {
        return skip("the completions of fish, because it is not installed");
    }
    let completions = installed().join("share/fish/vendor_completions.d");
    let complete = |program: &str, line: &str| {
        let command = format!("source $argv[1]/{program}.fish; complete -C $argv[2]");
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &command]);
        Transcript::of(fish.arg(&completions).arg(line))
            .done()
            .stdout
    };
    assert!(complete("bulla", "bulla prom").starts_with("promote\t"));
    let options = complete("bulla", "bulla promote --dr");
    assert!(
        options.contains("--drop\t") && options.contains("--dry-run\t"),
        "{options}"
    );
    assert!(complete("bulla-registry", "bulla-registry tok").contains("token"));
    assert!(complete("bulla-installer", "bulla-installer install --chan").contains("--channel"));
}

#[test]
fn formatters_of_man_pages_have_nothing_to_say() {
    let prefix = installed();
    let pages: Vec<_> = std::fs::read_dir(prefix.join("share/man/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(pages.len() > 20, "{}", pages.len());
    let check = |program: &str, arguments: &[&str]| {
        if !is_installed(program) {
            skip(&format!(
                "man pages in {program}, because it is not installed"
            ));
            return;
        }
        let said = Transcript::of(Command::new(program).args(arguments).args(&pages)).done();
        assert!(said.stderr.is_empty(), "{said}");
    };
    check("groff", &["-man", "-ww", "-Tutf8", "-z"]);
    check("mandoc", &["-Tlint", "-Werror"]);
}

#[test]
fn the_package_of_the_registry_brings_a_unit_that_systemd_accepts_and_finds_hardened() {
    let tools = ["dpkg-deb", "fakeroot", "readelf", "systemd-analyze"];
    if let Some(tool) = tools.iter().find(|tool| !is_installed(tool)) {
        let why = format!("the package of the registry, because {tool} is not installed");
        return skip(&why);
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("dist");
    let program = Program::Registry.path();
    let mut dist = Command::new(script("dist"));
    dist.arg(program.parent().unwrap()).arg("1.0.0").arg(&out);
    dist.args(["", "bulla-registry"]);
    Transcript::of(dist.env("DIST_COMPRESSION", "none")).done();
    let packages: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [package] = packages.as_slice() else {
        panic!("expected one package, found {packages:?}");
    };
    let root = folder.path().join("root");
    let mut unpack = Command::new("dpkg-deb");
    Transcript::of(unpack.arg("--extract").arg(package).arg(&root)).done();
    let mut conffiles = Command::new("dpkg-deb");
    conffiles.arg("--info").arg(package).arg("conffiles");
    let conffiles = Transcript::of(&mut conffiles).done();
    assert_eq!(conffiles.stdout, "/etc/default/bulla-registry\n");
    for path in [
        "etc/default/bulla-registry",
        "usr/lib/sysusers.d/bulla-registry.conf",
        "usr/share/doc/bulla-registry/examples/alerts.yml",
        "usr/share/doc/bulla-registry/examples/dashboard.json",
        "usr/share/doc/bulla-registry/examples/rules.toml",
    ] {
        assert!(root.join(path).is_file(), "{path}");
    }
    let here = program.to_str().unwrap();
    let units = root.join("usr/lib/systemd/system");
    for name in ["bulla-registry.service", "bulla-registry-gc.service"] {
        let unit = units.join(name);
        let text = std::fs::read_to_string(&unit).unwrap();
        std::fs::write(&unit, text.replace("/usr/bin/bulla-registry", here)).unwrap();
    }
    let analyze = |arguments: &[&str], unit: &str| {
        let mut analyze = Command::new("systemd-analyze");
        Transcript::of(analyze.args(arguments).arg(units.join(unit))).done()
    };
    for unit in [
        "bulla-registry.service",
        "bulla-registry-gc.service",
        "bulla-registry-gc.timer",
    ] {
        let said = analyze(&["verify", "--man=no"], unit);
        assert!(!said.stderr.contains("bulla-registry"), "{said}");
    }
    for unit in ["bulla-registry.service", "bulla-registry-gc.service"] {
        analyze(&["security", "--offline=yes", "--threshold=20"], unit);
    }
}
