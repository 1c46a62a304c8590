//! Other people's verifiers judge what a builder signed: in-toto's securesystemslib with the questions
//! that SLSA asks of provenance, and Sigstore's in JavaScript.

use bulla_tests::programs::{is_installed, target_directory};
use bulla_tests::{Transcript, World, skip};

use super::{PROJECT, Scene, are_installed};

/// Where the releases are said to come from.
const SOURCE: &str = "https://git.acme.example/billing";

/// What `slsa-verifier` asks, of an envelope that securesystemslib verified: who built it, from where,
/// and whether it is about these bytes.
const SLSA: &str = r"
import base64, hashlib, json, sys
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
envelope, key, artifact, builder, source, commit = sys.argv[1:]
blob = base64.b64decode(open(key).read().split()[1])
fingerprint = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')
public = SSlibKey('SHA256:' + fingerprint, 'ed25519', 'ed25519', {'public': blob[-32:].hex()})
dsse = Envelope.from_dict(json.load(open(envelope)))
dsse.verify([public], 1)
statement = json.loads(dsse.payload)
def demand(what, expected, found):
    if expected != found:
        sys.exit(f'{what}: expected {expected}, found {found}')
demand('statement', 'https://in-toto.io/Statement/v1', statement['_type'])
demand('predicate', 'https://slsa.dev/provenance/v1', statement['predicateType'])
digest = hashlib.sha256(open(artifact, 'rb').read()).hexdigest()
demand('digest', [digest], [one['digest']['sha256'] for one in statement['subject']])
predicate = statement['predicate']
demand('builder', builder, predicate['runDetails']['builder']['id'])
definition = predicate['buildDefinition']
demand('source', source, definition['externalParameters']['source'])
[dependency] = definition['resolvedDependencies']
demand('dependency', source, dependency['uri'].rsplit('@', 1)[0])
demand('commit', commit, dependency['digest']['gitCommit'])
print('verified')
";

#[test]
fn securesystemslib_and_the_questions_of_slsa_verify_a_release() {
    let python = target_directory().join("tools/securesystemslib/bin/python");
    if !python.exists() {
        return skip("in-toto's securesystemslib, because it is not in the target directory");
    }
    if !are_installed(&["curl"]) {
        return;
    }
    let world = World::new();
    let checkout = world.git(PROJECT);
    checkout.git(&["remote", "add", "origin", SOURCE]);
    let commit = checkout.git(&["rev-parse", "HEAD"]);
    let hash = world.release(&checkout.path, PROJECT);
    let scene = Scene {
        world,
        checkout: checkout.path,
        hash,
    };
    scene.export();
    scene.manifest();
    let verify = |changed: &[(usize, &str)]| -> Transcript {
        let source = format!("git+{SOURCE}");
        let mut arguments = [
            "log/000001-release.json",
            "ci.pem.pub",
            "manifest.json",
            "urn:bulla:builder:ci",
            &source,
            commit.last_line(),
        ];
        for (at, other) in changed {
            arguments[*at] = other;
        }
        let arguments = [&["-c", SLSA], &arguments[..]].concat();
        scene.run(python.to_str().unwrap(), &arguments)
    };
    assert_eq!(verify(&[]).done().stdout, "verified\n");
    let refuses = |changed: &[(usize, &str)], words: &str| {
        let said = verify(changed);
        assert_eq!(said.status, Some(1), "{said}");
        assert!(said.stderr.contains(words), "{words:?} of {said}");
    };
    // Another key than the builder's, and other bytes, builder, source or commit than are asked for.
    let other = scene.world.path("other.pem");
    let generate = ["key", "generate", other.to_str().unwrap()];
    scene.world.bulla(&generate).done();
    let failed = "Accepted signatures do not match threshold";
    refuses(&[(1, "other.pem.pub")], failed);
    refuses(&[(2, "ci.pem.pub")], "digest: expected");
    refuses(&[(3, "urn:bulla:builder:mallory")], "builder: expected");
    refuses(&[(4, "git+https://evil.example/x")], "source: expected");
    refuses(&[(5, "0000")], "commit: expected");
    // What was changed after it was signed.
    let envelope = std::fs::read_to_string(scene.world.path("log/000001-release.json")).unwrap();
    let mut changed: serde_json::Value = serde_json::from_str(&envelope).unwrap();
    let payload = changed["payload"].as_str().unwrap().replacen("ey", "eZ", 1);
    changed["payload"] = payload.into();
    std::fs::write(scene.world.path("changed.json"), changed.to_string()).unwrap();
    refuses(&[(0, "changed.json")], failed);
}

