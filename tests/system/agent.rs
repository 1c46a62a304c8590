//! The agent: what is promoted reaches every server by itself, and stays what was promoted.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla_tests::{Agent, Program, Transcript, World};
use rustix::process::Signal;

const PROJECT: &str = "acme/billing";

/// Takes the last promotion back, for everybody.
fn roll_back(world: &World) {
    let arguments = [
        "rollback",
        "prod",
        "--project",
        PROJECT,
        "-m",
        "worse",
        "--yes",
        "--ssh-key",
    ];
    let mut command = world.bulla_command();
    Transcript::of(command.args(arguments).arg(&world.alice.public_key)).done();
}

#[test]
fn a_promotion_reaches_servers_by_itself_and_so_does_the_one_that_takes_it_back() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let servers = ["web1", "web2"].map(|name| world.follower(name, PROJECT));
    let mut agents = servers
        .each_ref()
        .map(|(server, host_file)| Agent::start(server, host_file));
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    for (round, wanted) in [&first, &second, &first].into_iter().enumerate() {
        match round {
            0 => {}
            1 => drop(world.promote(PROJECT, wanted, "prod")),
            _ => roll_back(&world),
        }
        for (agent, (server, _)) in agents.iter_mut().zip(&servers) {
            agent.wait_until_live(server, PROJECT, wanted);
        }
    }
    for (server, host_file) in &servers {
        let config = host_file.to_str().unwrap();
        server.run(&["verify", PROJECT, "--config", config]).done();
        let history = server
            .run(&["history", PROJECT, "--json", "--config", config])
            .done();
        assert_eq!(history.json().as_array().unwrap().len(), 3, "{history}");
    }
    for mut agent in agents {
        assert!(agent.memory() < 15 << 20, "{} bytes", agent.memory());
        agent.signal(Signal::TERM);
        assert_eq!(agent.ended(), Some(0), "{}", agent.spoken());
    }
}

#[test]
fn where_a_release_is_says_what_was_read_back_from_the_disk() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = fs::read_to_string(&host_file).unwrap();
    fs::write(&host_file, format!("name = \"web1\"\n{config}")).unwrap();
    let created = world
        .registry
        .token(&["create", "--scope", "pull,report", "--host", "web1"])
        .done();
    let environment = [("BULLA_TOKEN", created.last_line())];
    let mut agent = Agent::start_with(&server, Program::Installer, &host_file, &environment);
    let found = |state: &str, live: &str| {
        let found = world.bulla(&["where", PROJECT, "--json"]).done().json();
        let host = found
            .as_array()
            .unwrap()
            .first()
            .cloned()
            .unwrap_or_default();
        (host["host"] == "web1" && host["state"] == state && host["report"]["live"] == live)
            .then_some(host)
    };
    agent.wait_for("a report that it is there", |_| {
        found("current", &first).is_some()
    });
    // A person goes back on the server: the report says what is there, and not what was ordered.
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    agent.wait_for("a report of the second", |_| {
        found("current", &second).is_some()
    });
    // What cannot be done is said, with its reason.
    let link = server.project(PROJECT).join("current");
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    checkout.commit_change("three");
    world.release(&checkout.path, PROJECT);
    agent.wait_for("a report that it failed", |_| {
        let found = world.bulla(&["where", PROJECT, "--json"]).done().json();
        let error = found[0]["report"]["lastError"]["message"].clone();
        found[0]["state"] == "failed" && error.as_str().is_some_and(|text| text.contains("current"))
    });
}

#[test]
fn a_token_that_is_for_another_host_is_said_with_the_name_that_it_should_be_for() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = fs::read_to_string(&host_file).unwrap();
    fs::write(&host_file, format!("name = \"web1\"\n{config}")).unwrap();
    let created = world
        .registry
        .token(&["create", "--scope", "pull,report", "--host", "web9"])
        .done();
    let environment = [("BULLA_TOKEN", created.last_line())];
    let mut agent = Agent::start_with(&server, Program::Installer, &host_file, &environment);
    agent.wait_until_said("this server reports as `web1`: `bulla-registry token create");
}

