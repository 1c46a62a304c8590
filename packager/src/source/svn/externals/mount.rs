//! All externals of a tree, put where they belong, and the externals of those.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_schemas::EntryPath;
use bulla_schemas::escape::escape;
use bulla_schemas::recipe::SourceSection;
use bulla_svn::externals::{Definition, External, Moment, location};

use super::super::address;
use super::super::layer::{FileExternal, Layer};
use super::error::ExternalError;
use super::fetch::{Fetched, Pinned};
use crate::filter::Filter;
use crate::source::address::without_secrets;
use crate::source::listing::Listing;
use crate::source::svn::error::SvnError;
use crate::source::{SourceError, TrackedKind};

/// More than any project has; each costs a connection.
const MOST: usize = 1000;

/// Externals in externals in externals.
const DEEPEST: usize = 16;

/// A place that was already gone through on the way to an external.
type Step = (String, u64);

/// Where a tree comes from, as far as its externals need to know.
#[derive(Debug, Clone)]
pub(in crate::source::svn) struct MountBase {
    pub(in crate::source::svn) url: String,
    pub(in crate::source::svn) root: String,
    pub(in crate::source::svn) revision: u64,
    /// The directory that shows the tree, when it is a working copy of that revision.
    pub(in crate::source::svn) directory: Option<PathBuf>,
    pub(in crate::source::svn) spool: PathBuf,
}

/// An external that waits for its content.
struct Waiting {
    definition: Definition,
    /// The directory with the property, and its repository.
    directory: String,
    root: String,
    way: Arc<Vec<Step>>,
}

/// A tree while externals are put into it.
pub(in crate::source::svn) struct Mount<'a> {
    base: &'a MountBase,
    section: &'a SourceSection,
    filter: &'a Filter,
    /// Sorted, so that a directory comes before what is put into it.
    waiting: BTreeMap<String, Waiting>,
    kinds: HashMap<Vec<u8>, TrackedKind>,
    files: Vec<FileExternal>,
    unpinned: Vec<(String, String)>,
    unused: BTreeSet<EntryPath>,
    layers: Vec<Layer>,
}

impl<'a> Mount<'a> {
    /// Returns what the externals of `layer` bring, with paths from its top.
    pub(in crate::source::svn) fn all(
        layer: &mut Layer,
        base: &'a MountBase,
        section: &'a SourceSection,
        filter: &'a Filter,
    ) -> Result<Vec<Layer>, SourceError> {
        let mut mount = Self {
            base,
            section,
            filter,
            waiting: BTreeMap::new(),
            // Nothing has to be looked up where nothing is put.
            kinds: match layer.externals.as_slice() {
                [] => HashMap::new(),
                _ => kinds(layer, ""),
            },
            files: Vec::new(),
            unpinned: Vec::new(),
            unused: section.externals.keys().cloned().collect(),
            layers: Vec::new(),
        };
        let way = vec![(base.url.clone(), base.revision)];
        mount.enqueue(layer, "", &base.url, &base.root, way)?;
        while let Some((path, waiting)) = mount.waiting.pop_first() {
            mount.mount(path, waiting)?;
        }
        mount.finish()
    }

    /// Notes the externals of a layer that was put at `top`.
    fn enqueue(
        &mut self,
        layer: &mut Layer,
        top: &str,
        url: &str,
        root: &str,
        way: Vec<Step>,
    ) -> Result<(), SourceError> {
        let way = Arc::new(way);
        for mut file in layer.files.drain(..) {
            file.path = below(top, &file.path);
            self.files.push(file);
        }
        for external in std::mem::take(&mut layer.externals) {
            let External {
                path,
                directory,
                definition,
            } = external;
            let path = below(top, &path);
            let mut judge = self.filter.judge();
            if !judge.takes(&path, true) && !judge.may_take_below(&path) {
                self.unused.retain(|pin| pin.as_str() != path);
                continue;
            }
            let definition = definition.map_err(|line| ExternalError::Definition {
                directory: path.clone(),
                definition: line,
            })?;
            let waiting = Waiting {
                definition,
                directory: location::below(url, &directory),
                root: root.to_owned(),
                way: Arc::clone(&way),
            };
            if self.waiting.insert(path.clone(), waiting).is_some() {
                return Err(ExternalError::Clash { path }.into());
            }
        }
        Ok(())
    }

