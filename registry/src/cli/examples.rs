//! Command lines that the help, the man pages and the tests show.

use bulla_terminal::Examples;

/// A command by its path below the program, and command lines of it.
pub(super) const EXAMPLES: Examples = &[
    (
        &[],
        &["bulla-registry serve --data /var/lib/bulla-registry --anonymous-read"],
    ),
    (
        &["serve"],
        &[
            "bulla-registry serve --data /var/lib/bulla-registry --listen 127.0.0.1:5000",
            "bulla-registry serve --data /var/lib/bulla-registry --mutable 'mirror/*'",
            "bulla-registry serve --data /var/lib/bulla-registry --listen 0.0.0.0:443 --tls-certificate fullchain.pem --tls-key privkey.pem",
            "bulla-registry serve --data /var/lib/bulla-registry --trusted-proxy 127.0.0.1 --log-format json --metrics-listen 127.0.0.1:9500",
        ],
    ),
    (
        &["mirror"],
        &[
            "bulla-registry mirror https://releases.acme.example --data /var/lib/bulla-registry --anchor \"$ANCHOR\"",
            "bulla-registry mirror https://releases.acme.example --data /var/lib/bulla-registry --project 'acme/*' --token-file /etc/bulla/mirror-token --once",
        ],
    ),
    (
        &["token"],
        &["bulla-registry token list --data /var/lib/bulla-registry"],
    ),
    (
        &["token", "create"],
        &[
            "bulla-registry token create --data /var/lib/bulla-registry --scope push,pull --project 'acme/*' --name ci --expires 90d",
            "bulla-registry token create --data /var/lib/bulla-registry --scope pull,report --host web1",
        ],
    ),
    (
        &["token", "list"],
        &["bulla-registry token list --data /var/lib/bulla-registry --json"],
    ),
    (
        &["token", "revoke"],
        &["bulla-registry token revoke --data /var/lib/bulla-registry 4f1c2a90b7de"],
    ),
    (
        &["host"],
        &["bulla-registry host remove --data /var/lib/bulla-registry web7"],
    ),
    (
        &["host", "remove"],
        &["bulla-registry host remove --data /var/lib/bulla-registry web7"],
    ),
    (
        &["du"],
        &[
            "bulla-registry du --data /var/lib/bulla-registry",
            "bulla-registry du acme/billing --json --data /var/lib/bulla-registry",
        ],
    ),
    (
        &["fsck"],
        &[
            "bulla-registry fsck --data /var/lib/bulla-registry",
            "bulla-registry fsck acme/billing --repair --data /var/lib/bulla-registry",
            "bulla-registry fsck --repair --from https://mirror.acme.example --data /var/lib/bulla-registry",
        ],
    ),
    (
        &["gc"],
        &[
            "bulla-registry gc --dry-run --data /var/lib/bulla-registry",
            "bulla-registry gc --grace 14d --keep-unpromoted 30d --data /var/lib/bulla-registry",
            "bulla-registry gc --rules /etc/bulla-registry/rules.toml --data /var/lib/bulla-registry",
        ],
    ),
    (
        &["backup"],
        &["bulla-registry backup /mnt/backup/registry --data /var/lib/bulla-registry"],
    ),
    (
        &["restore"],
        &["bulla-registry restore /mnt/backup/registry --data /var/lib/bulla-registry"],
    ),
    (
        &["reindex"],
        &["bulla-registry reindex --data /var/lib/bulla-registry"],
    ),
    (
        &["import-log"],
        &["bulla-registry import-log acme-log --data /var/lib/bulla-registry"],
    ),
    (
        &["log-key"],
        &["bulla-registry log-key --next --data /var/lib/bulla-registry"],
    ),
    (
        &["completions"],
        &["bulla-registry completions bash > /etc/bash_completion.d/bulla-registry"],
    ),
    (
        &["man-pages"],
        &["bulla-registry man-pages /usr/local/share/man/man1"],
    ),
];
