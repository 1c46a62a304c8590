//! What only tests need: a registry over objects in memory, and what must hold of all that is read of
//! a request, for the fuzz targets. Only with the feature `testing`.

use std::path::Path;
use std::sync::Arc;

use bulla_files::FileError;

use crate::app::App;
use crate::clock::Clock;
use crate::error::RegistryError;
pub use crate::http::fuzz::{frame_list, manifest, path, query, range, reference, request_headers};
use crate::objects::Objects;
pub use crate::server::fuzz::request_heads;
use crate::settings::Settings;
pub use crate::store::fuzz::recipe;

/// Objects that live as long as somebody holds them.
#[derive(Debug, Clone)]
pub struct MemoryObjects(Objects);

impl Default for MemoryObjects {
    fn default() -> Self {
        Self(Objects::in_memory())
    }
}

impl MemoryObjects {
    /// Returns how many bytes the objects have whose keys begin like this.
    ///
    /// # Panics
    ///
    /// Never: nothing is read from a disk.
    pub fn bytes_in(&self, folder: &str) -> usize {
        let mut sum = 0;
        let add = &mut |key: &str| {
            sum += self.0.size(key)?.unwrap_or(0);
            Ok::<_, FileError>(())
        };
        self.0.list(folder, add).expect("memory can be read");
        usize::try_from(sum).expect("it fits into memory")
    }

    /// Opens a registry over these objects, with all else in a data directory.
    pub async fn open(
        &self,
        root: &Path,
        command: &str,
        settings: Settings,
        clock: Clock,
    ) -> Result<Arc<App>, RegistryError> {
        let objects = self.0.clone();
        App::open_over(|_| objects, root, command, settings, clock).await
    }
}