#[test]
fn a_server_that_cannot_come_back_to_its_load_balancer_is_said_once_and_noted_until_it_does() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let undrain = world.path("undrain");
    let script = format!(
        "#!/bin/sh\necho again >> {0}.tries\ntest -e {0}.mended\n",
        undrain.display()
    );
    fs::write(&undrain, script).unwrap();
    fs::set_permissions(&undrain, fs::Permissions::from_mode(0o755)).unwrap();
    let config = fs::read_to_string(&host_file).unwrap();
    let balancer = format!(
        "load-balancer = {{ drain = [\"/bin/true\"], undrain = [\"{}\"] }}\n",
        undrain.display()
    );
    let user = if rustix::process::geteuid().is_root() {
        "user = \"root\"\n"
    } else {
        ""
    };
    fs::write(
        &host_file,
        format!("name = \"web1\"\n{config}{balancer}{user}"),
    )
    .unwrap();
    let created = world
        .registry
        .token(&["create", "--scope", "pull,report", "--host", "web1"])
        .done();
    let environment = [("BULLA_TOKEN", created.last_line())];
    let mut agent = Agent::start_with(&server, Program::Installer, &host_file, &environment);
    agent.wait_until_live(&server, PROJECT, &first);
    let reported = || {
        let found = world.bulla(&["where", PROJECT, "--json"]).done().json();
        found[0].clone()
    };
    agent.wait_for("a report of why it is out", |_| {
        reported()["report"]["drained"]["reason"].is_string()
    });
    let host = reported();
    assert_eq!(host["state"], "current", "{host}");
    let table = world.bulla(&["where", PROJECT]).done().stdout;
    assert!(
        table.contains("may be out of its load balancer since 2"),
        "{table}"
    );
    assert!(table.trim_end().ends_with("ended with status 1"), "{table}");
    let tries = || fs::read_to_string(undrain.with_extension("tries")).unwrap_or_default();
    agent.wait_for("a second look", |_| tries().lines().count() > 2);
    let said = agent.spoken();
    assert_eq!(
        said.matches("may be out of its load balancer").count(),
        1,
        "{said}"
    );
    fs::write(undrain.with_extension("mended"), "").unwrap();
    agent.signal(Signal::HUP);
    agent.wait_for("a report that it is back", |_| {
        let host = reported();
        host["state"] == "current" && host["report"]["drained"].is_null()
    });
}

#[test]
fn a_release_that_fails_its_checks_is_taken_back_once_and_not_tried_again() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = host_file.to_str().unwrap();
    let mut agent = Agent::start(&server, &host_file);
    agent.wait_until_live(&server, PROJECT, &first);
    let checked = |port: u16| {
        format!(
            "[bundle]\nproject = \"{PROJECT}\"\n\n[health]\ntcp = \"127.0.0.1:{port}\"\n\
             settle = \"10ms\"\nwindow = \"300ms\"\n"
        )
    };
    // Nobody listens at a port that was just given back.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    bulla_tests::write(&checkout.path, "bulla.toml", checked(port));
    checkout.commit_change("sick");
    let sick = world.release(&checkout.path, PROJECT);
    agent.wait_until_said("is not tried again");
    agent.wait_until_live(&server, PROJECT, &first);
    // Told to look again, it looks, and leaves it at that.
    agent.signal(Signal::HUP);
    agent.wait_until_said("the host file was read again");
    server
        .run(&["agent", "--once", "--config", config])
        .refused("failed on this server");
    let history = || {
        let history = server.run(&["history", PROJECT, "--json", "--config", config]);
        let history = history.done().json();
        let hash = |activation: &serde_json::Value| activation["hash"].clone();
        history
            .as_array()
            .unwrap()
            .iter()
            .map(hash)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        history(),
        [&first, &sick, &first].map(|hash| serde_json::json!(hash))
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    bulla_tests::write(&checkout.path, "bulla.toml", checked(port));
    checkout.commit_change("well");
    let well = world.release(&checkout.path, PROJECT);
    agent.wait_until_live(&server, PROJECT, &well);
    agent.wait_for("its checks", |_| history().len() == 4);
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*well));
}

