//! The server's own commands around an activation: out of the load balancer, and back.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use bulla_installer::{HookError, InstallError, InstallRequest, LiveError, ProjectConfig};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::world::{Notes, World, hooks, install_on, request, small_tree};

/// A load balancer that keeps in files what it was told, and does what others tell it.
fn balancer(world: &World) -> PathBuf {
    let path = world.folder.path().join("balancer");
    let folder = world.folder.path().display();
    let script = format!(
        "#!/bin/sh\ncd {folder}\nlive=$(readlink {}/current)\n\
         echo \"$1 $BULLA_HOOK $(basename \"$live\")\" >> told\necho \"$1\" > side\n\
         test ! -e \"broken-$1\"\n",
        world.site().display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// What the load balancer was told last.
pub(crate) fn state(world: &World) -> String {
    let state = fs::read_to_string(world.folder.path().join("side"));
    state.unwrap_or_default().trim().to_owned()
}

fn told(world: &World) -> Vec<String> {
    let told = fs::read_to_string(world.folder.path().join("told")).unwrap_or_default();
    let _ = fs::remove_file(world.folder.path().join("told"));
    told.lines().map(str::to_owned).collect()
}

/// What a host file says of the project.
fn section(world: &World) -> String {
    let path = balancer(world);
    let path = path.display();
    format!("load-balancer = {{ drain = [\"{path}\", \"out\"], undrain = [\"{path}\", \"in\"] }}\n")
}

/// A host file of the same server.
#[cfg(feature = "failpoints")]
pub(crate) fn host_file(world: &World) -> PathBuf {
    let path = world.folder.path().join("server.toml");
    let text = format!(
        "[project.\"acme/billing\"]\nchannel = \"prod\"\nuser = \"root\"\n{}",
        section(world)
    );
    fs::write(&path, text).unwrap();
    path
}

fn balanced(world: &World) -> InstallRequest {
    let config: ProjectConfig = toml::from_str(&section(world)).unwrap();
    let mut request = request();
    request.hooks.load_balancer = config.load_balancer.clone();
    request.config = config;
    request
}

fn break_it(world: &World, what: &str, is_broken: bool) {
    let path = world.folder.path().join(format!("broken-{what}"));
    if is_broken {
        fs::write(path, "").unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

/// A release whose check fails, because nothing listens at its port.
const SICK: &str = r#"{"health":{"tcp":"127.0.0.1:PORT","settle":"0s","window":"50ms"}}"#;

fn sick() -> String {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    SICK.replace("PORT", &port.to_string())
}

#[test]
fn a_server_is_out_while_its_live_release_changes() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    let (installed, _) = world.install_with(&balanced(&world));
    installed.unwrap();
    let second = world.release(&small_tree("two\n"));
    told(&world);
    let (installed, notes) = world.install_with(&balanced(&world));
    installed.unwrap();
    let expected = [
        format!("out drain {}", first.hex()),
        format!("in undrain {}", second.hex()),
    ];
    assert_eq!(told(&world), expected);
    assert_eq!(notes, "");
    // What is live already does not leave.
    world.install_with(&balanced(&world)).0.unwrap();
    assert_eq!(told(&world), [""; 0]);
}

#[test]
fn a_server_that_cannot_leave_changes_nothing_and_comes_back() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install_with(&balanced(&world)).0.unwrap();
    let second = world.release(&small_tree("two\n"));
    break_it(&world, "out", true);
    let error = world.install_with(&balanced(&world)).0.unwrap_err();
    let is_drain = matches!(
        &error,
        InstallError::Live(LiveError::Hook(HookError::Drain { .. }))
    );
    assert!(is_drain, "{error}");
    assert_eq!(error.kind(), FailureKind::Failed);
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert_eq!(
        (world.live(), state(&world)),
        (Some(first), "in".to_owned())
    );
    assert!(!world.memory().join("journal").exists());
    assert_eq!(world.history().len(), 1);
    // It is the newest failure, until a release is live or this one is not wanted any more.
    let attempt = world.status(None)[0].attempt.clone().unwrap();
    assert_eq!((attempt.hash, attempt.number), (second, Some(2)));
    assert_eq!(attempt.reason, error.to_string());
    let said = world.run(&["status"]).stderr;
    assert!(
        said.contains(&format!("{} could not be made live", second.short())),
        "{said}"
    );
    assert!(
        said.contains("ended with status 1; `bulla-installer"),
        "{said}"
    );
    break_it(&world, "out", false);
    world.install_with(&balanced(&world)).0.unwrap();
    assert_eq!(world.status(None)[0].attempt, None);
}

#[test]
fn a_server_comes_back_with_the_release_before_where_the_new_one_failed() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install_with(&balanced(&world)).0.unwrap();
    world.release_with(&small_tree("two\n"), &sick());
    let error = world.install_with(&balanced(&world)).0.unwrap_err();
    assert_eq!(error.kind(), FailureKind::RolledBack);
    assert_eq!(
        (world.live(), state(&world)),
        (Some(first), "in".to_owned())
    );
}

#[test]
fn a_server_on_which_nothing_works_stays_out_until_something_does() {
    let mut world = World::new();
    world.release_with(&small_tree("one\n"), &sick());
    let (installed, notes) = world.install_with(&balanced(&world));
    assert_eq!(installed.unwrap_err().kind(), FailureKind::RolledBack);
    assert!(notes.contains("stays out of its load balancer"), "{notes}");
    assert_eq!(state(&world), "out");
    let drained = world.status(None)[0].drained.clone().unwrap();
    assert_eq!(drained.since, crate::world::now());
    assert_eq!(drained.reason.as_deref(), Some("the live release failed"));
    let well = world.release(&small_tree("two\n"));
    world.install_with(&balanced(&world)).0.unwrap();
    assert_eq!((world.live(), state(&world)), (Some(well), "in".to_owned()));
}

#[test]
fn a_server_that_cannot_come_back_says_so_and_the_next_command_brings_it() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    break_it(&world, "in", true);
    let (installed, notes) = world.install_with(&balanced(&world));
    installed.unwrap();
    assert_eq!(world.live(), Some(first));
    assert!(notes.contains("may be out of its load balancer"), "{notes}");
    assert!(notes.contains("the next run tries again"), "{notes}");
    let status = world.status(None).remove(0);
    let drained = status.drained.unwrap();
    assert_eq!((drained.since, status.problem), (crate::world::now(), None));
    let reason = drained.reason.unwrap();
    assert!(
        reason.contains("`undrain`") && reason.ends_with("with status 1"),
        "{reason}"
    );
    let said = world.run(&["status"]).stderr;
    assert!(
        said.contains(&format!(
            "out of its load balancer since {}: {reason}",
            drained.since
        )) && said.contains("install acme/billing` tries again"),
        "{said}"
    );
    break_it(&world, "in", false);
    told(&world);
    let settings = balanced(&world).hooks;
    let opening = bulla_installer::Opening {
        command: "install",
        settings: &settings,
        unproved: bulla_installer::Unproved::Prove,
        now: crate::world::now(),
    };
    let notes = Notes::default();
    bulla_installer::LockedSite::open(&world.server(), &world.project, opening, &notes).unwrap();
    assert_eq!(told(&world), [format!("in undrain {}", first.hex())]);
    assert_eq!(notes.text(), "");
}

