-- Which manifest names which blob or manifest of its repository: what a manifest names is not
-- deleted. Manifests are files, so the table of a database that has none yet is filled by a reindex.
CREATE TABLE parts (
    repository TEXT NOT NULL,
    -- The blob or manifest that is named.
    digest     TEXT NOT NULL,
    -- The manifest that names it.
    manifest   TEXT NOT NULL,
    PRIMARY KEY (repository, digest, manifest)
) WITHOUT ROWID;

CREATE INDEX parts_by_manifest ON parts (repository, manifest);

-- For a blob that is mounted from no repository in particular.
CREATE INDEX blobs_by_digest ON blobs (digest, repository);

-- The tags of a manifest that is deleted.
CREATE INDEX tags_by_digest ON tags (repository, digest);
