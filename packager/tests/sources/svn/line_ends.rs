//! `svn:eol-style`, `svn:special` and `svn:keywords`: a working copy without a server and
//! `svn export` agree byte for byte, also about texts that no client would have committed.

use std::process::Command;

use bulla_packager::source::TrackedKind;

use super::{assert_as_exported, exported, set_unchecked};
use crate::checkout::{SvnRepository, contents, open, open_url, program, refusal, run, write};

/// Puts a text into the repository as it is, with properties that no client would set on it:
/// properties are checked against the text that is there, texts are not checked.
fn put(repository: &SvnRepository, name: &str, text: &[u8], properties: &[(&str, &str)]) {
    let url = repository.url(&format!("trunk/{name}"));
    let mut command = program("svnmucc", repository.home());
    command.args(["-m", "put", "put", "/dev/null"]).arg(&url);
    for (property, value) in properties {
        command.args(["propset", property, value]).arg(&url);
    }
    run(&mut command);
    let file = repository.home().join("text");
    std::fs::write(&file, text).unwrap();
    run(program("svnmucc", repository.home())
        .args(["-m", "put", "put"])
        .arg(&file)
        .arg(&url));
}

const MIXED: &[u8] = b"\ra\nb\r\nc\rd\n\re\r\n\r\nf\n\n\rg\r";

#[test]
fn texts_with_mixed_line_ends_are_what_svn_export_makes_of_them() {
    let repository = SvnRepository::with_files();
    let large: Vec<u8> = MIXED.iter().copied().cycle().take(700_001).collect();
    for style in ["native", "LF", "CR", "CRLF"] {
        let property = [("svn:eol-style", style)];
        put(&repository, &format!("small-{style}"), MIXED, &property);
        put(&repository, &format!("large-{style}"), &large, &property);
    }
    put(&repository, "unknown", MIXED, &[]);
    set_unchecked(
        &repository,
        "file",
        "trunk/unknown",
        "svn:eol-style",
        "nonsense",
    );
    repository.svn(&["update", "-q"]);
    let found = assert_as_exported(&repository);
    let text = |name: &str| found[name].1.as_str();
    assert_eq!(text("small-native"), text("small-LF"));
    assert_eq!(text("unknown"), MIXED.escape_ascii().to_string());
    assert!(!text("large-native").contains("\\r") && !text("large-CR").contains("\\n"));
}

#[test]
fn links_are_what_svn_export_makes_of_them() {
    let repository = SvnRepository::with_files();
    let properties = [
        ("svn:special", "*"),
        ("svn:executable", ""),
        ("svn:eol-style", "native"),
        ("svn:keywords", "Id"),
    ];
    put(&repository, "link", b"link bin/$Id$\r\x01", &properties);
    repository.svn(&["update", "-q"]);
    let link = (TrackedKind::Link, "bin/$Id$\\r\\x01".to_owned());
    assert_eq!(assert_as_exported(&repository)["link"], link);

    // `svn` exports what is no link as a file, and takes no working copy with it for unchanged.
    put(&repository, "no link", b"text\r\n$Id$", &properties);
    let url = repository.url("trunk");
    let found = contents(&open_url(&url).unwrap());
    assert_eq!(found, exported(&repository, &url));
    let executable = TrackedKind::File { executable: true };
    assert_eq!(found["no link"], (executable, "text\\r\\n$Id$".to_owned()));
    repository.svn(&["update", "-q"]);
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("obstructed: no link"), "{error}");
}

#[test]
fn keywords_that_were_committed_expanded_stay_so() {
    let repository = SvnRepository::with_files();
    let text = b"$Rev: 1 $ $Rev:: 1   $ $Id$\n";
    put(&repository, "keywords", text, &[("svn:keywords", "Rev Id")]);
    repository.svn(&["update", "-q"]);
    let expected = text.escape_ascii().to_string();
    assert_eq!(assert_as_exported(&repository)["keywords"].1, expected);
}

#[test]
fn a_changed_text_is_found_behind_keywords_and_line_ends() {
    let repository = SvnRepository::with_files();
    let text = b"$Id$\r\nline\r\n";
    let properties = [("svn:keywords", "Id"), ("svn:eol-style", "CRLF")];
    put(&repository, "text", text, &properties);
    repository.svn(&["update", "-q"]);
    // Touched, and otherwise the same: `svn` compares behind its translations.
    run(Command::new("touch").arg(repository.work().join("text")));
    assert!(open(&repository.work()).is_ok());
    write(&repository.work(), "text", "$Id$\r\nline!\r\n");
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("modified: text"), "{error}");
}
