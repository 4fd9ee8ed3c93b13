//! What Helm has installed, read from its own records.
//!
//! Helm keeps each revision of a release in a Secret: type `helm.sh/release.v1`, labels `owner=helm`, `name`, `status`, `version`,
//! and under `data.release` the release as JSON, gzipped, in base64 (Helm `pkg/storage/driver/{secrets,util}.go`), and base64
//! once more by Kubernetes. Reading it costs one request; `helm` itself would take a process for each release.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::ListParams;
use serde_json::Value;

use super::Cluster;
use crate::failure::Failure;
use crate::stack::ObjectId;

/// Takes the text of many YAML documents apart; the room `yaml` has the parser.
pub type ManifestParser = fn(&str) -> Result<Vec<Value>, String>;

/// The largest release that is read, unpacked; a Secret holds 1 MiB, so this is one that means harm or is broken.
const LARGEST: u64 = 64 << 20;

/// The newest revision of a Helm release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// 1 for the first install, one more for each upgrade.
    pub revision: u32,
    /// `deployed`, `failed`, `pending-install`, …
    pub status: String,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub chart_version: String,
    /// What `helm --description` was given; tstack puts its digest of chart and values there.
    pub description: String,
    /// The objects of the release, without those of hooks and of the chart's folder `crds`.
    pub manifest: Vec<ObjectId>,
}

impl Cluster {
    /// The newest revision of every Helm release in the cluster, by namespace and name.
    pub async fn releases(&self, parse: ManifestParser) -> Result<Vec<Release>, Failure> {
        let params = ListParams::default().labels("owner=helm").fields("type=helm.sh/release.v1");
        let secrets = self.select("v1", "Secret", None, &params).await.map_err(|e| e.failure("cannot list what Helm has installed"))?;
        let mut newest: BTreeMap<(String, String), (u32, Value)> = BTreeMap::new();
        for secret in secrets {
            let label = |key: &str| text(&secret, &format!("/metadata/labels/{key}")).to_owned();
            let Ok(revision) = label("version").parse::<u32>() else { continue };
            let key = (ObjectId::of(&secret).namespace, label("name"));
            if newest.get(&key).is_none_or(|(known, _)| *known < revision) {
                newest.insert(key, (revision, secret));
            }
        }
        let mut releases = Vec::with_capacity(newest.len());
        for ((namespace, name), (revision, secret)) in newest {
            let what = || format!("cannot read Helm's record of release {namespace}/{name}, revision {revision}");
            let record = decode(&secret).map_err(|why| Failure::step(what()).why(why))?;
            let objects = parse(text(&record, "/manifest")).map_err(|why| Failure::step(what()).why(why))?;
            let mut manifest = Vec::with_capacity(objects.len());
            for object in &objects {
                manifest.push(self.place(ObjectId::of(object), &namespace).await?);
            }
            releases.push(Release {
                revision,
                manifest,
                // the label is what Helm goes by: it is written first
                status: text(&secret, "/metadata/labels/status").to_owned(),
                chart: text(&record, "/chart/metadata/name").to_owned(),
                chart_version: text(&record, "/chart/metadata/version").to_owned(),
                description: text(&record, "/info/description").to_owned(),
                name,
                namespace,
            });
        }
        Ok(releases)
    }

    /// Helm puts an object without a namespace into the release's, unless its kind has none.
    async fn place(&self, mut id: ObjectId, namespace: &str) -> Result<ObjectId, Failure> {
        if id.namespace.is_empty() {
            match self.kind(&id.api_version, &id.kind).await {
                Ok(kind) if kind.namespaced => namespace.clone_into(&mut id.namespace),
                Err(error) if !error.is_absent() => return Err(error.on("place", &id)),
                _ => {}
            }
        }
        Ok(id)
    }
}

/// The release in a record. An error says which layer does not unpack; it never shows content.
fn decode(secret: &Value) -> Result<Value, String> {
    let by_kubernetes = STANDARD.decode(text(secret, "/data/release")).map_err(|e| format!("its data is not base64: {e}"))?;
    let by_helm = STANDARD.decode(&by_kubernetes).map_err(|e| format!("its release is not base64: {e}"))?;
    // releases before Helm 3 were not packed
    let json = if by_helm.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(by_helm.as_slice()).take(LARGEST);
        reader.read_to_end(&mut unpacked).map_err(|e| format!("its release does not unpack: {e}"))?;
        unpacked
    } else {
        by_helm
    };
    serde_json::from_slice(&json).map_err(|e| format!("its release is not JSON (line {}, column {})", e.line(), e.column()))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