#[test]
fn what_a_person_rolled_back_to_stays_until_the_channel_moves_on() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = host_file.to_str().unwrap();
    let mut agent = Agent::start(&server, &host_file);
    agent.wait_until_live(&server, PROJECT, &first);
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    agent.wait_until_live(&server, PROJECT, &second);
    server
        .run(&["rollback", PROJECT, "-m", "worse", "--config", config])
        .done();
    agent.signal(Signal::HUP);
    agent.wait_until_said("the host file was read again");
    let other = world.git("acme/shop");
    world.release(&other.path, "acme/shop");
    server.run(&["agent", "--once", "--config", config]).done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    checkout.commit_change("three");
    let third = world.release(&checkout.path, PROJECT);
    agent.wait_until_live(&server, PROJECT, &third);
}

#[test]
fn a_live_tree_that_is_gone_is_made_again() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = host_file.to_str().unwrap();
    let once = || server.run(&["agent", "--once", "--config", config]);
    once().done();
    let releases = server.project(PROJECT).join("releases");
    bulla_tests::make_removable(&releases);
    fs::remove_dir_all(&releases).unwrap();
    once().done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    server.run(&["verify", PROJECT, "--config", config]).done();
}

#[test]
fn an_agent_starts_without_network_and_goes_on_when_the_registry_is_back() {
    // R19: dies without the internet.
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    world.registry.stop();
    let mut agent = Agent::start(&server, &host_file);
    agent.wait_until_said("the log was not read");
    assert_eq!(server.live(PROJECT), None);
    let says_so = || {
        let config = host_file.to_str().unwrap();
        let told = server.run(&["status", "--config", config]).done();
        told.stderr
            .contains("the agent has not been able to read the log since")
    };
    agent.wait_for("a status that says so", |_| says_so());
    world.registry.start_again();
    agent.wait_until_live(&server, PROJECT, &first);
    agent.wait_until_said("the log is read again");
    agent.wait_for("a status that does not", |_| !says_so());
    world.registry.stop();
    checkout.commit_change("two");
    world.registry.start_again();
    let second = world.release(&checkout.path, PROJECT);
    agent.wait_until_live(&server, PROJECT, &second);
}

#[test]
fn what_a_person_edits_in_the_live_tree_is_not_undone_between_promotions() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let mut agent = Agent::start(&server, &host_file);
    agent.wait_until_live(&server, PROJECT, &first);
    let page = server.project(PROJECT).join("current/public/index.html");
    bulla_tests::make_removable(&fs::canonicalize(page.parent().unwrap()).unwrap());
    fs::write(&page, "edited at night").unwrap();
    // Everything is looked at again.
    agent.signal(Signal::HUP);
    agent.wait_until_said("the host file was read again");
    let config = host_file.to_str().unwrap();
    server.run(&["agent", "--once", "--config", config]).done();
    assert_eq!(fs::read_to_string(&page).unwrap(), "edited at night");
}

#[test]
fn a_changed_host_file_counts_from_the_signal_on_and_a_broken_one_does_not() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let other = world.git("acme/shop");
    let first = world.release(&checkout.path, PROJECT);
    let shop = world.release(&other.path, "acme/shop");
    let (server, host_file) = world.follower("web1", PROJECT);
    let mut agent = Agent::start(&server, &host_file);
    agent.wait_until_live(&server, PROJECT, &first);
    let text = fs::read_to_string(&host_file).unwrap();
    fs::write(&host_file, "no = such key").unwrap();
    agent.signal(Signal::HUP);
    agent.wait_until_said("was not read again");
    fs::write(
        &host_file,
        format!("{text}\n[project.\"acme/shop\"]\nchannel = \"prod\"\n"),
    )
    .unwrap();
    agent.signal(Signal::HUP);
    agent.wait_until_live(&server, "acme/shop", &shop);
}

