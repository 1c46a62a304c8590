//! `Surroundings`: whatever a build can see that is neither its revision nor its recipe.
//!
//! Every release is built in the usual ones. `bulla check` builds once more in others, since what
//! depends on them is not a function of the revision.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bulla_schemas::Timestamp;
use bulla_schemas::recipe::BuildSection;

/// The directory that a build runs in, whatever machine it is on.
pub const BUILD_DIRECTORY: &str = "/build";

/// Where a build finds programs.
const PATH: &str = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin";

/// What a build sees of time, machine and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The permission bits that new files lack.
    pub umask: u32,
    /// The name of the user and of the group.
    pub user: &'static str,
    /// The number of the user and of the group.
    pub uid: u32,
    /// The user's home directory, empty at first.
    pub home: &'static str,
    /// The machine's name.
    pub hostname: &'static str,
    /// `LANG` and `LC_ALL`.
    pub locale: String,
    /// `TZ`.
    pub timezone: &'static str,
    /// How many processors may be used; all when absent.
    pub processors: Option<usize>,
    /// The order in which the files of the export are made.
    pub order: Order,
    /// Another time than now.
    pub clock: Option<FalseClock>,
}

/// An order of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the revision has them.
    Forward,
    /// The last one first.
    Backward,
}

/// A library that tells programs a wrong time: `libfaketime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FalseClock {
    /// The library, in `/usr`.
    pub library: PathBuf,
    /// How far it is off, such as `+400d`.
    pub offset: &'static str,
}

impl Surroundings {
    /// Those of every release.
    pub fn usual() -> Self {
        Self {
            umask: 0o022,
            user: "build",
            uid: 1000,
            home: "/home/build",
            hostname: "bulla",
            locale: "C.UTF-8".to_owned(),
            timezone: "UTC",
            processors: None,
            order: Order::Forward,
            clock: None,
        }
    }

    /// As different as they can be without making a fair build fail.
    pub fn unusual(locale: Option<String>, clock: Option<FalseClock>) -> Self {
        Self {
            umask: 0o077,
            user: "checker",
            uid: 4711,
            home: "/home/checker",
            hostname: "elsewhere",
            locale: locale.unwrap_or_else(|| "C".to_owned()),
            timezone: "Pacific/Kiritimati",
            processors: Some(1),
            order: Order::Backward,
            clock,
        }
    }

    /// Returns the whole environment of a build. What the recipe sets wins.
    pub(super) fn environment(
        &self,
        section: &BuildSection,
        committed: Timestamp,
        places: &Places,
    ) -> BTreeMap<String, String> {
        let mut environment: BTreeMap<String, String> = [
            ("HOME", places.home.as_str()),
            ("HOSTNAME", self.hostname),
            ("LANG", &self.locale),
            ("LC_ALL", &self.locale),
            ("LOGNAME", self.user),
            ("PATH", PATH),
            ("PWD", &places.build),
            ("SHELL", "/bin/sh"),
            ("SOURCE_DATE_EPOCH", &committed.as_seconds().to_string()),
            ("TMPDIR", &places.temporary),
            ("TZ", self.timezone),
            ("USER", self.user),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if let Some(clock) = &self.clock {
            let library = clock.library.display().to_string();
            environment.insert("LD_PRELOAD".to_owned(), library);
            environment.insert("FAKETIME".to_owned(), clock.offset.to_owned());
            // Files keep their real times, or `make` would think that all of them are old.
            environment.insert("NO_FAKE_STAT".to_owned(), "1".to_owned());
        }
        let own = section.environment.iter();
        environment.extend(own.map(|(name, value)| (name.to_string(), value.clone())));
        environment
    }
}

/// The directories of a build as the build itself names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) build: String,
    pub(super) home: String,
    pub(super) temporary: String,
}
