//! What engineers and operators do, each followed by an audit.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use bulla_tests::{ChaosProxy, Fault, Transcript};

use super::hindrance::{Hindrance, Immutable, Mounted, Running};
use super::{MACHINES, Week, audit};

/// A file that fills a disk until it is dropped.
pub(crate) struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        // It goes with the disk otherwise.
        let _ = fs::remove_file(&self.0);
    }
}

impl Week {
    pub(crate) fn begin(&mut self, day: &'static str) {
        self.day = day;
    }

    /// Expects of the whole day what is too much to expect after every step.
    pub(crate) fn end(&self) {
        let context = self.context("in the evening");
        self.audit_by_hash(&context);
        self.audit_histories(&context);
    }

    /// Names a step for messages.
    pub(crate) fn context(&self, step: &str) -> String {
        format!("{}, {step}", self.day)
    }

    /// Commits, publishes and promotes.
    pub(crate) fn release(&mut self, project: &str) {
        let project = self.projects.get_mut(project).unwrap();
        project.commit(&mut self.dice);
        let hash = project.publish(&self.world);
        self.world.promote(project.name, &hash, "prod");
        project.head = Some(hash);
    }

    /// The same, and the first attempt to publish is killed while the registry answers.
    pub(crate) fn release_killed(&mut self, project: &str) {
        let proxy = ChaosProxy::before(self.world.registry.address());
        proxy.set(Fault::Delay(std::time::Duration::from_millis(40)));
        let project = self.projects.get_mut(project).unwrap();
        project.commit(&mut self.dice);
        let mut command = project.publish_command(&self.world, &proxy.url());
        let mut publish = command.spawn().unwrap();
        while proxy.passed() < 400 {
            assert!(publish.try_wait().unwrap().is_none(), "ended by itself");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        publish.kill().unwrap();
        publish.wait().unwrap();
        let hash = project.publish(&self.world);
        self.world.promote(project.name, &hash, "prod");
        project.head = Some(hash);
    }

    /// Takes a channel back for everybody.
    pub(crate) fn roll_back_channel(&mut self, project: &str) {
        let project = self.projects.get_mut(project).unwrap();
        let [.., before, last] = &project.releases[..] else {
            panic!("{} has one release", project.name);
        };
        assert_eq!(project.head.as_ref(), Some(&last.hash));
        let mut command = self.world.bulla_command();
        command.args([
            "rollback",
            "prod",
            "--project",
            project.name,
            "--to",
            &before.hash,
        ]);
        command.args(["-y", "-m", "too hasty", "--ssh-key"]);
        Transcript::of(command.arg(&self.world.alice.public_key)).done();
        project.head = Some(before.hash.clone());
    }

    /// Installs what the channel points to.
    pub(crate) fn install(&mut self, machine: &str, project: &str) {
        let context = self.context(&format!("install {project} on {machine}"));
        self.install_command(machine, project).done();
        self.was_installed(machine, project);
        self.audit(&context);
        self.audit_retention(machine, project, &context);
    }

    pub(crate) fn install_everywhere(&mut self, project: &str) {
        for machine in MACHINES {
            self.install(machine, project);
        }
    }

    /// Expects that an install ends with this status and words, and that nothing changes.
    pub(crate) fn cannot_install(
        &mut self,
        machine: &str,
        project: &str,
        status: i32,
        words: &str,
    ) {
        let context = self.context(&format!("no install of {project} on {machine}"));
        self.install_command(machine, project).fails(status, words);
        if status != 4 {
            let machine = self.machines.get_mut(machine).unwrap();
            machine.reads_log(&self.projects);
        }
        self.audit(&context);
    }

    /// Kills an install, expects one whole release, and leaves the rest to the next command.
    pub(crate) fn install_killed(&mut self, machine: &str, project: &str, failpoint: &str) {
        let arguments = self.install_arguments(machine, project);
        self.kill(machine, project, failpoint, &arguments, None);
    }

    /// Kills a rollback and does it again.
    pub(crate) fn roll_back_killed(
        &mut self,
        machine: &str,
        project: &str,
        hash: &str,
        failpoint: &str,
    ) {
        let arguments = ["rollback", project, hash, "-m", "it was slow"].map(str::to_owned);
        self.kill(machine, project, failpoint, &arguments, Some(hash));
        self.roll_back_to(machine, project, hash);
    }

    fn kill(
        &mut self,
        machine: &str,
        project: &str,
        failpoint: &str,
        arguments: &[String],
        to: Option<&str>,
    ) {
        let context = self.context(&format!("killed at {failpoint} on {machine}: {project}"));
        let owner = self.machines.get_mut(machine).unwrap();
        owner.server.run_until(failpoint, arguments).killed();
        let live = owner.server.live(project);
        let to = to
            .map(str::to_owned)
            .or(self.projects[project].head.clone());
        let site = owner.sites.get_mut(project).unwrap();
        site.is_unfinished = true;
        if live != site.live {
            assert_eq!(live, to, "{context}");
            let hash = live.unwrap();
            site.activated(&hash, &self.projects[project].release(&hash).tree);
        }
        self.audit_disks(&context);
    }

    fn install_arguments(&self, machine: &str, project: &str) -> Vec<String> {
        let keep = self.machines[machine].keep.to_string();
        // Also where the server was rolled back before.
        [
            "install",
            project,
            "--channel",
            "prod",
            "--keep",
            &keep,
            "--release-hold",
        ]
        .map(str::to_owned)
        .into()
    }

    fn install_command(&self, machine: &str, project: &str) -> Transcript {
        let arguments = self.install_arguments(machine, project);
        self.machines[machine].server.run(&arguments)
    }

    fn was_installed(&mut self, machine: &str, project: &str) {
        let project = &self.projects[project];
        let machine = self.machines.get_mut(machine).unwrap();
        machine.reads_log(&self.projects);
        let hash = project.head.as_deref().unwrap();
        let site = machine.sites.entry(project.name).or_default();
        site.activated(hash, &project.release(hash).tree);
        site.is_held = false;
        site.is_unfinished = false;
    }

    /// Goes back to the release that was live before the last install.
    pub(crate) fn roll_back(&mut self, machine: &str, project: &str) {
        let before = self.earlier(machine, project);
        let context = self.context(&format!("rollback of {project} on {machine}"));
        let server = &self.machines[machine].server;
        server
            .run(&["rollback", project, "-m", "it was slow"])
            .done();
        self.was_rolled_back(machine, project, &before);
        self.audit(&context);
    }

    pub(crate) fn roll_back_to(&mut self, machine: &str, project: &str, hash: &str) {
        let context = self.context(&format!("rollback of {project} on {machine} to {hash}"));
        let server = &self.machines[machine].server;
        let run = server.run(&["rollback", project, hash, "-m", "it was slow"]);
        assert_eq!(run.clone().done().last_line(), hash, "{context}");
        self.was_rolled_back(machine, project, hash);
        self.audit(&context);
    }

    /// Goes back to one of the releases that the server has promised to keep.
    pub(crate) fn roll_back_somewhere(&mut self, machine: &str, project: &str) {
        let kept = self.kept_beside_live(machine, project);
        let hash = self.dice.pick(&kept).clone();
        self.roll_back_to(machine, project, &hash);
    }

    /// Goes back to each of them in turn.
    pub(crate) fn roll_back_through_all(&mut self, machine: &str, project: &str) {
        for hash in self.kept_beside_live(machine, project) {
            self.roll_back_to(machine, project, &hash);
        }
    }

    fn was_rolled_back(&mut self, machine: &str, project: &str, hash: &str) {
        let tree = &self.projects[project].release(hash).tree;
        let machine = self.machines.get_mut(machine).unwrap();
        let site = machine.sites.get_mut(project).unwrap();
        if site.live.as_deref() == Some(hash) {
            site.repaired(hash, tree);
        } else {
            site.activated(hash, tree);
            site.is_held = true;
        }
    }

    /// Returns the release that was live before the one that is.
    pub(crate) fn earlier(&self, machine: &str, project: &str) -> String {
        self.machines[machine].site(project).latest_first()[1].to_owned()
    }

    fn kept_beside_live(&self, machine: &str, project: &str) -> Vec<String> {
        let machine = &self.machines[machine];
        let kept = machine.site(project).latest_first();
        let kept = kept.into_iter().take(machine.keep).skip(1);
        kept.map(str::to_owned).collect()
    }

    pub(crate) fn registry_goes_away(&mut self) {
        self.world.registry.stop();
    }

    pub(crate) fn registry_comes_back(&mut self) {
        self.world.registry.start_again();
    }

    /// Mounts a folder of somebody on a folder of the live tree.
    pub(crate) fn mount_folder(&mut self, machine: &str, project: &str, folder: &str) {
        let machine = self.machines.get_mut(machine).unwrap();
        let archive = self.world.path(&format!("archives/{}", machine.name));
        bulla_tests::write(&archive, "2019/customers.csv", "years of work\n");
        let point = machine.live_tree(project).join(folder);
        if let Some(mounted) = Mounted::new(&["--bind"], &archive, &point) {
            machine.hindrances.push(Hindrance::Mounted(mounted));
        }
        machine.watch(archive);
        let context = self.context(&format!("a folder is mounted on {folder} of {project}"));
        self.audit(&context);
    }

    /// Mounts a small disk on a folder of the live tree, and writes on it.
    pub(crate) fn mount_disk(&mut self, machine: &str, project: &str, folder: &str) {
        let machine = self.machines.get_mut(machine).unwrap();
        let point = machine.live_tree(project).join(folder);
        let mounted = Mounted::new(&["-t", "tmpfs", "-o", "size=1m"], "tmpfs".as_ref(), &point);
        if let Some(mounted) = mounted {
            machine.hindrances.push(Hindrance::Mounted(mounted));
            bulla_tests::write(&point, "session-1", "who is logged in\n");
            machine.watch(point);
        }
        let context = self.context(&format!("a disk is mounted on {folder} of {project}"));
        self.audit(&context);
    }

    pub(crate) fn work_in(&mut self, machine: &str, project: &str, folder: &str) {
        let path = self.machines[machine].live_tree(project).join(folder);
        self.start(machine, Running::working_in(&path));
    }

    pub(crate) fn open_file(&mut self, machine: &str, project: &str, file: &str) {
        let path = self.machines[machine].live_tree(project).join(file);
        self.start(machine, Running::reading(&path));
    }

    pub(crate) fn run_program(&mut self, machine: &str, project: &str, program: &str) {
        let path = self.machines[machine].live_tree(project).join(program);
        self.start(machine, Running::program(&path));
    }

    fn start(&mut self, machine: &str, running: Running) {
        let machine = self.machines.get_mut(machine).unwrap();
        machine.hindrances.push(Hindrance::Running(running));
    }

    /// Protects a file of the live tree from everybody.
    pub(crate) fn lock_file(&mut self, machine: &str, project: &str, file: &str) {
        let machine = self.machines.get_mut(machine).unwrap();
        let path = machine.live_tree(project).join(file);
        let immutable = Immutable::new(path).map(Hindrance::Immutable);
        machine.hindrances.extend(immutable);
    }

    /// Processes end, disks are unmounted, files are freed.
    pub(crate) fn nothing_is_in_the_way(&mut self) {
        let context = self.context("nothing is in the way any more");
        for machine in self.machines.values_mut() {
            machine.release_all();
        }
        self.audit(&context);
    }

    /// Leaves nothing of a server's own disk, where it has one.
    pub(crate) fn fill_disk(&self, machine: &str) -> Option<Filler> {
        let machine = &self.machines[machine];
        machine.disk.as_ref()?;
        let path = machine.server.root.join("backup.tar");
        let mut file = fs::File::create(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        Some(Filler(path))
    }

    /// A person looks through what was set aside and removes it.
    pub(crate) fn clear_set_aside(&mut self) {
        let context = self.context("what was set aside is removed");
        for machine in self.machines.values_mut() {
            let server = machine.server.clone();
            for (project, site) in &mut machine.sites {
                // They saw what was in it.
                let sizes: BTreeSet<usize> = (site.written.iter())
                    .map(|written| written.content.len())
                    .collect();
                let folder = server.project(project).join("set-aside");
                let seen = audit::contents_of(&folder, &sizes);
                site.written
                    .retain(|written| !seen.contains_key(&written.content));
                let list = server.run(&["set-aside", "list", project, "--json"]).done();
                for tree in list.json().as_array().unwrap() {
                    let name = tree["name"].as_str().unwrap();
                    server.run(&["set-aside", "remove", project, name]).done();
                }
                assert_eq!(audit::contents_of(&folder, &sizes).len(), 0, "{context}");
            }
        }
        self.audit(&context);
    }
}
