//! Working copies that are locked, damaged, of another format, or made to do harm.

use std::path::{Path, PathBuf};

use bulla_packager::source::SvnError;
use bulla_packager::source::{Checkout, SourceError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_svn::WorkingCopyError;
use rusqlite::Connection;

use crate::checkout::{SvnRepository, open, refusal, spec};
use crate::pack::packed;

fn database(repository: &SvnRepository) -> PathBuf {
    repository.work().join(".svn/wc.db")
}

/// Runs SQL as an attacker or an accident would.
fn change(repository: &SvnRepository, sql: &str) {
    let connection = Connection::open(database(repository)).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn svn_error(attempt: Result<Checkout, SourceError>) -> SvnError {
    match refusal(attempt) {
        SourceError::Subversion(error) => error,
        other => panic!("{other:?}"),
    }
}

fn assert_damaged(repository: &SvnRepository, attack: &str) {
    let error = refusal(open(&repository.work()));
    let hint = error.hint().unwrap();
    assert!(
        matches!(
            error,
            SourceError::Subversion(SvnError::WorkingCopy(WorkingCopyError::Damaged { .. }))
        ),
        "{attack}: {error:?}"
    );
    assert!(hint.contains("check out again"), "{attack}: {hint}");
}

#[test]
fn a_locked_database_is_temporary() {
    let repository = SvnRepository::with_files();
    let other = Connection::open(database(&repository)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refusal(open(&repository.work()));
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert!(error.to_string().contains("locked"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(open(&repository.work()).is_ok());
}

#[test]
fn a_reader_beside_us_is_no_lock_and_we_write_nothing() {
    let repository = SvnRepository::with_files();
    let before = std::fs::read(database(&repository)).unwrap();
    let other = Connection::open(database(&repository)).unwrap();
    other
        .execute_batch("BEGIN; SELECT count(*) FROM nodes")
        .unwrap();
    let checkout = open(&repository.work()).unwrap();
    // What is read is in memory: `svn` need not wait for the pack.
    other
        .execute_batch("COMMIT; BEGIN EXCLUSIVE; ROLLBACK")
        .unwrap();
    assert_eq!(std::fs::read(database(&repository)).unwrap(), before);
    assert!(!checkout.tracked().is_empty());
}

#[test]
fn an_interrupted_command_wants_a_cleanup() {
    for sql in [
        "INSERT INTO work_queue (work) VALUES ('(sync-file-flags 6 README)')",
        "INSERT INTO wc_lock VALUES (1, '', -1)",
    ] {
        let repository = SvnRepository::with_files();
        change(&repository, sql);
        let error = refusal(open(&repository.work()));
        assert!(error.hint().unwrap().contains("svn cleanup"), "{error}");
        repository.svn(&["cleanup"]);
        assert!(open(&repository.work()).is_ok());
    }
}

#[test]
fn a_journal_that_a_power_cut_left_wants_a_cleanup() {
    let repository = SvnRepository::with_files();
    let work = repository.work();
    let [copy, journal] = ["copy", "journal"].map(|name| repository.home().join(name));
    {
        let connection = Connection::open(database(&repository)).unwrap();
        connection
            .execute_batch(
                "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;
                CREATE TABLE filler (x);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                    INSERT INTO filler SELECT randomblob(500) FROM n;
                UPDATE nodes SET changed_author = hex(randomblob(400))",
            )
            .unwrap();
        std::fs::copy(work.join(".svn/wc.db"), &copy).unwrap();
        std::fs::copy(work.join(".svn/wc.db-journal"), &journal).unwrap();
        connection.execute_batch("ROLLBACK").unwrap();
    }
    std::fs::copy(&copy, work.join(".svn/wc.db")).unwrap();
    std::fs::copy(&journal, work.join(".svn/wc.db-journal")).unwrap();
    let error = svn_error(open(&work));
    assert!(
        matches!(
            error,
            SvnError::WorkingCopy(WorkingCopyError::Interrupted { .. })
        ),
        "{error:?}"
    );
    repository.svn(&["cleanup"]);
    assert!(open(&work).is_ok());
}

#[test]
fn other_formats_are_refused_by_number_and_name() {
    let repository = SvnRepository::with_files();
    for (format, name, hint) in [
        (29, "29 (Subversion 1.7)", "svn upgrade"),
        (30, "30", "svn upgrade"),
        (32, "32 (Subversion 1.15)", "--compatible-version"),
        (99, "99", "--compatible-version"),
    ] {
        change(&repository, &format!("PRAGMA user_version = {format}"));
        let error = refusal(open(&repository.work()));
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error}");
    }
    // Up to 1.6 there was no database.
    std::fs::remove_file(database(&repository)).unwrap();
    assert_damaged(&repository, "lost");
    std::fs::write(repository.work().join(".svn/entries"), "10\n\ndir\n").unwrap();
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("10 (Subversion 1.6)"), "{error}");
    assert!(error.hint().unwrap().contains("svn upgrade"), "{error}");
}

#[test]
fn a_database_that_is_no_database_is_damaged() {
    let repository = SvnRepository::with_files();
    let whole = std::fs::read(database(&repository)).unwrap();
    for length in [0, 50, 99] {
        std::fs::write(database(&repository), &whole[..length]).unwrap();
        let error = svn_error(open(&repository.work()));
        assert!(
            matches!(
                error,
                SvnError::WorkingCopy(WorkingCopyError::Unreadable { .. })
            ),
            "{error:?}"
        );
    }
    for length in [100, 1024, 4096, 20_000] {
        std::fs::write(database(&repository), &whole[..length]).unwrap();
        assert_damaged(&repository, &format!("cut to {length} bytes"));
    }
    std::fs::write(database(&repository), vec![b'x'; 40_000]).unwrap();
    assert_damaged(&repository, "garbage");
    let mut garbled = whole.clone();
    garbled[100..]
        .iter_mut()
        .step_by(7)
        .for_each(|byte| *byte ^= 0x55);
    std::fs::write(database(&repository), &garbled).unwrap();
    assert_damaged(&repository, "garbled");
    std::fs::write(database(&repository), &whole).unwrap();
    change(&repository, "PRAGMA journal_mode = WAL");
    assert_damaged(&repository, "another journal");
}

#[test]
fn no_flipped_byte_makes_it_panic() {
    let repository = SvnRepository::with_files();
    let whole = std::fs::read(database(&repository)).unwrap();
    let rows = whole
        .windows(6)
        .position(|bytes| bytes == b"$sha1$")
        .unwrap();
    for round in 0..200 {
        let mut changed = whole.clone();
        let position = if round % 2 == 0 {
            round * 101 % 4096
        } else {
            (rows - 300 + round * 37) % whole.len()
        };
        changed[position] ^= 0x81;
        std::fs::write(database(&repository), &changed).unwrap();
        let _ = open(&repository.work());
    }
}

#[test]
fn no_odd_value_makes_it_panic() {
    const COLUMNS: [&str; 13] = [
        "local_relpath",
        "parent_relpath",
        "op_depth",
        "repos_id",
        "repos_path",
        "revision",
        "presence",
        "kind",
        "properties",
        "depth",
        "checksum",
        "changed_revision",
        "changed_date",
    ];
    const VALUES: [&str; 10] = [
        "NULL",
        "''",
        "-1",
        "1",
        "9223372036854775807",
        "-9223372036854775808",
        "x'ff00'",
        "'dir'",
        "'not-present'",
        "'trunk/src'",
    ];
    let repository = SvnRepository::with_files();
    let whole = std::fs::read(database(&repository)).unwrap();
    for column in COLUMNS {
        for value in VALUES {
            for rows in ["1", "local_relpath = ''", "local_relpath = 'README'"] {
                // What the database itself refuses changes nothing.
                change(
                    &repository,
                    &format!(
                        "PRAGMA foreign_keys = OFF; DROP TRIGGER nodes_update_checksum_trigger;
                        UPDATE OR IGNORE nodes SET {column} = {value} WHERE {rows}"
                    ),
                );
                if let Ok(checkout) = open(&repository.work()) {
                    for position in 0..checkout.tracked().len() {
                        let _ = checkout.content(position);
                    }
                }
                std::fs::write(database(&repository), &whole).unwrap();
            }
        }
    }
}

#[test]
fn a_hostile_schema_runs_nothing() {
    for (attack, sql) in [
        (
            "view instead of a table",
            "ALTER TABLE actual_node RENAME TO hidden;
            CREATE VIEW actual_node AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                SELECT 1 AS wc_id, 'x' AS local_relpath, NULL AS conflict_data, NULL AS properties FROM n",
        ),
        (
            "virtual table",
            "DROP TABLE work_queue; CREATE VIRTUAL TABLE work_queue USING fts5(id, work)",
        ),
        (
            "computed column",
            "ALTER TABLE wc_lock ADD COLUMN more AS (hex(zeroblob(1000000)))",
        ),
        ("missing table", "DROP TABLE externals"),
        ("missing column", "ALTER TABLE nodes RENAME COLUMN checksum TO check_sum"),
        ("path that leaves", "UPDATE nodes SET local_relpath = '../x' WHERE local_relpath = 'README'"),
        ("absolute path", "UPDATE nodes SET local_relpath = '/x' WHERE local_relpath = 'README'"),
        ("no directory", "UPDATE nodes SET local_relpath = 'README/x' WHERE local_relpath = 'bin/run'"),
        ("no such directory", "UPDATE nodes SET local_relpath = 'x/y' WHERE local_relpath = 'README'"),
        ("checksum that leaves", "PRAGMA foreign_keys = OFF; DROP TRIGGER nodes_update_checksum_trigger;
            UPDATE nodes SET checksum = '$sha1$../../../x' WHERE local_relpath = 'README'"),
        ("no checksum", "UPDATE nodes SET checksum = NULL WHERE local_relpath = 'README'"),
        ("broken properties", "UPDATE nodes SET properties = '(svn:executable 99999999999 *)' WHERE local_relpath = 'README'"),
        ("number for a name", "UPDATE nodes SET kind = 7 WHERE local_relpath = 'README'"),
        ("unknown presence", "UPDATE nodes SET presence = 'x' WHERE local_relpath = 'README'"),
        ("no repository", "UPDATE nodes SET repos_id = NULL"),
        ("no root", "DELETE FROM wcroot"),
        ("only externals", "UPDATE nodes SET file_external = 1"),
        ("operations of no depth", "UPDATE nodes SET op_depth = -1"),
    ] {
        let repository = SvnRepository::with_files();
        change(&repository, &format!("PRAGMA foreign_keys = OFF; {sql}"));
        assert_damaged(&repository, attack);
    }
}

fn pristine(repository: &SvnRepository, text: &[u8]) -> PathBuf {
    let mut pending = vec![repository.work().join(".svn/pristine")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if std::fs::read(&path).unwrap() == text {
            return path;
        }
    }
    panic!("no such text");
}

fn overwrite(path: &Path, text: &[u8]) {
    let mut permissions = path.metadata().unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a temporary file")]
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions).unwrap();
    std::fs::write(path, text).unwrap();
}

fn refused_pack(repository: &SvnRepository) -> String {
    let Err(error) = packed(&spec(&repository.work()), 1) else {
        panic!("packed")
    };
    format!("{:#}", anyhow::Error::from(error))
}

#[test]
fn a_pristine_text_that_was_changed_or_lost_is_never_another_release() {
    let large = vec![b'x'; 600_000];
    for text in [&b"hello\n"[..], &large] {
        let repository = SvnRepository::with_files();
        repository.write("large", &large);
        repository.commit("more");
        let path = pristine(&repository, text);
        let mut changed = text.to_vec();
        changed[0] ^= 1;
        overwrite(&path, &changed);
        let said = refused_pack(&repository);
        assert!(
            said.contains("expected SHA-1") && said.contains("check out again"),
            "{said}"
        );
        overwrite(&path, &text[1..]);
        assert!(refused_pack(&repository).contains("expected SHA-1"));
        std::fs::remove_file(&path).unwrap();
        let said = refused_pack(&repository);
        assert!(said.contains("lacks its pristine text"), "{said}");
    }
}

/// Puts a pipe in the place of a file: whoever opens it waits for ever.
fn put_pipe(path: &Path) {
    std::fs::remove_file(path).unwrap();
    crate::checkout::run(std::process::Command::new("mkfifo").arg(path));
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
    let repository = SvnRepository::with_files();
    put_pipe(&pristine(&repository, b"hello\n"));
    let said = refused_pack(&repository);
    assert!(said.contains("expected a file"), "{said}");
    put_pipe(&database(&repository));
    let error = refusal(open(&repository.work()));
    assert!(matches!(error, SourceError::Special(_)), "{error:?}");
}

#[test]
fn a_name_that_no_disk_holds_is_refused() {
    let repository = SvnRepository::with_files();
    let name = "n".repeat(300);
    crate::checkout::run(
        crate::checkout::program("svnmucc", repository.home())
            .args(["-m", "long", "put", "/dev/null"])
            .arg(repository.url(&format!("trunk/{name}"))),
    );
    let error = refusal(crate::checkout::open_url(&repository.url("trunk")));
    assert!(error.to_string().contains("too long"), "{error}");
    assert!(error.to_string().len() < 1000, "{error}");
    assert!(error.hint().unwrap().contains("255 bytes"), "{error}");
    // Checkouts and updates stop there, and are not all of the revision.
    let svn_fails = |arguments: &[&str]| {
        let mut svn = crate::checkout::program("svn", repository.home());
        let output = svn.current_dir(repository.home()).args(arguments).output();
        assert!(!output.unwrap().status.success());
    };
    svn_fails(&["checkout", "-q", &repository.url("trunk"), "half"]);
    let error = svn_error(open(&repository.home().join("half")));
    assert!(
        matches!(
            error,
            SvnError::WorkingCopy(WorkingCopyError::Interrupted { .. })
        ),
        "{error:?}"
    );
    svn_fails(&["update", "-q", "work"]);
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("incomplete: ."), "{error}");
    assert!(error.hint().unwrap().contains("svn update"), "{error}");
    assert_eq!(error.kind(), FailureKind::Refused);
}
