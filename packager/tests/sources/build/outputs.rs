//! Which of the files that a build made are released.

use bulla_bundle::{Limits, NoProgress};
use bulla_packager::build::{BuildError, BuildOptions};
use bulla_packager::pack::{self, PackError};
use bulla_packager::{recipe, source};

use super::support::{Project, find, pack_options, sandboxes};
use crate::checkout::{contents, spec};

fn pack(project: &Project, build: &BuildOptions) -> Result<Vec<String>, PackError> {
    project.commit();
    let checkout = source::open(&spec(&project.repository.work())).unwrap();
    let recipe = recipe::load(&checkout).unwrap();
    let options = pack_options(build.clone());
    let packed = pack::pack(checkout, &recipe, &options, &NoProgress)?;
    let entries = packed.bundle.entries().iter();
    Ok(entries.map(|entry| entry.path.to_string()).collect())
}

#[test]
fn only_outputs_are_released_and_links_stay_links() {
    for options in sandboxes() {
        let project = Project::new(
            "mkdir -p out/a out/empty other; echo 1 > out/a/one; ln -s a/one out/link; echo 2 > other/two; echo 3 > three.js",
        );
        project.repository.write("source.c", "int main;");
        assert_eq!(
            pack(&project, &options).unwrap(),
            ["out", "out/a", "out/a/one", "out/empty", "out/link"]
        );
    }
}

#[test]
fn include_and_exclude_choose_among_the_outputs() {
    for options in sandboxes() {
        let project = Project::new("mkdir out; touch out/a.js out/a.js.map out/b.css");
        project.commit();
        let recipe = project.recipe().replacen(
            "[build]",
            "include = [\"*.js\", \"*.map\"]\nexclude = [\"*.map\"]\n[build]",
            1,
        );
        project.repository.write("bulla.toml", recipe);
        project.repository.commit("choose");
        let checkout = source::open(&spec(&project.repository.work())).unwrap();
        let checked = recipe::load(&checkout).unwrap();
        let options = pack_options(options);
        let packed = pack::pack(checkout, &checked, &options, &NoProgress).unwrap();
        let paths: Vec<_> = packed
            .bundle
            .entries()
            .iter()
            .map(|entry| entry.path.as_str())
            .collect();
        assert_eq!(paths, ["out", "out/a.js"]);
    }
}

#[test]
fn a_build_that_makes_nothing_for_the_release_says_so() {
    for options in sandboxes() {
        let error = Project::new("mkdir build; touch build/one build/two").failure(&options);
        assert!(matches!(error, BuildError::NoOutputs { .. }));
        let said = error.to_string();
        assert!(said.contains("none of 3 files matches `out/`"), "{said}");
    }
}

#[test]
fn refuses_a_link_that_leaves_the_tree() {
    for options in sandboxes() {
        for target in ["/etc/passwd", "../../x", "/build/out/file"] {
            let project = Project::new(&format!("mkdir out; ln -s {target} out/link"));
            let error = pack(&project, &options).unwrap_err();
            assert!(matches!(error, PackError::Select(_)), "{error:?}");
            assert!(error.to_string().contains("out/link"), "{error}");
        }
    }
}

#[test]
fn refuses_what_is_neither_file_nor_directory_nor_link() {
    for options in sandboxes() {
        let error = Project::new("mkdir out; mkfifo out/pipe").failure(&options);
        assert_eq!(
            error.to_string(),
            "the build made `out/pipe`, which is a named pipe and cannot be released"
        );
        if find("perl").is_some() {
            let script = "mkdir out; \
                 perl -MSocket -e \"socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un(q(out/s)))\"";
            let error = Project::new(script).failure(&options);
            assert_eq!(
                error.to_string(),
                "the build made `out/s`, which is a socket and cannot be released"
            );
        }
        let beside = Project::new("mkdir out; mkfifo pipe; touch out/file");
        assert_eq!(beside.outputs(&options).len(), 1);
        let device = Project::new("mkdir out; mknod out/null c 1 3").failure(&options);
        assert!(matches!(device, BuildError::Exited { .. }), "{device}");
    }
}

#[test]
fn what_the_build_made_unreadable_is_released_all_the_same() {
    for options in sandboxes() {
        let project = Project::new(
            "mkdir -p out/locked; echo secret > out/locked/file; chmod 0 out/locked/file out/locked out .",
        );
        assert_eq!(project.outputs(&options)["out/locked/file"], "secret\n");
    }
}

#[test]
fn of_modes_only_the_executable_bit_is_released() {
    for options in sandboxes() {
        let made = |modes: [&str; 2]| {
            let [program, data] = modes;
            let project = Project::new(&format!(
                "mkdir -m {program} out; echo 1 > out/program; echo 2 > out/data; \
                 chmod {program} out/program; chmod {data} out/data"
            ));
            let built = project.build(&options).unwrap();
            contents(&built)
        };
        assert_eq!(made(["6777", "4666"]), made(["700", "600"]), "{options:?}");
    }
}

#[test]
fn refuses_a_file_that_is_larger_than_a_release_may_be() {
    for options in sandboxes() {
        // It takes no room on the disk.
        let project = Project::new("mkdir out; truncate -s 4T out/large");
        let error = pack(&project, &options).unwrap_err();
        assert!(error.to_string().contains("out/large"), "{error}");
    }
}

#[test]
fn refuses_more_files_than_a_release_may_have() {
    for options in sandboxes() {
        let project = Project::new("mkdir out; touch out/1 out/2 out/3 out/4");
        project.commit();
        let checkout = source::open(&spec(&project.repository.work())).unwrap();
        let recipe = recipe::load(&checkout).unwrap();
        let limits = Limits {
            entries: 3,
            ..Limits::default()
        };
        let built = bulla_packager::build::build(checkout, &recipe.recipe, &limits, &options);
        assert!(matches!(
            built.err(),
            Some(BuildError::TooMany { limit: 3 })
        ));
    }
}

#[test]
fn a_link_to_itself_is_only_a_link() {
    for options in sandboxes() {
        let project =
            Project::new("mkdir out; ln -s loop out/loop; ln -s . out/here; touch out/file");
        assert_eq!(project.outputs(&options).len(), 3);
    }
}
