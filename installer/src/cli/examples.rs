//! What `--help` and the man pages show at the end.

use bulla_terminal::Examples;

/// Commands by their path below the program, each with command lines of it.
pub(super) const EXAMPLES: Examples = &[
    (
        &[],
        &["bulla-installer install acme/billing --channel prod"],
    ),
    (&["agent"], &["bulla-installer agent --once"]),
    (
        &["enroll"],
        &["bulla-installer enroll https://releases.acme.example \"$ANCHOR\""],
    ),
    (
        &["follow"],
        &[
            "bulla-installer follow acme/billing --channel prod",
            "bulla-installer follow ops/bulla-installer --channel stable --installer",
        ],
    ),
    (&["unfollow"], &["bulla-installer unfollow acme/billing"]),
    (&["config"], &["bulla-installer config check"]),
    (
        &["config", "check"],
        &["bulla-installer config check /etc/bulla/server.toml"],
    ),
    (&["config", "show"], &["bulla-installer config show --json"]),
    (
        &["install"],
        &[
            "bulla-installer install",
            "bulla-installer install acme/billing --channel prod",
            "bulla-installer install acme/billing --channel prod 9f2c81aa",
        ],
    ),
    (&["self-check"], &["bulla-installer self-check"]),
    (
        &["rollback"],
        &[
            "bulla-installer rollback acme/billing",
            "bulla-installer rollback acme/billing 8d10aabb -m slow",
            "bulla-installer rollback acme/billing --no-hooks",
        ],
    ),
    (
        &["hold"],
        &["bulla-installer hold acme/billing -m \"audit until Monday\""],
    ),
    (&["release"], &["bulla-installer release acme/billing"]),
    (
        &["pin"],
        &["bulla-installer pin acme/billing 8d10aabb -m \"until the migration\""],
    ),
    (
        &["retry"],
        &[
            "bulla-installer retry acme/billing",
            "bulla-installer retry acme/billing 9f2c81aa",
        ],
    ),
    (
        &["status"],
        &[
            "bulla-installer status",
            "bulla-installer status acme/billing --json",
        ],
    ),
    (
        &["verify"],
        &[
            "bulla-installer verify acme/billing",
            "bulla-installer verify --quick",
        ],
    ),
    (&["set-aside"], &["bulla-installer set-aside list"]),
    (
        &["set-aside", "list"],
        &["bulla-installer set-aside list acme/billing --json"],
    ),
    (
        &["set-aside", "remove"],
        &["bulla-installer set-aside remove acme/billing 9f2c81aa"],
    ),
    (
        &["history"],
        &[
            "bulla-installer history acme/billing --json",
            "bulla-installer history acme/billing --output 7",
        ],
    ),
    (&["doctor"], &["bulla-installer doctor"]),
    (
        &["setup"],
        &[
            "bulla-installer setup",
            "bulla-installer setup --remove --dry-run",
        ],
    ),
    (
        &["completions"],
        &["bulla-installer completions bash > /etc/bash_completion.d/bulla-installer"],
    ),
    (
        &["man-pages"],
        &["bulla-installer man-pages /usr/local/share/man/man1"],
    ),
];
