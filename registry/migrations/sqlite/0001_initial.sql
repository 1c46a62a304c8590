-- Everything but `tokens` is an index over files and can be rebuilt: `bulla-registry reindex`.
-- Lists are ordered by the bytes of a name, which is what SQLite does with TEXT.

CREATE TABLE blobs (
    repository TEXT NOT NULL,
    digest     TEXT NOT NULL,
    PRIMARY KEY (repository, digest)
);

CREATE TABLE manifests (
    repository    TEXT   NOT NULL,
    digest        TEXT   NOT NULL,
    media_type    TEXT   NOT NULL,
    size          BIGINT NOT NULL,
    artifact_type TEXT,
    subject       TEXT,
    -- The manifest's annotations as a JSON object, for lists of referrers.
    annotations   TEXT   NOT NULL,
    PRIMARY KEY (repository, digest)
);

CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest);

CREATE TABLE tags (
    repository TEXT NOT NULL,
    tag        TEXT NOT NULL,
    digest     TEXT NOT NULL,
    PRIMARY KEY (repository, tag)
);

-- Times are RFC 3339 in UTC and compare as text.
CREATE TABLE tokens (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL,
    secret_digest TEXT NOT NULL UNIQUE,
    scopes        TEXT NOT NULL,
    projects      TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    expires_at    TEXT,
    last_used_at  TEXT,
    revoked_at    TEXT
);
