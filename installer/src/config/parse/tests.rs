//! What is read of a host file, and what is told of a wrong one.

use std::path::Path;

use super::super::project::{DriftPolicy, HoldPolicy, HookPolicy, Link, Retention};
use super::*;

const WHOLE: &str = r#"
root = "/data/srv"
state = "/data/bulla"
anchor = "acme.example/bulla+1+0000000000000000000000000000000000000000000000000000000000000000"

[[registry]]
url = "https://one.acme.example"
token-file = "/etc/bulla/token"

[[registry]]
url = "https://two.acme.example"

[project."acme/billing"]
channel = "prod"
root = "/data/apps"
persist = { owner = "www-data:adm", mode = "2750" }
link = "hard"
keep = { count = 3, age = "30d", quota = "20GB" }
environment-file = "/etc/billing.env"
user = "www-data"
drift = "block"
hold = "until-release"

[project."acme/billing".hooks]
activate = ["/usr/bin/systemctl", "reload", "billing"]

[project.shop]
hooks = "forbid"
"#;

#[test]
fn every_key_is_read() {
    let config = parse(WHOLE.as_bytes()).unwrap();
    assert_eq!(config.root.as_deref(), Some(Path::new("/data/srv")));
    assert_eq!(config.anchor.as_ref().unwrap().origin, "acme.example/bulla");
    let urls: Vec<_> = config
        .registries
        .iter()
        .map(|registry| registry.url.as_str())
        .collect();
    assert_eq!(
        urls,
        ["https://one.acme.example/", "https://two.acme.example/"]
    );
    let billing = config.project(&"acme/billing".parse().unwrap());
    assert_eq!(billing.persist.mode.unwrap().bits(), 0o2750);
    assert_eq!(billing.link, Link::Hard);
    assert_eq!(billing.keep.count, 3);
    assert_eq!(billing.keep.quota.unwrap().bytes(), 20_000_000_000);
    assert_eq!(billing.user.unwrap().as_str(), "www-data");
    assert_eq!(billing.drift, DriftPolicy::Block);
    assert_eq!(billing.hold, HoldPolicy::UntilRelease);
    assert!(matches!(billing.hooks, HookPolicy::Own(hooks) if hooks.activate.is_some()));
    let shop = config.project(&"shop".parse().unwrap());
    assert_eq!(shop.hooks, HookPolicy::Forbid);
    assert_eq!(shop.keep, Retention::default());
    let followed: Vec<_> = config
        .followed()
        .map(|(project, channel)| format!("{project} {channel}"))
        .collect();
    assert_eq!(followed, ["acme/billing prod"]);
    let server = config.server(None, Some(Path::new("/elsewhere")));
    assert_eq!(server.state(), Path::new("/elsewhere"));
    let place = |project: &str| server.site(&project.parse().unwrap()).current();
    assert_eq!(
        place("acme/billing"),
        Path::new("/data/apps/acme/billing/current")
    );
    assert_eq!(place("shop"), Path::new("/data/srv/shop/current"));
}

#[test]
fn nothing_says_that_all_is_as_usual() {
    assert_eq!(parse(b"").unwrap(), HostConfig::default());
}

/// The places and messages of a wrong file.
fn problems(text: &str) -> Vec<String> {
    let problems = parse(text.as_bytes()).unwrap_err();
    problems
        .iter()
        .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message))
        .collect()
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    let text = "root = \"srv\"\nwaves = 2\n\n[[registry]]\ntoken-file = \"/t\"\n\n\
                [project.\"acme/billing\"]\nchannel = \"Prod!\"\ndrift = \"warned\"\n\
                keep = { count = 0 }\nkeeep = 1\n\n[project.\"A\"]\n";
    let found = problems(text);
    let begins = |position: usize, start: &str| {
        assert!(found[position].starts_with(start), "{found:#?}");
    };
    assert_eq!(found.len(), 8, "{found:#?}");
    begins(0, "1:8 expected a path from the root");
    begins(1, "2:1 unknown field `waves`");
    begins(2, "4:1 missing field `url`");
    begins(3, "8:11 ");
    begins(
        4,
        "9:9 unknown variant `warned`, expected `warn` or `block`",
    );
    begins(5, "10:18 expected a number from 1 to 1000, found 0");
    begins(6, "11:1 unknown field `keeep`");
    begins(7, "13:10 ");
}