#[test]
fn a_rollback_does_not_wait_for_a_load_balancer_that_is_broken() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    break_it(&world, "out", true);
    let request = bulla_installer::RollbackRequest {
        project: world.project.clone(),
        hash: None,
        by: "carol".to_owned(),
        reason: None,
        pin: false,
        config: ProjectConfig::default(),
        hooks: bulla_installer::HookSettings {
            load_balancer: balanced(&world).hooks.load_balancer,
            ..hooks()
        },
        threads: std::num::NonZeroUsize::MIN,
        now: crate::world::now(),
    };
    let notes = Notes::default();
    bulla_installer::rollback(&world.server(), &request, &notes).unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
    assert!(notes.text().contains("going back anyway"));
    assert_eq!(state(&world), "in");
}

#[test]
fn what_the_load_balancer_says_is_kept_with_the_activation() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    let mut request = balanced(&world);
    let config = "load-balancer = { drain = [\"/bin/echo\", \"leaves\"], undrain = [\"/bin/sleep\", \
                  \"9\"], timeout = \"100ms\" }";
    let config: ProjectConfig = toml::from_str(config).unwrap();
    request.hooks.load_balancer = config.load_balancer;
    let notes = Notes::default();
    install_on(&world.server(), &world.project, &request, &notes).unwrap();
    assert!(notes.text().contains("`undrain`"), "{}", notes.text());
    let output = bulla_installer::output(&world.server(), &world.project, None).unwrap();
    let (_, output) = output.unwrap();
    assert!(output.contains("leaves"), "{output}");
    assert!(output.contains("-- undrain: /bin/sleep 9"), "{output}");
}
