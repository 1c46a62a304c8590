-- Which repository has which frame, in any of its blobs: a push may leave out only those.
CREATE TABLE repository_frames (
    repository TEXT NOT NULL,
    -- The sha256 in hex.
    digest     TEXT NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
