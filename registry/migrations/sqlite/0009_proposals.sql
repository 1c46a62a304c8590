-- Statements that wait for signatures. They are in no file; one that is lost is signed again.
CREATE TABLE proposals (
    -- The sha256 of the payload.
    id          TEXT NOT NULL PRIMARY KEY,
    -- The project that it is about; empty for a policy.
    project     TEXT NOT NULL,
    -- The token that it came with.
    token       TEXT NOT NULL,
    -- The fingerprint of a key that had signed it then.
    proposed_by TEXT NOT NULL,
    proposed_at TEXT NOT NULL,
    expires_at  TEXT NOT NULL,
    -- The statement and the signatures that it has, as JSON.
    envelope    TEXT NOT NULL
);

CREATE INDEX proposals_by_project ON proposals (project);
