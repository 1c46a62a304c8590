-- Where the frames of blobs lie, which recipes say too: for pushes, which store only new frames.
CREATE TABLE frames (
    -- The sha256 in hex.
    digest TEXT   NOT NULL PRIMARY KEY,
    pack   TEXT   NOT NULL,
    -- Where in the pack the frame begins.
    first  BIGINT NOT NULL
) WITHOUT ROWID;
