-- When the registry last took each of these in, or told somebody who may push that it has it, in
-- seconds since 1970: `gc` leaves alone what was seen lately. What is there already counts as seen
-- now, and what an earlier program writes as seen at the end of time.
ALTER TABLE blobs ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE manifests ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE frames ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 9223372036854775807;

-- Which repositories have a manifest, and which frames lie in a pack.
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX frames_by_pack ON frames (pack);
