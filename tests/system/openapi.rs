//! schemathesis asks a registry all that its OpenAPI document describes, rightly and wrongly: no answer
//! is a failure of the registry, and each has a status, a media type and a body that the document
//! describes.

use std::path::PathBuf;
use std::process::Command;

use bulla_tests::programs::{hermetic, target_directory};
use bulla_tests::{Transcript, World, skip};

const PROJECT: &str = "acme/billing";
/// How many requests of each operation are made up.
const EXAMPLES: &str = "20";

/// Where what fits its schema may be refused all the same: a statement must be one that the log takes,
/// frames those of a blob that is worth cutting, and a report has each project once.
const PARTICULAR: [&str; 6] = [
    "append",
    "cosign",
    "propose",
    "missingFrames",
    "assemble",
    "report",
];
/// Where what does not fit its schema is taken all the same: of a report, longer texts are cut.
const LENIENT: [&str; 1] = ["report"];

/// Says what is not asked for at random: a stream of events, which ends with the registry; and, where
/// they are given, the names of what there is.
fn settings(names: &[(&str, &str)]) -> String {
    let watch = "[[operations]]\ninclude-operation-id = \"watch\"\n\
                 parameters = { \"query.wait\" = 0 }\n";
    let without = |ids: &[&str], check: &str| -> String {
        let off = |id: &&str| {
            format!(
                "[[operations]]\ninclude-operation-id = \"{id}\"\n\
                 checks = {{ {check} = {{ enabled = false }} }}\n"
            )
        };
        ids.iter().map(off).collect()
    };
    let particular = without(&PARTICULAR, "positive_data_acceptance");
    let lenient = without(&LENIENT, "negative_data_rejection");
    let names = names
        .iter()
        .map(|(name, value)| format!("\"path.{name}\" = \"{value}\"\n"));
    let names: String = names.collect();
    format!("[parameters]\n{names}\n{particular}{lenient}{watch}")
}

fn program() -> Option<PathBuf> {
    // `scripts/setup` puts it there.
    let program = target_directory().join("tools/schemathesis/bin/schemathesis");
    program.is_file().then_some(program)
}

#[test]
fn no_request_that_the_document_allows_or_forbids_is_answered_otherwise() {
    let Some(program) = program() else {
        return skip("schemathesis, because it is not in the target directory");
    };
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let hash = world.release(&checkout.path, PROJECT);
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    let report = format!(
        r#"{{"observedAt":"2026-11-28T06:39:49Z","interval":"24h","installer":"0.1.0",
            "system":"Debian GNU/Linux 13","logSize":3,"projects":[{{"project":"{PROJECT}",
            "channel":"prod","live":"{hash}","standing":"up-to-date","drift":0}}]}}"#
    );
    world.registry.report("web1", &report);
    let reports = world
        .registry
        .token(&["create", "--scope", "report", "--host", "web1"]);
    let reports = reports.done().last_line().to_owned();
    let names = [
        ("project", PROJECT),
        ("host", "web1"),
        ("hash", hash.as_str()),
        ("from", "prod"),
        ("to", &second["sha256:".len()..][..8]),
    ];
    // Everything is made up, and then what there is is named by those who may do more.
    for (token, names) in [
        (None, &names[..0]),
        (Some(&world.token), &names[..]),
        (Some(&reports), &names[..]),
    ] {
        let config = world.path("schemathesis.toml");
        std::fs::write(&config, settings(names)).unwrap();
        let mut run: Command = hermetic(&program, &world.home());
        run.current_dir(world.home());
        run.arg("--config-file").arg(&config);
        run.args(["run", "--seed", "1", "--no-color"]);
        run.args(["--max-examples", EXAMPLES, "--request-timeout", "30"]);
        // It cannot make up a delta.
        run.args([
            "--continue-on-failure",
            "--exclude-operation-id",
            "takeDelta",
        ]);
        if let Some(token) = token {
            run.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        run.arg(format!("{}/api/v1/openapi.json", world.registry.url()));
        let said = Transcript::of(&mut run).done();
        assert!(said.stdout.contains("Tested: "), "{said}");
    }
}
