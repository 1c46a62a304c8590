//! `github-actions.yml`: the `run` of each step, with the `env` of each step, in a clone of depth 1.

use serde_json::Value;

use super::{scene, yaml};

#[test]
fn a_push_to_github_is_published_from_a_clone_of_depth_one() {
    let Some(workflow) = yaml("github-actions.yml") else {
        return;
    };
    let job = &workflow["jobs"]["publish"];
    let steps = job["steps"].as_array().unwrap();
    assert_eq!(steps[0]["with"]["fetch-depth"], 1);
    assert_eq!(workflow["permissions"]["contents"], "read");

    let scene = scene();
    let temporary = scene.world.path("runner");
    std::fs::create_dir(&temporary).unwrap();
    let key = scene.key_text();
    let context = |name: &str| match name {
        "vars.BULLA_REGISTRY" => scene.world.registry.url().to_owned(),
        "secrets.BULLA_TOKEN" => scene.world.token.clone(),
        "secrets.BULLA_KEY" => key.clone(),
        "github.server_url" => "https://github.example".to_owned(),
        "github.repository" => "acme/billing".to_owned(),
        "github.run_id" => "4711".to_owned(),
        other => panic!("GitHub has no {other:?} here"),
    };
    let file = |name: &str| temporary.join(name).display().to_string();
    let mut ran = 0;
    for step in steps.iter().filter(|step| step.get("run").is_some()) {
        assert_eq!(step["shell"], "bash");
        let mut environment = vec![
            ("CI", "true".to_owned()),
            ("RUNNER_TEMP", temporary.display().to_string()),
            ("GITHUB_OUTPUT", file("output")),
            ("GITHUB_STEP_SUMMARY", file("summary")),
        ];
        let own = step["env"].as_object().unwrap();
        environment.extend(
            own.iter()
                .map(|(name, value)| (name.as_str(), expand(value, &context))),
        );
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        // How GitHub runs `shell: bash`.
        let bash = ["--noprofile", "--norc", "-e", "-o", "pipefail"];
        let run = scene
            .run(step["run"].as_str().unwrap(), &bash, &environment)
            .done();
        for secret in [&scene.world.token, &key] {
            assert!(!run.to_string().contains(secret.trim()), "{run}");
        }
        ran += 1;
    }
    assert_eq!(ran, 1);

    let output = std::fs::read_to_string(file("output")).unwrap();
    let hash = output.trim().strip_prefix("hash=").unwrap();
    scene.assert_published(
        hash,
        "https://github.example/acme/billing/actions/runs/4711",
    );
    let summary = std::fs::read_to_string(file("summary")).unwrap();
    assert!(summary.contains(hash), "{summary}");
    // No key is left behind.
    let left = std::fs::read_dir(&temporary).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.starts_with("key.")));
}

/// Replaces `${{ name }}` as GitHub does.
fn expand(value: &Value, context: &impl Fn(&str) -> String) -> String {
    let mut expanded = String::new();
    let mut rest = value.as_str().unwrap();
    while let Some((before, after)) = rest.split_once("${{") {
        let (name, after) = after.split_once("}}").unwrap();
        expanded.push_str(before);
        expanded.push_str(&context(name.trim()));
        rest = after;
    }
    expanded + rest
}