    fn mount(&mut self, path: String, waiting: Waiting) -> Result<(), SourceError> {
        let Some(pinned) = self.pin(&path, &waiting)? else {
            let Waiting { definition, .. } = waiting;
            self.unpinned.push((without_secrets(&definition.url), path));
            return Ok(());
        };
        // All that are unpinned are named at once; then nothing more needs to be fetched.
        if !self.unpinned.is_empty() {
            return Ok(());
        }
        let step = (pinned.url.clone(), pinned.revision);
        if waiting.way.contains(&step) || waiting.way.len() > DEEPEST {
            return Err(ExternalError::Loop {
                path,
                url: without_secrets(&pinned.url),
            }
            .into());
        }
        if self.layers.len() >= MOST {
            return Err(ExternalError::TooMany { most: MOST }.into());
        }
        self.check_place(&path)?;
        let directory = self.base.directory.as_ref().map(|top| top.join(&path));
        let Fetched {
            mut layer,
            url,
            root,
        } = pinned.fetch(
            directory.as_deref(),
            &mut self.files,
            &path,
            &self.base.spool,
        )?;
        let mut way = waiting.way.to_vec();
        way.push(step);
        self.enqueue(&mut layer, &path, &url, &root, way)?;
        layer.move_below(&path);
        self.kinds.extend(kinds(&layer, &path));
        self.layers.push(layer);
        Ok(())
    }

    /// Decides which revision is meant; `None` when neither the definition nor the recipe says.
    fn pin(&mut self, path: &str, waiting: &Waiting) -> Result<Option<Pinned>, SourceError> {
        let definition = &waiting.definition;
        let revision = match definition.operative {
            Moment::Number(revision) => revision,
            Moment::Moving | Moment::Unsaid => {
                let pins = &self.section.externals;
                let Some((pin, revision)) = pins.iter().find(|(pin, _)| pin.as_str() == path)
                else {
                    return Ok(None);
                };
                self.unused.remove(pin);
                *revision
            }
        };
        let url = location::resolve(&definition.url, &waiting.directory, &waiting.root);
        let url = url.ok_or_else(|| ExternalError::Definition {
            directory: path.to_owned(),
            definition: definition.url.clone(),
        })?;
        Self::check_address(path, &url, &waiting.root)?;
        let peg = match definition.peg {
            Moment::Number(peg) if peg != revision => Some(peg),
            _ => None,
        };
        Ok(Some(Pinned { url, peg, revision }))
    }

    /// Checks that an external leads to no program and, from elsewhere, to no place on this machine.
    fn check_address(path: &str, url: &str, root: &str) -> Result<(), SvnError> {
        let refused = |why| SvnError::Address {
            what: format!("the external `{}`", escape(path)),
            url: without_secrets(url),
            why,
        };
        address::check(url).map_err(refused)?;
        if address::is_local(url) && !address::is_local(root) {
            return Err(refused("it is a place on this machine"));
        }
        Ok(())
    }

    /// Checks that nothing else is at `path` and that only directories lead there.
    fn check_place(&self, path: &str) -> Result<(), ExternalError> {
        let is_leading = |at: &Path| {
            let kind = self.kinds.get(at.as_os_str().as_encoded_bytes());
            matches!(kind, None | Some(TrackedKind::Directory))
        };
        let is_taken = self.kinds.contains_key(path.as_bytes());
        if is_taken || !Path::new(path).ancestors().skip(1).all(is_leading) {
            return Err(ExternalError::Clash {
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Layer>, SourceError> {
        if !self.unpinned.is_empty() {
            return Err(ExternalError::Unpinned {
                externals: Listing(self.unpinned),
            }
            .into());
        }
        match self.unused.into_iter().next() {
            Some(path) => Err(SourceError::UnusedPin { path }),
            None => Ok(self.layers),
        }
    }
}

/// Returns what is where in a layer that was put at `top`.
fn kinds(layer: &Layer, top: &str) -> HashMap<Vec<u8>, TrackedKind> {
    let entries = layer.tracked.iter();
    let mut kinds: HashMap<_, _> = entries
        .map(|tracked| (tracked.path.clone(), tracked.kind))
        .collect();
    kinds
        .entry(top.as_bytes().to_vec())
        .or_insert(TrackedKind::Directory);
    kinds
}

fn below(top: &str, path: &str) -> String {
    match (top, path) {
        ("", path) => path.to_owned(),
        (top, "") => top.to_owned(),
        (top, path) => format!("{top}/{path}"),
    }
}
