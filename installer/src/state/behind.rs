//! Which registries were behind another one when they were last asked.

use bulla_schemas::Timestamp;
use bulla_schemas::report::server::BehindRegistry;
use url::Url;

use super::json;
use crate::platform::files;
use crate::site::Server;

/// Returns them.
pub(crate) fn read(server: &Server) -> Vec<BehindRegistry> {
    let known = json::read(&server.behind()).ok().flatten();
    known.unwrap_or_default()
}

/// Notes how many entries each registry that answered does not have; of one that has all, 0. Only
/// people read it: a disk that is full stops nothing.
pub(crate) fn write(server: &Server, found: &[(&Url, u64)], now: Timestamp) {
    let before = read(server);
    let known = |url: &str| before.iter().find(|one| one.url == url);
    let behind: Vec<_> = found
        .iter()
        .filter(|(_, entries)| *entries > 0)
        .map(|(url, entries)| BehindRegistry {
            url: url.to_string(),
            entries: *entries,
            since: known(url.as_str()).map_or(now, |known| known.since),
        })
        .collect();
    if behind.is_empty() {
        let _ = files::remove(&server.behind());
    } else if behind != before {
        let _ = json::write(&server.behind(), &behind);
    }
}
