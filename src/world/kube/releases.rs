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
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use super::Cluster;
use crate::failure::Failure;
use crate::stack::ObjectId;

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
    pub async fn releases(&self) -> Result<Vec<Release>, Failure> {
        self.releases_in(None, "owner=helm").await
    }

    /// The newest revision of one Helm release, `None` where there is none.
    pub async fn release(&self, namespace: &str, name: &str) -> Result<Option<Release>, Failure> {
        Ok(self.releases_in(Some(namespace), &format!("owner=helm,name={name}")).await?.pop())
    }

    async fn releases_in(&self, namespace: Option<&str>, labels: &str) -> Result<Vec<Release>, Failure> {
        let params = ListParams::default().labels(labels).fields("type=helm.sh/release.v1");
        let listed = self.select("v1", "Secret", namespace, &params).await;
        let secrets = listed.map_err(|e| e.failure("cannot list what Helm has installed"))?;
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
            let ids: Result<Vec<ObjectId>, _> =
                crate::yaml::parse_each(&record.manifest).map(|object| object.map(|object| ObjectId::of(&object))).collect();
            let mut manifest = Vec::new();
            for id in ids.map_err(|e| Failure::step(what()).because(&e))? {
                manifest.push(self.place(id, &namespace).await?);
            }
            releases.push(Release {
                revision,
                manifest,
                // the label is what Helm goes by: it is written first
                status: text(&secret, "/metadata/labels/status").to_owned(),
                chart: record.chart.metadata.name,
                chart_version: record.chart.metadata.version,
                description: record.info.description,
                name,
                namespace,
            });
        }
        Ok(releases)
    }

    /// Deletes the newest revision of a release where it is pending: Helm was ended while it worked on it, and would refuse
    /// every other operation. What it had made stays and is taken over by the next install.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn drop_pending_revision(&self, namespace: &str, name: &str) -> Result<(), Failure> {
        let Some(release) = self.release(namespace, name).await?.filter(|r| r.status.starts_with("pending")) else { return Ok(()) };
        let secret = format!("sh.helm.release.v1.{name}.v{}", release.revision);
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        self.delete_all(&[ObjectId::new("v1", "Secret", namespace, secret)], deadline, &|_| ()).await
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

/// What is read of a release's record; its chart's files are most of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Record {
    manifest: String,
    chart: ChartRecord,
    info: InfoRecord,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChartRecord {
    metadata: ChartMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChartMetadata {
    name: String,
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InfoRecord {
    description: String,
}

/// The release in a record. An error says which layer does not unpack; it never shows content.
fn decode(secret: &Value) -> Result<Record, String> {
    let by_kubernetes = STANDARD.decode(text(secret, "/data/release")).map_err(|e| format!("its data is not base64: {e}"))?;
    let by_helm = STANDARD.decode(&by_kubernetes).map_err(|e| format!("its release is not base64: {e}"))?;
    // releases before Helm 3 were not packed
    let read = if by_helm.starts_with(&[0x1f, 0x8b]) {
        let unpacked = flate2::read::GzDecoder::new(by_helm.as_slice()).take(LARGEST);
        serde_json::from_reader(std::io::BufReader::new(unpacked))
    } else {
        serde_json::from_slice(&by_helm)
    };
    read.map_err(|e| match e.classify() {
        Category::Io => format!("its release does not unpack: {e}"),
        _ => format!("its release is not JSON (line {}, column {})", e.line(), e.column()),
    })
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
