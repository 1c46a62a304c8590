//! `gitlab-ci.yml`: the lines of `script`, with the job's variables, in a detached clone of depth 1.

use super::{scene, yaml};

#[test]
fn a_push_to_gitlab_is_published_from_a_detached_clone_of_depth_one() {
    let Some(pipeline) = yaml("gitlab-ci.yml") else {
        return;
    };
    let job = &pipeline["publish"];
    assert_eq!(job["variables"]["GIT_DEPTH"], "1");
    let lines = job["script"].as_array().unwrap();
    let lines: Vec<_> = lines.iter().map(|line| line.as_str().unwrap()).collect();

    let scene = scene();
    // As the runner leaves it.
    let clone = scene.clone.to_str().unwrap();
    scene
        .checkout
        .git(&["-C", clone, "checkout", "-q", "--detach"]);
    // A variable of type File: readable by everybody in the job's container.
    let key = scene.world.path("BULLA_KEY");
    std::fs::write(&key, scene.key_text()).unwrap();
    let url = "https://gitlab.example/acme/billing/-/jobs/4711";
    assert_eq!(job["variables"]["BULLA_RUN"], "$CI_JOB_URL");
    let environment = [
        ("CI", "true"),
        ("BULLA_REGISTRY", scene.world.registry.url()),
        ("BULLA_TOKEN", &scene.world.token),
        ("BULLA_KEY", key.to_str().unwrap()),
        ("BULLA_RUN", url),
    ];
    // How GitLab's shell executor runs the lines.
    let run = scene.run(&lines.join("\n"), &["-e", "-o", "pipefail"], &environment);
    let run = run.done();
    assert!(!run.to_string().contains(&scene.world.token), "{run}");
    let dotenv = job["artifacts"]["reports"]["dotenv"].as_str().unwrap();
    let dotenv = std::fs::read_to_string(scene.clone.join(dotenv)).unwrap();
    let hash = dotenv.trim().strip_prefix("BULLA_HASH=").unwrap();
    scene.assert_published(hash, url);
}

#[test]
fn a_job_that_cannot_publish_fails() {
    let Some(pipeline) = yaml("gitlab-ci.yml") else {
        return;
    };
    let lines = pipeline["publish"]["script"].as_array().unwrap();
    let lines: Vec<_> = lines.iter().map(|line| line.as_str().unwrap()).collect();
    let scene = scene();
    let environment = [
        ("BULLA_REGISTRY", scene.world.registry.url()),
        ("BULLA_TOKEN", "bulla_expired"),
        ("BULLA_KEY", scene.world.builder_key().to_str().unwrap()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let run = scene.run(&lines.join("\n"), &["-e", "-o", "pipefail"], &environment);
    assert!(
        run.status != Some(0) && run.stderr.contains("error: "),
        "{run}"
    );
}
