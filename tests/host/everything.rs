//! One of each kind that Envoy Gateway reads (`tests/fixtures/host`): what `src/host` takes for granted of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::time::Instant;
use tstack::host::{self, Image, Surroundings};
use tstack::stack::{Exposure, Object, ObjectId, ServiceFile};
use tstack::supervise::{Client, Spec};
use tstack::world::http::{Connection, Limits, Target};

use crate::running::{PATIENCE, free_ports, judge, programs};

const TEXT: &str = include_str!("../fixtures/host/everything.yaml");

fn objects() -> Vec<(String, Object)> {
    let nodes = tstack::yaml::parse_nodes(TEXT).unwrap();
    nodes.iter().map(|node| ("everything".to_owned(), Object::new(node.to_value()))).collect()
}

fn spec(gateway: PathBuf, envoy: PathBuf, program: PathBuf, ports: [u16; 3]) -> Spec {
    let exposure = |(host, port): (u16, u16)| {
        let service = ServiceFile { namespace: "envoy-gateway-system".into(), name: "edge".into(), port, node_port: None };
        Exposure { name: port.to_string(), url: format!("http://127.0.0.1:{host}/"), host, service }
    };
    let image = Image { program, env: BTreeMap::new() };
    Spec {
        gateway,
        envoy,
        envoy_version: "1.39.1".into(),
        prometheus: None,
        images: BTreeMap::from([("localhost/app:1".into(), image)]),
        exposures: ports.into_iter().zip([80, 9000, 9443]).map(exposure).collect(),
    }
}

/// The status of one request with a login, and what was said.
async fn get(port: u16, path: &str, login: &str) -> (u16, String) {
    let target = Target::from_url(&format!("http://127.0.0.1:{port}/")).unwrap();
    let mut connection = Connection::open(&target, None, Limits::default()).await.unwrap();
    let headers = [("authorization".parse().unwrap(), login.parse().unwrap())].into_iter().collect();
    let answer = connection.send(http::Method::GET, path, &headers).await.unwrap();
    (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_gateway_accepts_one_of_each_kind_and_envoy_does_what_they_say() {
    let Some((gateway, envoy)) = programs() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (state, program) = (folder.path().join("state"), folder.path().join("app"));
    fs_err::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/task-api/bin/linux-amd64/task-api"), &program).unwrap();
    let ports = free_ports::<3>();
    let port = ports[0];
    let spec = spec(gateway, envoy, program, ports);
    let around = Surroundings { expose: spec.exposures.clone(), images: spec.images.clone(), ..Surroundings::default() };
    let left_out = host::layout(&objects(), &around).left_out;
    let objects: Vec<Object> = objects().into_iter().map(|(_, object)| object).collect();
    assert!(left_out.iter().all(|one| one.part.is_some()), "{left_out:?}");

    let client = Client::start(&state, &spec, Path::new(env!("CARGO_BIN_EXE_tstack"))).await.unwrap();
    client.apply("everything", &objects).await.unwrap();
    let ids: Vec<ObjectId> = objects.iter().map(|object| object.id.clone()).collect();
    let ready = client.await_ready(&ids, judge, Instant::now() + PATIENCE, &|_| ()).await;
    ready.unwrap_or_else(|failure| panic!("{failure:#?}"));

    let login = "Basic Zm9vOnBhc3N3b3Jk"; // foo:password
    assert_eq!(get(port, "/idle", "").await.0, 401, "the users are in a Secret of text");
    assert_eq!(get(port, "/idle", login).await.0, 503, "nobody is behind that Service");
    let (status, said) = get(port, "/other", login).await;
    assert!(status == 404 && said.contains("nothing is served at /other"), "a program of another namespace: {said}");
    assert_eq!(get(port, "/busy", login).await, (503, "<p>busy</p>".to_owned()), "the text is in a ConfigMap");
    let mut answered = BTreeMap::new();
    for _ in 0..80 {
        *answered.entry(get(port, "/cart", login).await.0).or_insert(0) += 1;
    }
    assert_eq!(answered.keys().collect::<Vec<_>>(), [&404, &503], "three of four go to the program, the others to nobody: {answered:?}");
    assert!(Client::stop(&state).await.unwrap());
}