#[test]
fn waves_windows_and_load_balancers_are_told_with_their_place() {
    let text = "wave = 0\nwindows = [\"Mon 20:00-06:00\", \"Mon\"]\ntime-zone = \"Berlin\"\n\n\
                [project.a]\nwave = 100\nwindows = \"Mon 20:00-06:00\"\n\
                load-balancer = { drain = [\"/bin/true\"] }\n\n\
                [project.b.load-balancer]\ndrain = [\"/bin/true\"]\nundrain = [\"true\"]\n";
    let found = problems(text);
    let begins = |position: usize, start: &str| {
        assert!(found[position].starts_with(start), "{found:#?}");
    };
    assert_eq!(found.len(), 7, "{found:#?}");
    begins(0, "1:8 expected a wave from 1 to 99, found 0");
    begins(1, "2:31 expected a window such as");
    begins(2, "3:13 expected a time zone such as");
    begins(3, "6:8 expected a wave from 1 to 99, found 100");
    begins(4, "7:11 ");
    begins(5, "8:17 expected both `drain` and `undrain`");
    assert!(found[6].contains("found \"true\""), "{found:#?}");
}

#[test]
fn every_mistake_of_a_table_in_a_table_is_told() {
    let text = "installer = \"b\"\n\n[[registry]]\nurl = \"nowhere\"\ntoken-file = \"t\"\n\
                tokken-file = \"/t\"\n\n[[registry]]\nurl = \"https://a.example\"\n\n\
                [[registry]]\ntoken-file = \"t\"\nurl = \"https://a.example/\"\n\n\
                [project.a]\nkeep = { count = 0, age = \"1w\", quota = 5, keep = 1 }\n\
                persist = { owner = \"a b\", mode = \"0o7\", user = \"a\" }\n\n\
                [project.a.load-balancer]\ndrain = \"/bin/true\"\nundrain = [\"true\", \"x\"]\n\
                timeout = \"soon\"\nundraim = []\n\n\
                [project.b]\nload-balancer = { drain = [] }\n\n\
                [project.b.hooks]\nprepare = [\"a\"]\nactivate = [\"/a\", 1]\ntimeout = 5\n";
    let found = problems(text);
    let places: Vec<_> = found
        .iter()
        .map(|found| found.split_once(' ').unwrap().0)
        .collect();
    let expected = [
        "1:13", "4:7", "5:14", "6:1", "11:1", "12:14", "16:18", "16:27", "16:41", "16:44", "17:21",
        "17:35", "17:42", "20:9", "21:12", "22:11", "23:1", "26:17", "26:27", "29:12", "30:19",
        "31:11",
    ];
    assert_eq!(places, expected, "{found:#?}");
}

#[test]
fn every_wrong_window_is_told() {
    let text = "windows = [\"Mon\", \"Mon 20:00-06:00\", 7, \"Tue 20\"]\n\n\
                [project.a]\nwindows = [\n  \"Wed\",\n  \"Thu\",\n]\n";
    let found = problems(text);
    let places: Vec<_> = found
        .iter()
        .map(|found| found.split_once(' ').unwrap().0)
        .collect();
    assert_eq!(places, ["1:12", "1:38", "1:41", "5:3", "6:3"], "{found:#?}");
    assert!(found[1].contains("found the number 7"), "{found:#?}");
}

