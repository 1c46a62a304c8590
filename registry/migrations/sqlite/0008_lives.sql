-- What was live last of a project on a host, and what was live there before that: `gc` keeps both,
-- however often the host has reported since.
ALTER TABLE host_projects ADD COLUMN was_live TEXT;
ALTER TABLE host_projects ADD COLUMN live_before TEXT;

UPDATE host_projects SET was_live = json_extract(report, '$.live');
