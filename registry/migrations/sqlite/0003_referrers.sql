-- What a manifest adds to a list of referrers, in bytes, is known before its annotations are read.
-- They may be megabytes, and a column that is added to a row lies behind them: the index holds all
-- that a page is cut by.
ALTER TABLE manifests ADD COLUMN listed_bytes BIGINT NOT NULL DEFAULT 0;

UPDATE manifests
SET listed_bytes = OCTET_LENGTH(annotations) + OCTET_LENGTH(COALESCE(artifact_type, ''));

DROP INDEX manifests_by_subject;

CREATE INDEX manifests_by_subject
    ON manifests (repository, subject, digest, artifact_type, listed_bytes);
