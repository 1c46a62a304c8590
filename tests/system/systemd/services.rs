//! Services of two more kinds beside the one in Python: Node, whose process has to be restarted, and
//! nginx, which serves whatever is live.

use std::path::PathBuf;

use bulla_tests::{Container, GitCheckout, World, programs, skip};

use super::{page_at, wait_until};

const NODE: &str = "/usr/bin/node";
const SERVER: &str = "const fs = require('fs');\nrequire('http').createServer((_, answer) => \
                      answer.end(page)).listen(8090, '127.0.0.1');\n\
                      const page = fs.readFileSync(__dirname + '/public/index.html');\n";

/// A project that a service of its own serves.
struct Service {
    project: &'static str,
    port: u16,
    /// Its unit.
    command: String,
    /// Whether it has to be restarted to serve another release.
    is_restarted: bool,
    checkout: GitCheckout,
}

/// Follows projects in Node and behind nginx, and waits until two releases of each are served.
/// Returns the projects.
pub(super) fn serve_more(machine: &Container, world: &World) -> Vec<&'static str> {
    let mut services = Vec::new();
    if machine.path(NODE).exists() {
        let service = Service {
            project: "acme/shop",
            port: 8090,
            command: format!("{NODE} /srv/acme/shop/current/server.js"),
            is_restarted: true,
            checkout: world.git("acme/shop"),
        };
        service.checkout.write("server.js", SERVER);
        services.push(service);
    } else {
        skip("a service in Node, because it is not installed");
    }
    match nginx().filter(|program| machine.path(program.to_str().unwrap()).exists()) {
        Some(program) => services.push(Service {
            project: "acme/site",
            port: 8091,
            command: configured(machine, &program),
            is_restarted: false,
            checkout: world.git("acme/site"),
        }),
        None => skip("a site behind nginx, because it is not installed"),
    }
    for service in &mut services {
        service.begin(machine);
        for line in ["one", "two"] {
            service.checkout.commit_change(line);
            world.release(&service.checkout.path, service.project);
            if line == "one" {
                service.follow(machine);
            }
            wait_until(machine, service.project, |machine| {
                page_at(machine, service.port) == format!("<h1>{line}</h1>")
            });
        }
    }
    services.iter().map(|service| service.project).collect()
}

impl Service {
    /// Writes its unit and its recipe.
    fn begin(&self, machine: &Container) {
        let unit = self.unit();
        machine.write(
            &format!("/etc/systemd/system/{unit}"),
            &format!(
                "[Service]\nExecStart={}\nRestart=always\nRestartSec=1\n",
                self.command
            ),
        );
        machine.run(&["systemctl", "daemon-reload"]).done();
        let recipe = format!(
            "[bundle]\nproject = \"{}\"\n\n[health]\nsystemd = \"{unit}\"\nhttp = {{ url = \
             \"http://127.0.0.1:{}/\", status = 200 }}\nsettle = \"100ms\"\nwindow = \"6s\"\n",
            self.project, self.port
        );
        self.checkout.write("bulla.toml", recipe);
    }

    fn unit(&self) -> String {
        format!("{}.service", self.project.replace('/', "-"))
    }

    fn follow(&self, machine: &Container) {
        let follow = [
            "bulla-installer",
            "follow",
            self.project,
            "--channel",
            "prod",
        ];
        let verb = if self.is_restarted {
            "restart"
        } else {
            "start"
        };
        let file = machine.path("/etc/bulla/server.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let hooks = format!(
            "\n[project.\"{}\"]\nuser = \"root\"\nhooks = {{ activate = [\"/usr/bin/systemctl\", \
             \"{verb}\", \"{}\"] }}\n",
            self.project,
            self.unit()
        );
        std::fs::write(&file, format!("{text}{hooks}")).unwrap();
        machine.run(&follow).done();
    }
}

fn nginx() -> Option<PathBuf> {
    let unpacked = programs::target_directory().join("tools/nginx/usr/sbin/nginx");
    ["/usr/sbin/nginx".into(), unpacked]
        .into_iter()
        .find(|path| path.exists())
}

/// Writes a configuration, and returns the command that serves by it.
fn configured(machine: &Container, program: &std::path::Path) -> String {
    machine.write(
        "/etc/site.conf",
        "daemon off;\nuser root;\npid /run/site.pid;\nerror_log stderr;\nevents {}\nhttp {\n\
         client_body_temp_path /tmp/site;\nproxy_temp_path /tmp/site;\n\
         fastcgi_temp_path /tmp/site;\nuwsgi_temp_path /tmp/site;\nscgi_temp_path /tmp/site;\n\
         access_log off;\nserver {\nlisten 127.0.0.1:8091;\n\
         location / { root /srv/acme/site/current/public; }\n}\n}\n",
    );
    format!("{} -c /etc/site.conf", program.display())
}
