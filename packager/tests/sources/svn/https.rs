//! A repository that Apache serves over https to whoever has a certificate, and a proxy before it.
//! Which authority, certificate and proxy count is said in the user's `~/.subversion/servers`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::checkout::{SvnRepository, program, run, skip};

const APACHE: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";

/// Apache on loopback, stopped when dropped.
struct Apache {
    child: Child,
    https: u16,
    proxy: u16,
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two ports that are free, and not the same.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Makes an authority, a certificate for 127.0.0.1 and one for `ada`.
fn make_certificates(home: &Path) {
    let openssl = |arguments: &str| {
        run(program("openssl", home)
            .current_dir(home)
            .args(arguments.split(' ')))
    };
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"
    ));
    // `svn` compares an address with the common name alone.
    for (name, subject) in [("server", "127.0.0.1"), ("ada", "ada")] {
        openssl(&format!(
            "req {new} -keyout {name}.key -out {name}.csr -subj /CN={subject}"
        ));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
             -out {name}.pem"
        ));
    }
    openssl("pkcs12 -export -in ada.pem -inkey ada.key -out ada.p12 -passout pass:sesam");
}

fn configuration(home: &Path, https: u16, proxy: u16) -> String {
    let modules = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "dav",
        "dav_svn",
        "authz_svn",
        "ssl",
        "socache_shmcb",
        "proxy",
        "proxy_connect",
    ];
    let load = modules.map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"));
    // Apache refuses to serve as root.
    let user = match home.metadata().unwrap().uid() {
        0 => "User nobody\nGroup nogroup\n",
        _ => "",
    };
    let home = home.display();
    format!(
        "{load}{user}ServerName 127.0.0.1\nListen 127.0.0.1:{https}\nListen 127.0.0.1:{proxy}\n\
         PidFile {home}/apache.pid\nErrorLog {home}/error.log\nDefaultRuntimeDir {home}\n\
         <VirtualHost 127.0.0.1:{https}>\n  SSLEngine on\n  SSLVerifyClient require\n  \
           SSLCertificateFile {home}/server.pem\n  SSLCertificateKeyFile {home}/server.key\n  \
           SSLCACertificateFile {home}/ca.pem\n  \
           <Location /svn>\n    DAV svn\n    SVNParentPath {home}\n  </Location>\n  \
           <Location /kept>\n    DAV svn\n    SVNParentPath {home}\n    \
             AuthzSVNAccessFile {home}/authz\n  </Location>\n\
         </VirtualHost>\n\
         <VirtualHost 127.0.0.1:{proxy}>\n  ProxyRequests on\n  AllowCONNECT {https}\n  \
           CustomLog {home}/proxy.log \"%r\"\n</VirtualHost>\n",
        load = load.concat()
    )
}

/// Starts Apache for the repository; `None`, said aloud, where it is not installed.
fn serve(repository: &SvnRepository) -> Option<Apache> {
    let home = repository.home();
    let modules = Path::new(MODULES);
    if !modules.join("mod_dav_svn.so").exists() || !Path::new(APACHE).exists() {
        skip("svn over https, because libapache2-mod-svn is not installed");
        return None;
    }
    if Command::new("openssl").arg("version").output().is_err() {
        skip("svn over https, because openssl is not installed");
        return None;
    }
    make_certificates(home);
    fs::write(home.join("authz"), "[/]\n* = r\n[/trunk/bin]\n* =\n").unwrap();
    let [https, proxy] = free_ports();
    let file = home.join("apache.conf");
    fs::write(&file, configuration(home, https, proxy)).unwrap();
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = program(APACHE, home);
    command
        // One process, which ends when it is killed.
        .arg("-X")
        .arg("-f")
        .arg(&file)
        .stdout(Stdio::null());
    let apache = Apache {
        child: command.spawn().unwrap(),
        https,
        proxy,
    };
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", https)).is_ok() {
            return Some(apache);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let said = fs::read_to_string(home.join("error.log")).unwrap_or_default();
    panic!("Apache does not listen on port {https}: {said}");
}

/// Writes what `svn` reads about servers.
fn configure(home: &Path, lines: &[String]) {
    let directory = home.join(".subversion");
    fs::create_dir_all(&directory).unwrap();
    let text = format!("[global]\n{}\n", lines.join("\n"));
    fs::write(directory.join("servers"), text).unwrap();
}

fn pack(home: &Path, what: &str) -> Output {
    program(env!("CARGO_BIN_EXE_bulla"), home)
        .args(["pack", "--fresh", what])
        .output()
        .unwrap()
}

#[track_caller]
fn assert_packs(home: &Path, what: &str) -> String {
    let output = pack(home, what);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn assert_fails(home: &Path, what: &str, status: i32, says: &str) {
    let output = pack(home, what);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(says), "{says} in {said}");
    assert!(said.contains("hint: "), "{said}");
}

#[test]
fn certificates_and_proxies_are_those_of_the_users_svn() {
    let repository = SvnRepository::with_files();
    let Some(apache) = serve(&repository) else {
        return;
    };
    let home = repository.home();
    let trunk = format!("https://127.0.0.1:{}/svn/repo/trunk", apache.https);
    let authority = format!("ssl-authority-files = {}/ca.pem", home.display());
    let certificate = format!(
        "ssl-client-cert-file = {}/ada.p12\nssl-client-cert-password = sesam",
        home.display()
    );

    configure(home, &[]);
    assert_fails(home, &trunk, 1, "issuer is not trusted");
    configure(home, std::slice::from_ref(&authority));
    assert_fails(home, &trunk, 1, "SSL communication");
    configure(home, &[authority.clone(), certificate.clone()]);
    let expected = assert_packs(home, repository.work().to_str().unwrap());
    assert_eq!(assert_packs(home, &trunk), expected);
    let kept = trunk.replace("/svn/", "/kept/");
    assert_fails(home, &kept, 3, "kept back by the server: bin");

    let proxy = |port: u16| format!("http-proxy-host = 127.0.0.1\nhttp-proxy-port = {port}");
    configure(
        home,
        &[authority.clone(), certificate.clone(), proxy(apache.proxy)],
    );
    assert_eq!(assert_packs(home, &trunk), expected);
    let log = fs::read_to_string(home.join("proxy.log")).unwrap();
    let connected = format!("CONNECT 127.0.0.1:{} ", apache.https);
    assert!(log.contains(&connected), "{log}");
    // Nobody listens on the port of the discard protocol.
    configure(home, &[authority, certificate, proxy(9)]);
    assert_fails(home, &trunk, 4, "Connection refused");
}
