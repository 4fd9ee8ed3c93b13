//! The kinds that are in the program, and their schemas, read on first use.

use std::io::Read;
use std::sync::OnceLock;

use flate2::read::DeflateDecoder;

use super::schema::Schema;

/// One kind of object in one version of its API.
#[derive(Debug)]
pub struct Kind {
    /// The group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Its name in URLs.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whose it is: `Envoy Gateway 1.9.1`.
    pub source: &'static str,
    /// Whether this version is served but marked as deprecated.
    pub deprecated: bool,
    /// Whether its status is written by a subresource alone, so that a create drops it.
    pub(super) drops_status: bool,
    packed: &'static [u8],
    schema: OnceLock<Schema>,
}

include!(concat!(env!("OUT_DIR"), "/kinds.rs"));

impl Kind {
    #[expect(clippy::too_many_arguments, reason = "called by the table that build.rs writes, one row a kind")]
    const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
        source: &'static str,
        deprecated: bool,
        drops_status: bool,
        packed: &'static [u8],
    ) -> Self {
        Self { group, version, kind, plural, namespaced, source, deprecated, drops_status, packed, schema: OnceLock::new() }
    }

    /// Every kind.
    pub(super) const fn table() -> &'static [Self] {
        &KINDS
    }

    /// `gateway.networking.k8s.io/v1`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether it comes from a custom resource definition and not with Kubernetes.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        !self.source.starts_with("Kubernetes")
    }

    /// Its schema. One that cannot be read is one that takes everything; a test reads them all.
    pub(super) fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| self.read().unwrap_or_default())
    }

    pub(super) fn read(&self) -> Result<Schema, String> {
        let mut text = Vec::new();
        DeflateDecoder::new(self.packed).read_to_end(&mut text).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }
}
