//! `Jenkinsfile`: the shell between `'''`, with the credentials that the stage asks for.

use super::{scene, text};

#[test]
fn a_build_of_jenkins_is_published() {
    let pipeline = text("Jenkinsfile");
    // Only as far as it goes without Groovy: every brace has its partner.
    let count = |brace: char| pipeline.chars().filter(|found| *found == brace).count();
    assert_eq!(count('{'), count('}'));
    let scripts: Vec<_> = pipeline.split("'''").skip(1).step_by(2).collect();
    assert_eq!(scripts.len(), 1);

    let scene = scene();
    let url = "https://jenkins.example/job/billing/4711/";
    for asked in [
        "BULLA_KEY = credentials('bulla-key')",
        "BULLA_TOKEN = credentials('bulla-token')",
        "BULLA_RUN = \"${env.BUILD_URL}\"",
        "BULLA_REGISTRY = ",
    ] {
        assert!(pipeline.contains(asked), "{asked:?}");
    }
    let key = scene.world.builder_key();
    let environment = [
        ("BULLA_REGISTRY", scene.world.registry.url()),
        ("BULLA_TOKEN", &scene.world.token),
        ("BULLA_KEY", key.to_str().unwrap()),
        ("BULLA_RUN", url),
    ];
    let run = scene.run(scripts[0], &[], &environment).done();
    assert!(!run.to_string().contains(&scene.world.token), "{run}");
    let hash = std::fs::read_to_string(scene.clone.join("bulla-hash")).unwrap();
    scene.assert_published(hash.trim(), url);
}