#[test]
fn an_agent_that_is_killed_in_the_middle_is_finished_by_the_next_one() {
    // R13: the agent dies in the middle of a deployment.
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = host_file.to_str().unwrap();
    server.run(&["agent", "--once", "--config", config]).done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    for failpoint in ["write::synced", "activation::journal-written"] {
        checkout.commit_change(failpoint);
        let next = world.release(&checkout.path, PROJECT);
        let environment = [("BULLA_FAILPOINT", failpoint)];
        let mut dying =
            Agent::start_with(&server, Program::FailingInstaller, &host_file, &environment);
        assert_eq!(dying.ended(), None, "{failpoint}: {}", dying.spoken());
        let mut agent = Agent::start(&server, &host_file);
        agent.wait_until_live(&server, PROJECT, &next);
        drop(agent);
        server.run(&["verify", PROJECT, "--config", config]).done();
    }
}

#[test]
fn an_agent_waits_for_a_command_that_works_on_the_project_and_says_so() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let lock = server.state.join("projects/acme%2Fbilling/lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let held = bulla_files::Lock::take(&lock, "rollback", bulla_schemas::Timestamp::EPOCH, |_| {});
    let mut agent = Agent::start(&server, &host_file);
    agent.wait_until_said("waiting for `rollback`");
    assert_eq!(server.live(PROJECT), None);
    drop(held);
    agent.wait_until_live(&server, PROJECT, &first);
}

#[test]
fn one_run_ends_with_the_gravest_failure_and_brings_what_it_can() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = host_file.to_str().unwrap();
    server
        .run(&[
            "follow",
            "acme/shop",
            "--channel",
            "prod",
            "--config",
            config,
        ])
        .done();
    // A folder of a person's is where the link of another project has to be.
    fs::create_dir_all(server.project("acme/shop").join("current")).unwrap();
    let other = world.git("acme/shop");
    world.release(&other.path, "acme/shop");
    let once = server.run(&["agent", "--once", "--config", config]);
    assert_ne!(once.status, Some(0), "{once}");
    assert!(once.stderr.contains("acme/shop"), "{once}");
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
}

#[test]
fn systemd_is_told_when_the_agent_is_ready_gets_on_and_ends() {
    // R13: the agent hangs in the middle of a deployment.
    let world = World::new();
    let checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let path = world.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    // Few messages find room in a socket, and the next one would be waited for.
    let has_ended = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&has_ended);
    let listener = std::thread::spawn(move || {
        let (mut told, mut buffer) = (String::new(), [0; 4096]);
        loop {
            match socket.recv(&mut buffer) {
                Ok(length) => {
                    told.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
                    told.push('\n');
                }
                Err(_) if ended.load(Ordering::Relaxed) => return told,
                Err(_) => {}
            }
        }
    });
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "200000"),
    ];
    let mut agent = Agent::start_with(&server, Program::Installer, &host_file, &environment);
    agent.wait_until_live(&server, PROJECT, &first);
    agent.signal(Signal::HUP);
    agent.wait_until_said("the host file was read again");
    agent.signal(Signal::TERM);
    assert_eq!(agent.ended(), Some(0), "{}", agent.spoken());
    has_ended.store(true, Ordering::Relaxed);
    let told = listener.join().unwrap();
    for word in [
        "READY=1",
        "WATCHDOG=1",
        "STATUS=working on acme/billing",
        "RELOADING=1",
        "STOPPING=1",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
}
