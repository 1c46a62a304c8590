//! Other people's programs agree: `ssh-keygen` on what people sign, `openssl` on what builders
//! sign and on their keys.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bulla_schemas::Digest;
use bulla_schemas::media_type::IN_TOTO;
use bulla_trust::sshsig::{NAMESPACE, SshSignature};
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{Organisation, armoured, cosign, key, project, release, time};
use bulla_trust::{PublicKey, SigningKey, Verdict, attach_sshsig, pae};

/// Runs a program in a folder, with a file as its input.
fn run(folder: &Path, program: &str, arguments: &[&str], input: Option<&str>) -> Output {
    let input = match input {
        Some(file) => fs::File::open(folder.join(file)).expect("the input").into(),
        None => Stdio::null(),
    };
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(input)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}"))
}

fn must(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[test]
fn a_promotion_signed_by_ssh_keygen_takes_effect_and_verifies_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    must(&run(
        path,
        "ssh-keygen",
        &["-q", "-t", "ed25519", "-N", "", "-C", "dave", "-f", "dave"],
        None,
    ));
    let public: PublicKey = fs::read_to_string(path.join("dave.pub"))
        .unwrap()
        .parse()
        .unwrap();
    let listed = must(&run(path, "ssh-keygen", &["-l", "-f", "dave.pub"], None));
    assert!(listed.contains(&public.fingerprint()), "{listed}");

    let mut acme = Organisation::with_policy(|policy| {
        policy.people[0].keys = vec![key("alice").public_key().to_openssh(), public.to_openssh()];
    });
    let hash = acme.publish(&project(), "x");
    let payload = to_payload(&acme.draft("prod", hash));
    fs::write(path.join("pae"), pae(IN_TOTO, &payload)).unwrap();
    must(&run(
        path,
        "ssh-keygen",
        &["-Y", "sign", "-n", NAMESPACE, "-f", "dave", "pae"],
        None,
    ));
    let signature = fs::read_to_string(path.join("pae.sig")).unwrap();
    let envelope = attach_sshsig(IN_TOTO, &payload, &signature).unwrap();
    assert_eq!(acme.append(envelope.to_bytes()), Verdict::Effective);

    // From the log back to the file that ssh-keygen wrote, byte for byte.
    let logged = acme.envelope(2);
    let again = SshSignature::from_blob(&logged.signatures()[0].signature).unwrap();
    assert_eq!(again.to_armour(), signature);
    fs::write(path.join("again.sig"), again.to_armour()).unwrap();
    fs::write(
        path.join("allowed"),
        format!("dave {}\n", public.to_openssh()),
    )
    .unwrap();
    let verify = |namespace| {
        let arguments = [
            "-Y",
            "verify",
            "-f",
            "allowed",
            "-I",
            "dave",
            "-n",
            namespace,
            "-s",
            "again.sig",
        ];
        run(path, "ssh-keygen", &arguments, Some("pae"))
    };
    must(&verify(NAMESPACE));
    assert!(!verify("git").status.success());
}

/// A19: SSH's namespace is another one.
#[test]
fn signatures_for_git_or_with_rsa_are_not_attached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("pae"), pae(IN_TOTO, b"{}")).unwrap();
    for (kind, namespace) in [("ed25519", "git"), ("rsa", NAMESPACE), ("ecdsa", NAMESPACE)] {
        must(&run(
            path,
            "ssh-keygen",
            &["-q", "-t", kind, "-N", "", "-f", kind],
            None,
        ));
        must(&run(
            path,
            "ssh-keygen",
            &["-Y", "sign", "-n", namespace, "-f", kind, "pae"],
            None,
        ));
        let signature = fs::read_to_string(path.join("pae.sig")).unwrap();
        fs::remove_file(path.join("pae.sig")).unwrap();
        assert!(
            attach_sshsig(IN_TOTO, b"{}", &signature).is_err(),
            "{kind} {namespace}"
        );
    }
}

#[test]
fn a_signature_made_here_verifies_with_ssh_keygen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("message"), b"message").unwrap();
    fs::write(path.join("sig"), armoured("alice", b"message")).unwrap();
    let line = key("alice").public_key().to_openssh();
    fs::write(path.join("allowed"), format!("alice {line}\n")).unwrap();
    let arguments = [
        "-Y", "verify", "-f", "allowed", "-I", "alice", "-n", NAMESPACE, "-s", "sig",
    ];
    must(&run(path, "ssh-keygen", &arguments, Some("message")));
}

#[test]
fn a_release_verifies_with_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("ci.pem"), key("ci").to_pem().as_bytes()).unwrap();
    must(&run(
        path,
        "openssl",
        &["pkey", "-in", "ci.pem", "-pubout", "-out", "ci.pub"],
        None,
    ));
    let payload = to_payload(&release(&project(), Digest::of(b"x")));
    let envelope = bulla_trust::sign(IN_TOTO, &payload, &key("ci")).unwrap();
    fs::write(path.join("pae"), pae(IN_TOTO, envelope.payload())).unwrap();
    fs::write(path.join("sig"), &envelope.signatures()[0].signature).unwrap();
    let verify = [
        "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "ci.pub", "-in", "pae", "-sigfile",
        "sig",
    ];
    must(&run(path, "openssl", &verify, None));
    fs::write(path.join("pae"), pae(IN_TOTO, b"{}")).unwrap();
    assert!(!run(path, "openssl", &verify, None).status.success());
}

#[test]
fn a_cosignature_verifies_with_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("w.pem"), key("office").to_pem().as_bytes()).unwrap();
    let public = ["pkey", "-in", "w.pem", "-pubout", "-out", "w.pub"];
    must(&run(path, "openssl", &public, None));
    let note = cosign(&Organisation::new().checkpoint(), "office", 5);
    let note = String::from_utf8(note).unwrap();
    let (text, signatures) = note.split_once("\n\n").unwrap();
    let line = signatures
        .lines()
        .find_map(|line| line.strip_prefix("— office "));
    // C2SP tlog-cosignature: a key id of four bytes, the time in eight, and the signature.
    fs::write(path.join("line"), format!("{}\n", line.unwrap())).unwrap();
    let decode = ["base64", "-d", "-A", "-in", "line", "-out", "bytes"];
    must(&run(path, "openssl", &decode, None));
    let bytes = fs::read(path.join("bytes")).unwrap();
    let seconds = u64::from_be_bytes(bytes[4..12].try_into().unwrap());
    assert_eq!(seconds, time(5).as_seconds().cast_unsigned());
    fs::write(path.join("sig"), &bytes[12..]).unwrap();
    let message = |seconds: u64| format!("cosignature/v1\ntime {seconds}\n{text}\n");
    fs::write(path.join("message"), message(seconds)).unwrap();
    let verify = [
        "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "w.pub", "-in", "message", "-sigfile",
        "sig",
    ];
    must(&run(path, "openssl", &verify, None));
    fs::write(path.join("message"), message(seconds + 1)).unwrap();
    assert!(!run(path, "openssl", &verify, None).status.success());
}

#[test]
fn a_key_made_by_openssl_signs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    must(&run(
        path,
        "openssl",
        &["genpkey", "-algorithm", "ed25519", "-out", "key.pem"],
        None,
    ));
    let pem = fs::read_to_string(path.join("key.pem")).unwrap();
    let key = SigningKey::from_pem(&pem).unwrap();
    assert_eq!(*key.to_pem(), pem);
    let message = key.sign_raw(b"message");
    assert!(key.public_key().verify_raw(b"message", &message));
}
