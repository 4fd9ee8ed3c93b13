use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{cluster, list};

fn record(revision: u32, status: &str, description: &str) -> Value {
    let release = json!({
        "name": "keda", "version": revision, "info": {"status": status, "description": description},
        "chart": {"metadata": {"name": "keda", "version": "2.21.0"}},
        "manifest": "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: keda-operator}\n---\n# empty\n---\n\
                     apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n",
    });
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(release.to_string().as_bytes()).unwrap();
    let data = STANDARD.encode(STANDARD.encode(packed.finish().unwrap()));
    json!({
        "type": "helm.sh/release.v1", "data": {"release": data},
        "metadata": {
            "name": format!("sh.helm.release.v1.keda.v{revision}"), "namespace": "keda",
            "labels": {"owner": "helm", "name": "keda", "status": status, "version": revision.to_string()},
        },
    })
}

#[tokio::test]
async fn the_newest_revision_of_a_release_is_read() {
    let (cluster, log) = cluster(|_| list(&[record(9, "superseded", "old"), record(10, "pending-upgrade", "tstack abc")]));
    let releases = cluster.releases().await.unwrap();
    let [keda] = releases.as_slice() else { panic!("{releases:?}") };
    assert_eq!((keda.revision, keda.status.as_str()), (10, "pending-upgrade"));
    assert_eq!((keda.chart.as_str(), keda.chart_version.as_str(), keda.description.as_str()), ("keda", "2.21.0", "tstack abc"));
    let objects: Vec<String> = keda.manifest.iter().map(ToString::to_string).collect();
    assert_eq!(objects, ["Deployment keda/keda-operator", "Namespace x"], "the release's namespace where the kind has one");
    assert!(log.lock().unwrap()[0].query.contains("owner%3Dhelm"));
}

#[tokio::test]
async fn a_broken_record_is_named_and_its_content_is_not_shown() {
    let (cluster, _) = cluster(|_| {
        let mut broken = record(1, "deployed", "");
        broken["data"]["release"] = json!(STANDARD.encode(STANDARD.encode("{secret")));
        list(&[broken])
    });
    let failure = cluster.releases().await.unwrap_err();
    assert_eq!(failure.what, "cannot read Helm's record of release keda/keda, revision 1");
    assert_eq!(failure.why, ["its release is not JSON (line 1, column 2)"]);
}
