//! A delta to a bundle that is kept here already.

use bulla_bundle::{Part, VerifiedBundle};
use bulla_registry_client::Client;
use bulla_schemas::Digest;

use super::base::Base;
use super::delta;
use super::pieces::Pieces;
use crate::fetch::error::FetchError;
use crate::observer::Observer;
use crate::site::Site;

/// Asks for it once more: an install that died once it had the bundle, or broke off, lost what a delta
/// had brought of the payload.
pub(crate) struct Again<'a> {
    pub(crate) site: &'a Site,
    /// The releases on this disk, the likeliest first.
    pub(crate) known: Vec<Digest>,
    pub(crate) observer: &'a dyn Observer,
}

impl Again<'_> {
    /// Returns what the delta brings of the payload.
    pub(super) async fn pieces(
        &self,
        client: &Client,
        bundle: &VerifiedBundle,
    ) -> Result<Pieces, FetchError> {
        let hash = bundle.hash();
        let Some(base) = Base::find(self.site, &self.known, &hash) else {
            return Ok(Pieces::default());
        };
        let project = self.site.project();
        let answer = delta::ask(client, project, &base, hash, self.observer).await?;
        let pieces = answer.delta.map_or_else(Vec::new, |delta| delta.pieces);
        let of_payload = pieces
            .into_iter()
            .filter(|received| received.piece().part() != Part::Index);
        Ok(Pieces::take(
            answer.size,
            of_payload.collect(),
            &base,
            bundle,
        ))
    }
}