/// Sigstore's own verifier in JavaScript. It judges signatures and leaves the digest to who asks.
const SIGSTORE: &str = r"
const [folder, bundle, key] = process.argv.slice(1);
const { readFileSync } = require('fs');
const { bundleFromJSON } = require(folder + '/@sigstore/bundle');
const { Verifier, toSignedEntity, toTrustMaterial } = require(folder + '/@sigstore/verify');
const none = { certificateAuthorities: [], ctlogs: [], timestampAuthorities: [], tlogs: [] };
const publicKey = require('crypto').createPublicKey(readFileSync(key));
const trusted = toTrustMaterial(none, () => ({ publicKey, validFor: () => true }));
const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, tsaThreshold: 0 };
const read = bundleFromJSON(JSON.parse(readFileSync(bundle, 'utf8')));
new Verifier(trusted, thresholds).verify(toSignedEntity(read));
console.log('verified');
";

#[test]
fn sigstore_verifies_a_release_that_hangs_on_its_bundle() {
    let folder = target_directory().join("tools/sigstore/node_modules");
    if !folder.exists() || !is_installed("node") {
        return skip("Sigstore's verifier, because node or the verifier is not there");
    }
    if !are_installed(&["curl", "openssl"]) {
        return;
    }
    let scene = Scene::new();
    let folder = folder.to_str().unwrap();
    let json = |file: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(scene.world.path(file)).unwrap()).unwrap()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    // As cosign finds it: the referrers of the manifest, the manifest of one, its only layer.
    scene.curl(
        &format!("/v2/{PROJECT}/referrers/{}", scene.hash),
        "referrers",
    );
    let referrer = text(&json("referrers")["manifests"][0]["digest"]);
    scene.curl(&format!("/v2/{PROJECT}/manifests/{referrer}"), "referrer");
    let layer = text(&json("referrer")["layers"][0]["digest"]);
    scene.curl(&format!("/v2/{PROJECT}/blobs/{layer}"), "bundle.json");
    let public = |key: &str, name: &str| {
        let arguments = ["pkey", "-in", key, "-pubout", "-out", name];
        scene.run("openssl", &arguments).done();
    };
    public("ci.pem", "ci.public.pem");
    let verify =
        |bundle: &str, key: &str| scene.run("node", &["-e", SIGSTORE, "--", folder, bundle, key]);
    let good = verify("bundle.json", "ci.public.pem").done();
    assert_eq!(good.stdout, "verified\n");
    // With another key, and with a payload that was changed.
    let refuses = |bundle: &str, key: &str| {
        let said = verify(bundle, key);
        assert_eq!(said.status, Some(1), "{said}");
        assert!(
            said.stderr.contains("signature verification failed"),
            "{said}"
        );
    };
    let other = scene.world.path("other.pem");
    let other = other.to_str().unwrap();
    scene.world.bulla(&["key", "generate", other]).done();
    public(other, "other.public.pem");
    refuses("bundle.json", "other.public.pem");
    let mut changed = json("bundle.json");
    let payload = text(&changed["dsseEnvelope"]["payload"]);
    changed["dsseEnvelope"]["payload"] = payload.replacen("ey", "eZ", 1).into();
    std::fs::write(scene.world.path("changed.json"), changed.to_string()).unwrap();
    refuses("changed.json", "ci.public.pem");
}
