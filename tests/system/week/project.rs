//! `Project`: a checkout, what was released of it, and what each release must look like live.

use bulla_tests::{GitCheckout, Node, SvnCheckout, Tree, World};

use super::dice::Dice;

/// A project that is released now and then.
pub(crate) struct Project {
    pub(crate) name: &'static str,
    checkout: Checkout,
    /// Directories end with a slash, as in the recipe.
    persist: &'static [&'static str],
    /// Oldest first.
    pub(crate) releases: Vec<Release>,
    /// What `prod` points to.
    pub(crate) head: Option<String>,
}

/// A release, as the checkout was when it was packed.
pub(crate) struct Release {
    pub(crate) hash: String,
    /// What is live when it is, with the links to persistent paths.
    pub(crate) tree: Tree,
}

enum Checkout {
    Git(GitCheckout),
    Svn(SvnCheckout),
}

impl Project {
    /// A project in git: a program that runs, links, folders to mount something on.
    pub(crate) fn git(world: &World, name: &'static str, persist: &'static [&'static str]) -> Self {
        let checkout = Checkout::Git(world.git(name));
        Self::new(name, checkout, persist, 12)
    }

    /// A project in Subversion with many pages.
    pub(crate) fn svn(
        world: &World,
        name: &'static str,
        persist: &'static [&'static str],
        pages: usize,
    ) -> Self {
        let checkout = Checkout::Svn(world.svn(name));
        Self::new(name, checkout, persist, pages)
    }

    fn new(
        name: &'static str,
        checkout: Checkout,
        persist: &'static [&'static str],
        pages: usize,
    ) -> Self {
        let project = Self {
            name,
            checkout,
            persist,
            releases: Vec::new(),
            head: None,
        };
        let recipe = format!("[bundle]\nproject = \"{name}\"\n[install]\npersist = {persist:?}\n");
        project.write("bulla.toml", recipe);
        project.write("public/picture.bin", vec![7; 30_000]);
        project.write("archive/readme.txt", "what is mounted covers this\n");
        project.write("sessions/readme.txt", "this too\n");
        let cat = std::fs::read("/bin/cat").unwrap();
        project.write("bin/worker", cat);
        bulla_tests::repositories::make_executable(project.path(), "bin/worker");
        for page in 0..pages {
            project.write(&page_path(page), page_text(name, page, 0));
        }
        project
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        bulla_tests::write(self.path(), path, content);
    }

    fn path(&self) -> &std::path::Path {
        match &self.checkout {
            Checkout::Git(checkout) => &checkout.path,
            Checkout::Svn(checkout) => &checkout.path,
        }
    }

    /// Changes some pages, adds one and commits.
    pub(crate) fn commit(&mut self, dice: &mut Dice) {
        let number = self.releases.len() + 1;
        let pages = page_count(&Tree::read(self.path()));
        for _ in 0..=dice.roll(4) {
            let page = dice.roll(pages);
            self.write(&page_path(page), page_text(self.name, page, number));
        }
        self.write(&page_path(pages), page_text(self.name, pages, number));
        let line = format!("Release {number}");
        match &mut self.checkout {
            Checkout::Git(checkout) => checkout.commit_change(&line),
            Checkout::Svn(checkout) => checkout.commit_change(&line),
        };
    }

    /// Publishes what is committed, and remembers what it must look like.
    pub(crate) fn publish(&mut self, world: &World) -> String {
        let hash = world.publish(self.path());
        let tree = self.live_tree();
        self.releases.push(Release {
            hash: hash.clone(),
            tree,
        });
        hash
    }

    /// Begins to publish through another address.
    pub(crate) fn publish_command(&self, world: &World, url: &str) -> std::process::Command {
        let mut command = world.publish_command(self.path());
        command.env("BULLA_REGISTRY", url);
        command
    }

    fn live_tree(&self) -> Tree {
        let mut tree = Tree::read(self.path()).without(".git").without(".svn");
        for path in self.persist {
            let path = path.trim_end_matches('/');
            let above: Vec<&str> = path.split('/').collect();
            for depth in 1..above.len() {
                tree.0.insert(above[..depth].join("/"), Node::Directory);
            }
            let up = "../".repeat(above.len() + 1);
            let target = format!("{up}persist/{path}");
            tree.0.insert(path.to_owned(), Node::Link(target));
        }
        tree
    }

    pub(crate) fn release(&self, hash: &str) -> &Release {
        let mut releases = self.releases.iter();
        releases.find(|release| release.hash == hash).unwrap()
    }
}

fn page_path(page: usize) -> String {
    format!("pages/{:02}/page-{page:04}.txt", page % 7)
}

fn page_text(project: &str, page: usize, release: usize) -> String {
    format!("page {page} of {project}, written for release {release}\n").repeat(1 + page % 9)
}

fn page_count(tree: &Tree) -> usize {
    let paths = tree.0.keys();
    paths.filter(|path| path.contains("/page-")).count()
}
