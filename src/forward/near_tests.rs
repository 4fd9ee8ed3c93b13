use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::net::TcpListener;

use super::*;
use crate::forward::carry::{Carried, Held, carry};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A pod that has heard four bytes and said four.
async fn answered(listener: &TcpListener) -> (TcpStream, [u8; 4]) {
    let (mut pod, _) = listener.accept().await.unwrap();
    let mut heard = [0; 4];
    pod.read_exact(&mut heard).await.unwrap();
    pod.write_all(b"pong").await.unwrap();
    (pod, heard)
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_pods_close_reaches_the_client_at_once() {
    let (listener, address) = listener().await;
    let pod = tokio::spawn(async move { answered(&listener).await.1 });
    let tunnel = straight(address).await.unwrap();
    let (mut client, mut ours) = duplex(64);
    let carried = tokio::spawn(async move { carry(&mut ours, tunnel, &mut Held::default()).await });
    client.write_all(b"ping").await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!((&pod.await.unwrap(), answer.as_slice()), (b"ping", &b"pong"[..]));
    assert_eq!(carried.await.unwrap(), Carried::Done);
}

#[tokio::test]
async fn a_client_that_has_its_answer_and_goes_is_missed_by_the_pod_at_once() {
    let (listener, address) = listener().await;
    let pod = tokio::spawn(async move {
        let (mut pod, mut heard) = answered(&listener).await;
        pod.read(&mut heard).await.unwrap()
    });
    let tunnel = straight(address).await.unwrap();
    let (mut client, mut ours) = duplex(64);
    let carried = tokio::spawn(async move { carry(&mut ours, tunnel, &mut Held::default()).await });
    client.write_all(b"ping").await.unwrap();
    client.read_exact(&mut [0; 4]).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(pod.await.unwrap(), 0);
    assert_eq!(carried.await.unwrap(), Carried::Done);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_its_sending_half_still_gets_the_answer_and_the_pod_hears_no_end_before_it() {
    let (io, mut far) = duplex(64);
    let tunnel = Tunnel { io: Box::new(io), end: Box::pin(std::future::pending()), halves: true };
    let pod = tokio::spawn(async move {
        let mut heard = [0; 64];
        let asked = far.read(&mut heard).await.unwrap();
        // as Envoy does it: an end of the client would be the end of its request
        let more = timeout(Duration::from_secs(5), far.read(&mut heard)).await;
        far.write_all(b"answer").await.unwrap();
        (asked, more.is_err())
    });
    let (mut client, mut ours) = duplex(64);
    let carried = tokio::spawn(async move { carry(&mut ours, tunnel, &mut Held::default()).await });
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!((pod.await.unwrap(), answer.as_slice()), ((8, true), &b"answer"[..]));
    assert_eq!(carried.await.unwrap(), Carried::Done);
}

#[tokio::test]
async fn a_node_port_without_any_pod_leaves_the_way_through_the_api_server() {
    let (listener, address) = listener().await;
    drop(listener);
    assert!(straight(address).await.is_none());
}

#[test]
fn a_nodes_address_is_the_one_inside_the_cluster() {
    let node = |addresses| serde_json::from_value::<Node>(serde_json::json!({"metadata": {}, "status": {"addresses": addresses}})).unwrap();
    let both = node(serde_json::json!([{"type": "Hostname", "address": "a"}, {"type": "InternalIP", "address": "172.18.0.2"}]));
    assert_eq!(address_of(&both), Some(IpAddr::from([172, 18, 0, 2])));
    assert_eq!(address_of(&node(serde_json::json!([{"type": "Hostname", "address": "a"}]))), None);
}
