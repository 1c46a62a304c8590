//! What `--help` and the man pages show at the end: examples of each command, which a test parses.

use bulla_terminal::Examples;

/// A command by its path below `bulla`, and command lines of it.
pub(super) const EXAMPLES: Examples = &[
    (
        &[],
        &[
            "bulla publish --key ci.pem",
            "bulla promote 9f2c81aa prod -m 'rounding fix for invoice 4711'",
        ],
    ),
    (
        &["pack"],
        &[
            "bulla pack",
            "bulla pack --revision v1.4 -o billing.bulla ~/src/billing",
        ],
    ),
    (
        &["check"],
        &["bulla check", "bulla check --json ~/src/billing"],
    ),
    (
        &["publish"],
        &[
            "bulla publish --key ci.pem",
            "bulla publish --key ci.pem https://svn.acme.example/billing/trunk --revision 4711",
        ],
    ),
    (
        &["reproduce"],
        &[
            "bulla reproduce prod",
            "bulla reproduce 9f2c81aa --checkout ~/src/billing --sign audit.pem",
        ],
    ),
    (
        &["promote"],
        &[
            "bulla promote 9f2c81aa prod --dry-run",
            "bulla promote 9f2c81aa prod -m 'rounding fix for invoice 4711'",
            "bulla promote dev prod -m 'release of november'",
            "bulla promote 9f2c81aa prod -m 'new layout' --waves 10m",
            "bulla promote 9f2c81aa prod -m 'back to the old layout' --drop",
            "bulla promote 9f2c81aa prod -m 'the disk was replaced' --again",
        ],
    ),
    (
        &["rollback"],
        &[
            "bulla rollback prod --list",
            "bulla rollback prod -m 'invoices lose their last line'",
            "bulla rollback prod --to 8d10aabb -m 'the last one that printed'",
        ],
    ),
    (
        &["pending"],
        &["bulla pending", "bulla pending acme/payroll --json"],
    ),
    (
        &["approve"],
        &["bulla approve 1a2b3c4d --dry-run", "bulla approve 1a2b3c4d"],
    ),
    (&["withdraw"], &["bulla withdraw 1a2b3c4d"]),
    (&["wave"], &["bulla wave", "bulla wave prod --json"]),
    (
        &["wave", "next"],
        &["bulla wave next -m 'wave 1 looks good'"],
    ),
    (
        &["wave", "all"],
        &["bulla wave all prod -m 'two days without a complaint'"],
    ),
    (
        &["pause"],
        &["bulla pause prod -m 'until the migration of the database is over'"],
    ),
    (
        &["resume"],
        &["bulla resume prod -m 'the database is migrated'"],
    ),
    (
        &["revoke"],
        &[
            "bulla revoke 9f2c81aa --dry-run",
            "bulla revoke 9f2c81aa 8d10aabb -m 'sends invoices twice'",
        ],
    ),
    (
        &["show"],
        &["bulla show 9f2c81aa", "bulla show prod --json"],
    ),
    (
        &["diff"],
        &[
            "bulla diff prod 9f2c81aa",
            "bulla diff prod 9f2c81aa --patch src/invoices",
            "bulla diff dev prod --json",
        ],
    ),
    (
        &["releases"],
        &["bulla releases", "bulla releases --limit 100 --json"],
    ),
    (
        &["status"],
        &["bulla status", "bulla status prod --project acme/billing"],
    ),
    (
        &["where"],
        &["bulla where", "bulla where acme/billing --json"],
    ),
    (
        &["history"],
        &["bulla history", "bulla history prod --json"],
    ),
    (
        &["audit"],
        &[
            "bulla audit --key ci.pem.pub",
            "bulla audit --person alice --since 2026-11-01",
            "bulla audit --project acme/billing --csv > audit.csv",
            "bulla audit --since 812 --export evidence",
        ],
    ),
    (
        &["identify"],
        &[
            "bulla identify /srv/billing",
            "bulla identify /srv/billing --json",
        ],
    ),
    (&["export"], &["bulla export prod -o billing.bulla"]),
    (&["import"], &["bulla import billing.bulla"]),
    (
        &["anchor"],
        &["bulla anchor", "bulla anchor --trust-first-use"],
    ),
    (
        &["init"],
        &[
            "bulla init --origin releases.acme.example/bulla --person alice=alice.pub \
           --builder ci=ci.pem.pub --channel dev --channel prod",
        ],
    ),
    (
        &["key"],
        &[
            "bulla key generate ci.pem",
            "bulla key rotate alice ~/.ssh/id_ed25519_new.pub",
        ],
    ),
    (&["key", "generate"], &["bulla key generate ci.pem"]),
    (&["key", "add"], &["bulla key add alice token.pub"]),
    (
        &["key", "remove"],
        &["bulla key remove alice SHA256:0dRz4mUXWG3yZ2QrIBQYw0xkqGYmFKkPRxZmEYVMcWA"],
    ),
    (
        &["key", "rotate"],
        &[
            "bulla key rotate ci new-ci.pem.pub",
            "bulla key rotate alice new.pub --from lost.pub",
        ],
    ),
    (&["policy"], &["bulla policy show"]),
    (
        &["policy", "show"],
        &[
            "bulla policy show",
            "bulla policy show --json",
            "bulla policy show 3 --allowed-signers > allowed_signers",
        ],
    ),
    (
        &["policy", "history"],
        &["bulla policy history", "bulla policy history --json"],
    ),
    (
        &["policy", "edit"],
        &[
            "bulla policy edit",
            "bulla policy edit --file policy.toml --dry-run",
        ],
    ),
    (&["policy", "threshold"], &["bulla policy threshold 2"]),
    (&["person"], &["bulla person add carol carol.pub"]),
    (
        &["person", "add"],
        &[
            "bulla person add carol carol.pub --dry-run",
            "bulla person add carol carol.pub --root",
        ],
    ),
    (&["person", "remove"], &["bulla person remove carol"]),
    (&["builder"], &["bulla builder add ci-payroll ci.pem.pub"]),
    (
        &["builder", "add"],
        &[
            "bulla builder add ci-payroll ci.pem.pub --of 'acme/payroll*' \
           --source 'git+https://git.acme.example/*' --ref refs/heads/main",
        ],
    ),
    (&["builder", "remove"], &["bulla builder remove ci-payroll"]),
    (&["channel"], &["bulla channel add staging"]),
    (
        &["channel", "add"],
        &[
            "bulla channel add staging",
            "bulla channel add prod --of acme/payroll --person alice --person carol --threshold 2 --via staging",
        ],
    ),
    (
        &["channel", "change"],
        &[
            "bulla channel change prod --threshold 2",
            "bulla channel change prod --of acme/payroll --person alice --person carol --via staging",
        ],
    ),
    (
        &["channel", "remove"],
        &["bulla channel remove prod --of acme/payroll"],
    ),
    (
        &["policy", "witness"],
        &["bulla policy witness quorum 2 --dry-run"],
    ),
    (
        &["policy", "witness", "add"],
        &[
            "bulla policy witness add 'office.acme.example+95f229bd+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'",
        ],
    ),
    (
        &["policy", "witness", "remove"],
        &["bulla policy witness remove office.acme.example"],
    ),
    (
        &["policy", "witness", "quorum"],
        &["bulla policy witness quorum 2"],
    ),
    (&["log"], &["bulla log fetch ~/acme-log"]),
    (&["log", "fetch"], &["bulla log fetch ~/acme-log"]),
    (&["log", "push"], &["bulla log push ~/acme-log"]),
    (&["log", "snapshot"], &["bulla log snapshot acme.state"]),
    (
        &["log-key"],
        &[
            "bulla log-key rotate 'acme.test/log+466beea2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c' --dry-run",
        ],
    ),
    (
        &["log-key", "rotate"],
        &[
            "bulla log-key rotate 'acme.test/log+466beea2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'",
        ],
    ),
    (
        &["compare"],
        &[
            "bulla compare office.checkpoint https://releases.acme.example",
            "bulla compare fork-812-9f2c81aa",
        ],
    ),
    (
        &["witness"],
        &[
            "bulla witness --key office.key --state office.checkpoint --begin",
            "bulla witness --key office.key --state office.checkpoint",
            "bulla witness --daemon --interval 5m",
        ],
    ),
    (
        &["witness", "init"],
        &["bulla witness init office.acme.example --key office.key"],
    ),
    (
        &["doctor"],
        &["bulla doctor", "bulla doctor --key ci.pem ~/src/billing"],
    ),
    (
        &["completions"],
        &[
            "bulla completions bash > ~/.local/share/bash-completion/completions/bulla",
            "bulla completions fish > ~/.config/fish/completions/bulla.fish",
        ],
    ),
    (&["man-pages"], &["bulla man-pages ~/.local/share/man/man1"]),
];

#[cfg(test)]
mod tests {
    use bulla_terminal::testing::{check_examples, check_voice};

    use super::*;
    use crate::cli::arguments::Arguments;

    #[test]
    fn every_command_has_examples_that_are_command_lines_of_it() {
        check_examples::<Arguments>(EXAMPLES, str::to_owned);
    }

    #[test]
    fn every_help_speaks_in_the_imperative() {
        check_voice::<Arguments>(EXAMPLES);
    }
}
