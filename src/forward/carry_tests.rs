use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;

use super::*;
use crate::forward::fake::tunnel;

/// A client's two ends: the test's, and the one that is carried.
fn client() -> (DuplexStream, DuplexStream) {
    duplex(1024)
}

fn broken() -> End {
    End::Broken("the websocket was cut".into())
}

fn refused() -> End {
    End::Refused("connect: connection refused".into())
}

async fn hear(from: &mut DuplexStream, text: &str) {
    let mut buffer = vec![0; text.len()];
    from.read_exact(&mut buffer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer), text);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_half_closes_still_gets_its_answer() {
    let (mut me, mut carried) = client();
    let (tunnel, mut pod) = tunnel(None);
    let mut held = Held::default();
    let test = async {
        me.write_all(b"GET").await.unwrap();
        me.shutdown().await.unwrap();
        hear(&mut pod, "GET").await;
        // the pod thinks for half a minute
        let _ = timeout(ANSWER / 2, std::future::pending::<()>()).await;
        pod.write_all(b"200").await.unwrap();
        hear(&mut me, "200").await;
    };
    let (carried, ()) = tokio::join!(carry(&mut carried, tunnel, &mut held), test);
    assert_eq!(carried, Carried::Done);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_left_after_its_answer_frees_the_tunnel_soon() {
    let (mut me, mut carried) = client();
    let (tunnel, mut pod) = tunnel(None);
    let mut held = Held::default();
    let test = async {
        me.write_all(b"GET").await.unwrap();
        hear(&mut pod, "GET").await;
        pod.write_all(b"200").await.unwrap();
        hear(&mut me, "200").await;
        me.shutdown().await.unwrap();
        let left = Instant::now();
        assert_eq!(pod.read(&mut [0]).await.unwrap(), 0, "the pod sees the end");
        left.elapsed()
    };
    let (carried, took) = tokio::join!(carry(&mut carried, tunnel, &mut held), test);
    assert_eq!((carried, took.as_millis()), (Carried::Done, LINGER.as_millis()));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_closes_ends_the_client_in_order() {
    let (mut me, mut carried) = client();
    let (tunnel, mut pod) = tunnel(None);
    pod.write_all(b"bye").await.unwrap();
    drop(pod);
    assert_eq!(carry(&mut carried, tunnel, &mut Held::default()).await, Carried::Done);
    hear(&mut me, "bye").await;
    assert_eq!(me.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_to_a_pod_that_refused_is_said_again_to_the_next() {
    let (mut me, mut carried) = client();
    let mut held = Held::default();
    me.write_all(b"GET").await.unwrap();
    let (first, pod) = tunnel(None);
    let end = async move {
        // the words went out before the refusal came back
        let mut pod = pod;
        hear(&mut pod, "GET").await;
        refused()
    };
    let first = Tunnel { end: Box::pin(end), ..first };
    assert_eq!(carry(&mut carried, first, &mut held).await, Carried::Retry(refused()));
    let (second, mut pod) = tunnel(None);
    let test = async {
        hear(&mut pod, "GET").await;
        me.write_all(b"+more").await.unwrap();
        hear(&mut pod, "+more").await;
        drop(pod);
    };
    assert_eq!(tokio::join!(carry(&mut carried, second, &mut held), test).0, Carried::Done);
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_that_breaks_before_a_word_was_said_is_replaced() {
    let (_me, mut carried) = client();
    let (tunnel, _pod) = tunnel(Some(broken()));
    assert_eq!(carry(&mut carried, tunnel, &mut Held::default()).await, Carried::Retry(broken()));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_have_arrived_is_never_sent_twice() {
    let (mut me, mut carried) = client();
    me.write_all(b"POST").await.unwrap();
    let (io, mut pod) = duplex(64);
    let end = async move {
        hear(&mut pod, "POST").await;
        broken()
    };
    let tunnel = Tunnel { io: Box::new(io), end: Box::pin(end), halves: false };
    assert_eq!(carry(&mut carried, tunnel, &mut Held::default()).await, Carried::Cut("the websocket was cut".into()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_begun_is_not_begun_again() {
    let (mut me, mut carried) = client();
    let (io, mut pod) = duplex(64);
    pod.write_all(b"HTTP/1.1 200").await.unwrap();
    let end = async move {
        drop(pod);
        refused()
    };
    let tunnel = Tunnel { io: Box::new(io), end: Box::pin(end), halves: false };
    assert_eq!(carry(&mut carried, tunnel, &mut Held::default()).await, Carried::Cut("connect: connection refused".into()));
    hear(&mut me, "HTTP/1.1 200").await;
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_that_breaks_after_the_client_left_cuts_nobody() {
    let (mut me, mut carried) = client();
    let (io, mut pod) = duplex(64);
    let (left, leave) = tokio::sync::oneshot::channel::<()>();
    let end = async {
        let _ = leave.await;
        broken()
    };
    let tunnel = Tunnel { io: Box::new(io), end: Box::pin(end), halves: false };
    let mut held = Held::default();
    let test = async {
        me.write_all(b"GET").await.unwrap();
        hear(&mut pod, "GET").await;
        pod.write_all(b"200").await.unwrap();
        hear(&mut me, "200").await;
        me.shutdown().await.unwrap();
        tokio::task::yield_now().await;
        left.send(()).unwrap();
    };
    assert_eq!(tokio::join!(carry(&mut carried, tunnel, &mut held), test).0, Carried::Done);
}

#[test]
fn words_that_are_too_many_to_keep_are_not_said_again() {
    let mut held = Held::default();
    held.keep(&vec![0; HELD]);
    assert!(held.may_retry(&refused()));
    held.keep(&[0]);
    assert!(!held.may_retry(&refused()));
    held.keep(&[0]);
    assert!(held.bytes.is_empty(), "a part would be worse than nothing");
}

#[tokio::test(start_paused = true)]
async fn both_directions_flow_at_once_whole_and_in_order() {
    const SIZE: usize = 3 * 1024 * 1024;
    let pattern = |salt: usize| (0..SIZE).map(|i| u8::try_from((i * 31 + i / 251 + salt) % 256).unwrap()).collect::<Vec<_>>();
    let (me, mut carried) = client();
    let (tunnel, pod) = tunnel(None);
    let talk = |io: DuplexStream, say: Vec<u8>, expect: Vec<u8>| async move {
        let (mut from, mut to) = tokio::io::split(io);
        let mut got = vec![0; SIZE];
        let (said, heard) = tokio::join!(to.write_all(&say), from.read_exact(&mut got));
        said.unwrap();
        heard.unwrap();
        assert!(got == expect, "bytes were changed on their way");
    };
    let mut held = Held::default();
    let (carried, (), ()) =
        tokio::join!(carry(&mut carried, tunnel, &mut held), talk(me, pattern(1), pattern(2)), talk(pod, pattern(2), pattern(1)));
    assert_eq!(carried, Carried::Done);
}
