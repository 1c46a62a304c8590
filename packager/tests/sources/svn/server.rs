//! A repository that `svnserve` serves on loopback.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use bulla_packager::source::{SourceError, SvnError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::assert_same;
use crate::checkout::{
    SvnRepository, make_executable, open, open_revision, open_url, program, refusal, run, spec,
};
use crate::pack::bundle;

/// `svnserve` on loopback, stopped when dropped.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn serve(root: &Path) -> (Server, String) {
    // svnserve does not tell which port it took: ask for a free one first.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = program("svnserve", root);
    command
        .args(["--daemon", "--foreground", "--listen-host", "127.0.0.1"])
        .arg(format!("--listen-port={port}"))
        .arg("--root")
        .arg(root)
        .stdout(Stdio::null());
    let server = Server(command.spawn().unwrap());
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return (server, format!("svn://127.0.0.1:{port}"));
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("svnserve does not listen on port {port}");
}

#[test]
fn a_server_gives_the_same_as_its_files() {
    let repository = SvnRepository::with_files();
    let expected = open(&repository.work()).unwrap();
    let (server, url) = serve(repository.home());
    let trunk = format!("{url}/repo/trunk");
    assert_same(&expected, &open_url(&trunk).unwrap());
    let work = repository.home().join("served");
    run(program("svn", repository.home())
        .args(["checkout", "-q", &trunk])
        .arg(&work));
    assert_same(&expected, &open(&work).unwrap());

    drop(server);
    assert_same(&expected, &open(&work).unwrap());
    let error = refusal(open_url(&trunk));
    assert!(
        matches!(error, SourceError::Subversion(SvnError::Command { .. })),
        "{error:?}"
    );
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

/// `svn export` says nothing about what it may not read; a release must not depend on who packs.
#[test]
fn what_the_server_keeps_back_is_refused_by_name() {
    let repository = SvnRepository::with_files();
    let conf = repository.home().join("repo/conf");
    std::fs::write(
        conf.join("svnserve.conf"),
        "[general]\nanon-access = read\nauthz-db = authz\n",
    )
    .unwrap();
    std::fs::write(conf.join("authz"), "[/]\n* = r\n[/trunk/bin]\n* =\n").unwrap();
    let (_server, url) = serve(repository.home());
    let trunk = format!("{url}/repo/trunk");
    let work = repository.home().join("served");
    run(program("svn", repository.home())
        .args(["checkout", "-q", &trunk])
        .arg(&work));
    for attempt in [open(&work), open_url(&trunk), open_revision(&work, "4")] {
        let error = refusal(attempt);
        assert_eq!(error.kind(), FailureKind::Refused);
        let said = error.to_string();
        assert!(said.contains("kept back by the server: bin"), "{said}");
        assert!(error.hint().unwrap().contains("right to read it"));
    }
    // What is not kept back is as the owner sees it.
    std::fs::write(conf.join("authz"), "[/]\n* = r\n[/other]\n* =\n").unwrap();
    assert_same(
        &open(&repository.work()).unwrap(),
        &open_url(&trunk).unwrap(),
    );
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let error = refusal(open_url("svn://ada:sesam@127.0.0.1:9/repo"));
    assert_eq!(error.kind(), FailureKind::Usage);
    let said = error.to_string();
    assert!(said.contains("svn://127.0.0.1:9/repo"), "{said}");
    assert!(!said.contains("sesam"), "{said}");
    assert!(error.hint().unwrap().contains("svn info"));
}

/// Lets only `ada` in, with the password `sesam`.
fn ask_for_a_password(repository: &SvnRepository) {
    let conf = repository.home().join("repo/conf");
    std::fs::write(
        conf.join("svnserve.conf"),
        "[general]\nanon-access = none\nauth-access = read\npassword-db = passwd\nrealm = test\n",
    )
    .unwrap();
    std::fs::write(conf.join("passwd"), "[users]\nada = sesam\n").unwrap();
}

/// Writes what `svn` keeps after it has asked for a password once.
fn remember_password(home: &Path, url: &str) {
    let realm = format!("<{url}> test");
    let digest = run(Command::new("sh")
        .args(["-c", "printf %s \"$1\" | md5sum | cut -c1-32", "sh"])
        .arg(&realm));
    let entry =
        |key: &str, value: &str| format!("K {}\n{key}\nV {}\n{value}\n", key.len(), value.len());
    let text = [
        entry("passtype", "simple"),
        entry("password", "sesam"),
        entry("svn:realmstring", &realm),
        entry("username", "ada"),
        "END\n".to_owned(),
    ];
    let directory = home.join(".subversion/auth/svn.simple");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join(digest), text.concat()).unwrap();
}

#[test]
fn the_password_is_what_svn_remembers() {
    let repository = SvnRepository::with_files();
    ask_for_a_password(&repository);
    let (_server, url) = serve(repository.home());
    let stranger = tempfile::TempDir::new().unwrap();
    let pack = |home: &Path| {
        Command::new(env!("CARGO_BIN_EXE_bulla"))
            .arg("pack")
            .arg(format!("{url}/repo/trunk"))
            .env("HOME", home)
            .env_remove("XDG_CACHE_HOME")
            .output()
            .unwrap()
    };
    let refused = pack(stranger.path());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(
        said.contains("E170001") || said.contains("E215004"),
        "{said}"
    );
    remember_password(repository.home(), &url);
    let packed = pack(repository.home());
    assert!(packed.status.success(), "{packed:?}");
}

#[test]
fn the_way_through_ssh_is_that_of_svn() {
    let repository = SvnRepository::with_files();
    let expected = bundle(&spec(&repository.work()), 1).hash().to_string();
    let tunnel = repository.home().join("tunnel");
    std::fs::write(
        &tunnel,
        "#!/bin/sh\necho \"$@\" >> \"$0.log\"\nexec svnserve -t\n",
    )
    .unwrap();
    make_executable(&tunnel);
    let url = format!(
        "svn+ssh://ada@server{}/repo/trunk",
        repository.home().display()
    );
    let packed = Command::new(env!("CARGO_BIN_EXE_bulla"))
        .args(["pack", "--fresh", &url])
        .env("HOME", repository.home())
        .env("SVN_SSH", &tunnel)
        .output()
        .unwrap();
    assert!(packed.status.success(), "{packed:?}");
    assert_eq!(String::from_utf8_lossy(&packed.stdout).trim_end(), expected);
    let asked = std::fs::read_to_string(repository.home().join("tunnel.log")).unwrap();
    assert!(asked.contains("ada@server"), "{asked}");
}
