//! Other people's tools read and check what Bulla made.

mod provenance;

use std::path::PathBuf;

use bulla_schemas::Digest;
use bulla_schemas::manifest::Manifest;
use bulla_tests::programs::{hermetic, is_installed};
use bulla_tests::{Registry, Transcript, Tree, World, skip};

const PROJECT: &str = "acme/billing";

/// A registry with one release on prod.
struct Scene {
    world: World,
    checkout: PathBuf,
    hash: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let checkout = world.git(PROJECT);
        let hash = world.release(&checkout.path, PROJECT);
        Self {
            world,
            checkout: checkout.path,
            hash,
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Transcript {
        let mut command = hermetic(program, &self.world.home());
        Transcript::of(command.current_dir(self.world.path(".")).args(arguments))
    }

    fn curl(&self, path: &str, file: &str) {
        let url = format!("{}{path}", self.world.registry.url());
        self.run("curl", &["--silent", "--fail", "--output", file, &url])
            .done();
    }

    fn manifest(&self) -> Manifest {
        self.curl(
            &format!("/v2/{PROJECT}/manifests/{}", self.hash),
            "manifest.json",
        );
        Manifest::from_bytes(&std::fs::read(self.world.path("manifest.json")).unwrap()).unwrap()
    }

    /// Has the log written as files: first policy, release, promotion.
    fn export(&self) {
        self.world.bulla(&["audit", "--export", "log"]).done();
    }

    fn change_one_bit(&self, file: &str) {
        let mut bytes = std::fs::read(self.world.path(file)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(self.world.path(file), bytes).unwrap();
    }
}

fn are_installed(programs: &[&str]) -> bool {
    match programs.iter().find(|program| !is_installed(program)) {
        Some(program) => {
            skip(&format!(
                "a check by other tools, because {program} is not installed"
            ));
            false
        }
        None => true,
    }
}

#[test]
fn sha256sum_of_the_manifest_is_the_hash() {
    if !are_installed(&["curl", "sha256sum"]) {
        return;
    }
    let scene = Scene::new();
    scene.manifest();
    let sum = scene.run("sha256sum", &["manifest.json"]).done();
    assert_eq!(
        format!("sha256:{}", sum.stdout.split(' ').next().unwrap()),
        scene.hash
    );
}

#[test]
fn tar_and_zstd_unpack_the_payload_to_the_same_tree() {
    if !are_installed(&["curl", "tar", "zstd"]) {
        return;
    }
    let scene = Scene::new();
    let payload = scene.manifest().payload().digest;
    scene.curl(&format!("/v2/{PROJECT}/blobs/{payload}"), "payload.tar.zst");
    std::fs::create_dir(scene.world.path("unpacked")).unwrap();
    scene
        .run(
            "tar",
            &["--zstd", "-xf", "payload.tar.zst", "-C", "unpacked"],
        )
        .done();
    let unpacked = Tree::read(&scene.world.path("unpacked"));
    assert_eq!(unpacked, Tree::read(&scene.checkout).without(".git"));
    scene
        .run("zstd", &["--test", "--quiet", "payload.tar.zst"])
        .done();
}

#[test]
fn skopeo_copies_a_release_out_and_into_a_second_registry() {
    if !are_installed(&["skopeo"]) {
        return;
    }
    let scene = Scene::new();
    let address = scene.world.registry.address();
    let from = format!("docker://{address}/{PROJECT}@{}", scene.hash);
    let layout = scene.world.path("layout");
    let copy = |arguments: &[&str]| {
        let all = [
            &["--insecure-policy", "copy", "--preserve-digests"],
            arguments,
        ]
        .concat();
        scene.run("skopeo", &all).done()
    };
    let to_layout = format!("oci:{}:release", layout.display());
    copy(&["--src-tls-verify=false", &from, &to_layout]);
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["digest"], scene.hash.as_str());

    let second = Registry::serve(&scene.world.path("second"), &scene.world.home());
    let token = second.create_token("push,pull", "*");
    let login = format!("--dest-creds=anybody:{token}");
    let to = format!("docker://{}/{PROJECT}:copied", second.address());
    copy(&[&login, "--dest-tls-verify=false", &to_layout, &to]);
    let inspect = scene
        .run(
            "skopeo",
            &[
                "--insecure-policy",
                "inspect",
                "--raw",
                "--tls-verify=false",
                &format!("docker://{}/{PROJECT}@{}", second.address(), scene.hash),
            ],
        )
        .done();
    assert_eq!(
        Digest::of(inspect.stdout.as_bytes()).to_string(),
        scene.hash
    );
}

#[test]
fn ssh_keygen_verifies_a_promotion() {
    if !are_installed(&["ssh-keygen"]) {
        return;
    }
    let scene = Scene::new();
    scene.export();
    let allowed = ["policy", "show", "--allowed-signers"];
    let allowed = scene.world.bulla(&allowed).done().stdout;
    std::fs::write(scene.world.path("allowed_signers"), allowed).unwrap();
    let verify = |namespace: &str| {
        let mut command = hermetic("ssh-keygen", &scene.world.home());
        command
            .current_dir(scene.world.path("."))
            .args(["-Y", "verify", "-f", "allowed_signers", "-I", "alice"])
            .args(["-n", namespace, "-s", "log/000002-promotion.alice.sig"])
            .stdin(std::fs::File::open(scene.world.path("log/000002-promotion.signed")).unwrap());
        Transcript::of(&mut command)
    };
    let good = verify("bulla").done();
    assert!(
        good.stdout.contains("Good \"bulla\" signature for alice"),
        "{good}"
    );
    assert_ne!(verify("git").status, Some(0));
    // One bit less, and it is no longer what alice signed.
    scene.change_one_bit("log/000002-promotion.signed");
    assert_ne!(verify("bulla").status, Some(0));
}

#[test]
fn openssl_verifies_a_release() {
    if !are_installed(&["openssl"]) {
        return;
    }
    let scene = Scene::new();
    scene.export();
    scene
        .run(
            "openssl",
            &["pkey", "-in", "ci.pem", "-pubout", "-out", "ci.public.pem"],
        )
        .done();
    let verify = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "ci.public.pem",
        "-rawin",
        "-in",
        "log/000001-release.signed",
        "-sigfile",
        "log/000001-release.ci.sig",
    ];
    let good = scene.run("openssl", &verify).done();
    assert!(good.stdout.contains("Verified Successfully"), "{good}");
    scene.change_one_bit("log/000001-release.signed");
    assert_ne!(scene.run("openssl", &verify).status, Some(0));
}