#[test]
fn a_value_of_another_type_is_told_in_words_that_are_not_of_rust() {
    for (text, expected) in [
        (
            "wave = \"2\"",
            "1:8 expected a whole number without quotes, found the text \"2\"",
        ),
        ("wave = -1", "1:8 expected a whole number"),
        (
            "wave = 1.5",
            "1:8 expected a whole number without quotes, found the number 1.5",
        ),
        (
            "root = 1",
            "1:8 expected text in quotes, found the number 1",
        ),
        (
            "windows = \"Mon 20:00-06:00\"",
            "1:11 expected a list in brackets, found the text",
        ),
        (
            "windows = [[]]",
            "1:12 expected text in quotes, found a list",
        ),
        ("project = 1", "1:11 expected a table, found the number 1"),
        (
            "registry = {}",
            "1:12 expected a list in brackets, found a table",
        ),
        (
            "metrics = true",
            "1:11 expected text in quotes, found `true`",
        ),
        (
            "[project.a]\nkeep = 5",
            "2:8 expected a table, found the number 5",
        ),
        (
            "[project.a]\nkeep = { count = \"5\" }",
            "2:18 expected a whole number",
        ),
        (
            "[project.a]\nuser = 33",
            "2:8 expected text in quotes, found the number 33",
        ),
        ("[project.a]\nlink = 1", "2:8 "),
        (
            "[project.a]\nload-balancer = \"x\"",
            "2:17 expected a table",
        ),
    ] {
        let found = problems(text);
        assert!(found[0].starts_with(expected), "{text}: {found:#?}");
        for rust in [
            "u64",
            "i64",
            "usize",
            "struct",
            "sequence",
            "map",
            "invalid type",
        ] {
            assert!(!found[0].contains(rust), "{text}: {found:#?}");
        }
    }
}

#[test]
fn a_project_has_the_waves_and_windows_of_the_host_unless_it_has_its_own() {
    let text = "wave = 2\nwindows = [\"Mon 20:00-06:00\"]\ntime-zone = \"Europe/Berlin\"\n\n\
                [project.a]\nchannel = \"prod\"\n\n\
                [project.b]\nwave = 3\nwindows = []\n";
    let config = parse(text.as_bytes()).unwrap();
    let project = |name: &str| config.project(&name.parse().unwrap());
    let (a, b, other) = (project("a"), project("b"), project("other"));
    assert_eq!([a.wave(), b.wave(), other.wave()].map(u64::from), [2, 3, 2]);
    assert_eq!(a.windows(), other.windows());
    let noon = "2026-11-30T12:00:00Z".parse().unwrap();
    let opening = "2026-11-30T19:00:00Z".parse().unwrap();
    assert_eq!(a.windows().next_open(noon), Some(opening));
    assert_eq!(b.windows().next_open(noon), Some(noon));
    assert_eq!(
        HostConfig::default()
            .project(&"a".parse().unwrap())
            .wave()
            .number(),
        1
    );
}

#[test]
fn the_installer_comes_from_a_project_that_is_followed() {
    let text = "installer = \"ops/installer\"\n\n[project.\"ops/installer\"]\n";
    let found = problems(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("1:13 expected a project that this file follows"),
        "{found:#?}"
    );
    let config = parse(format!("{text}channel = \"stable\"\n").as_bytes()).unwrap();
    let carries = |name: &str| config.project(&name.parse().unwrap()).carries_installer;
    assert!(carries("ops/installer") && !carries("acme/shop"));
}

#[test]
fn what_is_not_toml_is_told_with_its_place() {
    assert!(problems("root = \"/srv\"\nstate = \n")[0].starts_with("2:"));
    assert!(problems("[project.a]\nlink = \"copy\"\nlink = \"copy\"\n")[0].starts_with("3:1 "));
    let problems = parse(b"root = \"/srv\"\n# \xff\n").unwrap_err();
    assert_eq!((problems[0].line, problems[0].column), (2, 3));
    assert!(problems[0].message.contains("0xff"), "{problems:?}");
}

#[test]
fn hooks_of_the_server_need_whole_paths() {
    let found = |hooks: &str| problems(&format!("[project.a]\nhooks = {hooks}\n")).remove(0);
    assert!(found("\"allowed\"").contains("expected `allow`, `forbid`"));
    assert!(found("{}").contains("`forbid` runs no hooks"));
    assert!(found("{ activate = [\"bin/reload\"] }").contains("found \"bin/reload\""));
    assert!(found("{ activate = [] }").contains("needs a program"));
    assert!(found("{ restart = [\"/bin/true\"] }").contains("unknown field `restart`"));
}

#[test]
fn a_registry_is_named_once_and_without_secrets() {
    let text =
        "[[registry]]\nurl = \"https://a.example\"\n[[registry]]\nurl = \"https://a.example/\"\n";
    assert!(problems(text)[0].contains("`https://a.example/` is a registry in line 1 already"));
    let found = problems("[[registry]]\nurl = \"https://bob:secret@a.example\"\n");
    assert!(found[0].contains("without a user or password"), "{found:?}");
}
