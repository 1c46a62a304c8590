//! `check`: what makes two builds differ is named, file by file and with the first place.

use bulla_bundle::NoProgress;
use bulla_packager::build::BuildOptions;
use bulla_packager::check::{self, CheckError, Explainer};
use bulla_schemas::api::ChangeKind;
use bulla_schemas::report::CheckReport;

use super::support::{Project, find, options, pack_options, sandboxes};
use crate::checkout::{GitRepository, skip, spec};

pub(super) fn check(
    project: &GitRepository,
    build: &BuildOptions,
) -> Result<CheckReport, CheckError> {
    let options = pack_options(build.clone());
    check::check(&spec(&project.work()), &options, None, &NoProgress).map(|checked| checked.report)
}

#[track_caller]
fn checked(script: &str, options: &BuildOptions) -> CheckReport {
    let project = Project::new(script);
    project.commit();
    check(&project.repository, options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_build_that_depends_on_its_revision_alone_is_the_same_twice() {
    for options in sandboxes() {
        let report = checked(
            "mkdir out; date -u -d @$SOURCE_DATE_EPOCH > out/date; cat bulla.toml > out/copy",
            &options,
        );
        assert!(report.is_same() && report.built, "{report:?}");
        assert!(report.differences.is_empty());
    }
}

#[test]
fn one_that_embeds_the_time_is_caught_by_file_line_and_place() {
    for options in sandboxes() {
        let report = checked(
            "mkdir out; echo same > out/same; { echo '/* made */'; date '+made at %F %T'; } > out/version.h",
            &options,
        );
        assert!(!report.is_same());
        let [difference] = report.differences.as_slice() else {
            panic!("{report:?}");
        };
        assert_eq!(difference.change.path.as_str(), "out/version.h");
        assert_eq!(difference.change.change, ChangeKind::Changed);
        let place = difference.place.as_ref().unwrap();
        assert_eq!(place.line, Some(2));
        assert!(place.offset > 11, "{place:?}");
        assert!(place.first.starts_with("made at 20") && place.second.starts_with("made at 20"));
        assert_ne!(place.first, place.second);
    }
}

/// One way to depend on more than the revision, and the file that shows it.
const DEPENDENCIES: [(&str, &str); 8] = [
    ("time", "date +%s%N"),
    (
        "processors",
        "nproc --all; grep Cpus_allowed_list /proc/self/status; nproc",
    ),
    ("umask", "touch new; stat -c %a new"),
    ("user", "id -u; stat -c %U ."),
    ("home", "(cd ~; pwd -P)"),
    ("machine", "uname -n"),
    // How many letters that is.
    (
        "locale",
        "printf 'a\\nB\\n\\303\\244\\n' | sort | tr -d '\\n' | wc -m; locale charmap; locale d_t_fmt",
    ),
    ("zone", "date -d @0"),
];

#[test]
fn whatever_may_vary_is_varied() {
    for options in sandboxes() {
        let lines = DEPENDENCIES.map(|(name, command)| format!("{{ {command}; }} > out/{name}"));
        let report = checked(&format!("mkdir out; {}", lines.join("; ")), &options);
        let mut found: Vec<_> = report
            .differences
            .iter()
            .map(|difference| difference.change.path.as_str())
            .collect();
        let mut expected: Vec<_> = DEPENDENCIES
            .iter()
            .map(|(name, _)| format!("out/{name}"))
            .collect();
        if std::thread::available_parallelism().unwrap().get() == 1 {
            skip("a build with another number of processors, because there is only one");
            expected.retain(|path| path != "out/processors");
        }
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{report:?}");
    }
}

/// A project that releases the order in which the kernel lists a directory of its revision.
fn lists(directory: &str) -> Project {
    let project = Project::new(&format!("mkdir out; ls -U {directory} > out/list"));
    for name in ["zebra", "ant", "mouse", "cat", "dog", "eel", "fox", "gnu"] {
        project.repository.write(&format!("files/{name}"), name);
        project
            .repository
            .write(&format!("directories/{name}/file"), name);
    }
    project.commit();
    project
}

#[test]
fn the_order_in_which_directories_are_listed_is_varied() {
    for options in sandboxes() {
        for directory in ["files", "directories"] {
            let report = check(&lists(directory).repository, &options).unwrap();
            let has_other = report
                .varied
                .iter()
                .any(|what| what.contains("file system"));
            if !has_other {
                skip("another order of directories, because `/dev/shm` is no other file system");
                continue;
            }
            assert!(!report.is_same(), "{directory} {:?}", report.varied);
        }
    }
}

#[test]
fn the_order_in_which_files_are_made_is_varied_where_there_is_one_file_system() {
    // A file system in memory lists what was made last first.
    let Ok(spool) = tempfile::tempdir_in("/dev/shm") else {
        skip("another order of files, because there is no `/dev/shm`");
        return;
    };
    for options in sandboxes() {
        let options = BuildOptions {
            spool: spool.path().to_owned(),
            ..options
        };
        for directory in ["files", "directories"] {
            let report = check(&lists(directory).repository, &options).unwrap();
            assert!(!report.is_same(), "{directory} {:?}", report.varied);
            let order = "order in which files are made";
            assert!(report.varied.iter().any(|what| what == order), "{report:?}");
        }
    }
}

#[test]
fn a_year_passes_where_libfaketime_is_installed() {
    for options in sandboxes() {
        let report = checked("mkdir out; date +%Y > out/year", &options);
        if !report.varied.iter().any(|what| what.contains("400d")) {
            skip("another year, because `libfaketime` is not installed");
            return;
        }
        assert!(!report.is_same(), "{options:?}");
        // Who does not ask the library sees another second at least.
        let report = checked("mkdir out; LD_PRELOAD= date +%s > out/second", &options);
        assert!(!report.is_same(), "{options:?}");
    }
}

#[test]
fn without_a_sandbox_it_is_said_what_only_variables_tell() {
    let build = BuildOptions {
        no_sandbox: true,
        ..options()
    };
    let report = checked(
        "mkdir out; id -u > out/user; uname -n > out/machine; echo $USER > out/name; pwd > out/path",
        &build,
    );
    let found: Vec<_> = report
        .differences
        .iter()
        .map(|difference| difference.change.path.as_str())
        .collect();
    assert_eq!(found, ["out/name", "out/path"], "{report:?}");
    for expected in [
        "user build and checker, in variables only",
        "machine bulla and elsewhere, in variables only",
        "paths of the build and its home",
    ] {
        assert!(
            report.varied.iter().any(|what| what == expected),
            "{report:?}"
        );
    }
}

#[test]
fn a_second_build_that_fails_is_told_from_a_first() {
    for options in sandboxes() {
        let project = Project::new("mkdir out; touch out/x; test $(id -un) = build");
        project.commit();
        let error = check(&project.repository, &options).unwrap_err();
        let CheckError::Unstable { varied, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(
            varied.iter().any(|what| what.starts_with("user build and")),
            "{varied:?}"
        );
        let broken = Project::new("exit 1");
        broken.commit();
        let error = check(&broken.repository, &options).unwrap_err();
        assert!(matches!(error, CheckError::Pack(_)), "{error:?}");
    }
}

#[test]
fn files_that_come_and_go_are_named() {
    for options in sandboxes() {
        let report = checked(
            "mkdir out; touch out/always out/by-$(id -un); chmod $((700 + $(id -u) % 2 * 11)) out/always",
            &options,
        );
        let found: Vec<_> = report
            .differences
            .iter()
            .map(|difference| (difference.change.path.as_str(), difference.change.change))
            .collect();
        assert_eq!(
            found,
            [
                ("out/by-build", ChangeKind::Removed),
                ("out/by-checker", ChangeKind::Added),
            ]
        );
    }
}

#[test]
fn without_a_build_only_packing_is_repeated() {
    let repository = GitRepository::with_files();
    let report = check(&repository, &options()).unwrap();
    assert!(report.is_same() && !report.built);
    assert_eq!(report.varied, ["threads 1 and 2"]);
}

#[test]
fn diffoscope_says_why() {
    let Some(program) = find("diffoscope") else {
        skip("the explanation of a difference, because `diffoscope` is not installed");
        return;
    };
    let explainer = Explainer {
        program,
        spool: std::env::temp_dir(),
    };
    for build in sandboxes() {
        let project = Project::new(
            "mkdir out; id -un > who; tar cf - --mtime=@0 who | gzip -n > out/a.tar.gz",
        );
        project.commit();
        let options = pack_options(build);
        let spec = spec(&project.repository.work());
        let checked = check::check(&spec, &options, Some(&explainer), &NoProgress).unwrap();
        let said = checked.report.differences[0].explanation.as_ref().unwrap();
        assert!(
            said.contains("-build") && said.contains("+checker"),
            "{said}"
        );
    }
}
