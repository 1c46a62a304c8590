-- What hosts said of themselves. Like the tokens it is in no file, so `reindex` cannot rebuild it.

-- The one host whose reports a token may send.
ALTER TABLE tokens ADD COLUMN host TEXT;

CREATE TABLE hosts (
    host        TEXT   NOT NULL PRIMARY KEY,
    received_at TEXT   NOT NULL,
    -- How many changes there have been.
    changes     BIGINT NOT NULL,
    -- What is true of the host as a whole, as JSON.
    facts       TEXT   NOT NULL
);

CREATE INDEX hosts_by_time ON hosts (received_at, host);

-- The last report on each project of each host, as JSON.
CREATE TABLE host_projects (
    host    TEXT NOT NULL,
    project TEXT NOT NULL,
    report  TEXT NOT NULL,
    PRIMARY KEY (host, project)
);

CREATE INDEX host_projects_by_project ON host_projects (project, host);

-- Reports that differed from the one before.
CREATE TABLE host_changes (
    host        TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    project     TEXT   NOT NULL,
    received_at TEXT   NOT NULL,
    report      TEXT   NOT NULL,
    PRIMARY KEY (host, number)
);

CREATE INDEX host_changes_by_project ON host_changes (host, project, number);
