use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;
use crate::forward::fake::{Fake, Pod, deaf, route};

struct Running {
    board: Board,
    address: String,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

async fn serve(fake: &Fake) -> Running {
    let board = Board::new(vec![route()], deaf());
    let bound = bind(&board).await.unwrap();
    let address = board.routes()[0].listens[0].clone();
    let cancel = CancellationToken::new();
    let task = tokio::spawn(run(fake.clone(), bound, cancel.clone()));
    Running { board, address, cancel, task }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }
}

async fn ask(stream: &mut TcpStream, question: &str, answer: &str) {
    stream.write_all(question.as_bytes()).await.unwrap();
    hear(stream, answer).await;
}

async fn hear(stream: &mut TcpStream, answer: &str) {
    let mut buffer = vec![0; answer.len()];
    stream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer), answer);
}

#[tokio::test]
async fn connections_go_to_the_ready_pods_in_turn() {
    let running = serve(&Fake::new(&[("a", Pod::Echoes), ("b", Pod::Echoes)])).await;
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    first.write_all(b"hi").await.unwrap();
    second.write_all(b"hi").await.unwrap();
    let mut heard = Vec::new();
    for stream in [&mut first, &mut second] {
        let mut buffer = [0; 4];
        stream.read_exact(&mut buffer).await.unwrap();
        heard.push(String::from_utf8(buffer.into()).unwrap());
    }
    heard.sort();
    assert_eq!(heard, ["a hi", "b hi"]);
    let status = &running.board.routes()[0];
    assert_eq!((status.open, status.total, status.failed, &status.last_error), (2, 2, 0, &None));
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let running = serve(&Fake::new(&[])).await;
    let listens = &running.board.routes()[0].listens;
    assert!(listens.iter().all(|a| a.parse::<SocketAddr>().unwrap().ip().is_loopback()), "{listens:?}");
}

#[tokio::test]
async fn a_pod_that_is_gone_is_passed_over_unnoticed() {
    let fake = Fake::new(&[("a", Pod::Unreachable), ("b", Pod::Echoes)]);
    let running = serve(&fake).await;
    ask(&mut running.connect().await, "hi", "b hi").await;
    assert_eq!(*fake.dialled.lock().unwrap(), ["a", "b"]);
    let status = &running.board.routes()[0];
    assert_eq!((status.failed, status.last_error.as_deref()), (0, Some("pod a port 80: pods \"a\" not found")));
}

#[tokio::test]
async fn a_pod_that_refuses_is_passed_over_and_the_request_repeated() {
    let running = serve(&Fake::new(&[("a", Pod::Refuses), ("b", Pod::Echoes)])).await;
    ask(&mut running.connect().await, "hi", "b hi").await;
    assert_eq!(running.board.routes()[0].failed, 0);
}

#[tokio::test]
async fn a_client_waits_for_the_first_pod_and_is_served_when_it_appears() {
    let fake = Fake::new(&[]);
    let running = serve(&fake).await;
    let mut client = running.connect().await;
    client.write_all(b"hi").await.unwrap();
    fake.set(&[("new", Pod::Echoes)]);
    hear(&mut client, "new hi").await;
}

#[tokio::test]
async fn pods_that_are_replaced_cost_no_new_connection() {
    let fake = Fake::new(&[("old", Pod::Echoes)]);
    let running = serve(&fake).await;
    ask(&mut running.connect().await, "hi", "old hi").await;
    // the watch is slower than the pod's end
    fake.set(&[("old", Pod::Unreachable)]);
    let mut client = running.connect().await;
    client.write_all(b"hi").await.unwrap();
    fake.set(&[("new", Pod::Echoes)]);
    hear(&mut client, "new hi").await;
    assert_eq!(running.board.routes()[0].failed, 0);
}

#[tokio::test]
async fn a_connection_cut_in_the_midst_is_reset_and_counted() {
    let running = serve(&Fake::new(&[("a", Pod::Breaks)])).await;
    let mut client = running.connect().await;
    client.write_all(b"POST").await.unwrap();
    let error = client.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let status = &running.board.routes()[0];
    assert_eq!((status.failed, status.last_error.as_deref()), (1, Some("pod a port 80: the websocket was cut")));
}

#[tokio::test]
async fn a_busy_port_is_named_with_what_to_do() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let board = Board::new(vec![Route { host: port, ..route() }], deaf());
    let failure = bind(&board).await.err().unwrap();
    let named = format!("cannot listen on 127.0.0.1:{port} for http (127.0.0.1:{port} to Service task-api/gateway:80)");
    assert_eq!(failure.what, named);
    assert_eq!(failure.hints, [format!("End the program that holds port {port}, or choose another port.")]);
}

#[tokio::test]
async fn a_cancel_ends_open_connections_and_frees_the_port() {
    let running = serve(&Fake::new(&[("a", Pod::Echoes)])).await;
    let mut client = running.connect().await;
    ask(&mut client, "hi", "a hi").await;
    running.cancel.cancel();
    running.task.await.unwrap();
    assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(&running.address).await.is_err(), "nobody listens any more");
    assert_eq!(running.board.routes()[0].open, 0);
}
