//! The program itself: its flags, its configuration, and how it goes away.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_task-api"));
    command.env_clear();
    command
}

/// A running service, killed when the test is over.
struct Running {
    child: Child,
    events: BufReader<ChildStdout>,
    address: String,
}

impl Running {
    fn start(drain_seconds: &str) -> Self {
        let mut command = program();
        command.env("HOST", "127.0.0.1").env("PORT", "0").env("DRAIN_SECONDS", drain_seconds);
        command.stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        let mut running = Self { child, events, address: String::new() };
        let listening = running.event("listening");
        listening["address"].as_str().unwrap().clone_into(&mut running.address);
        assert!(running.address.starts_with("127.0.0.1:"), "{}", running.address);
        running
    }

    /// Waits for the next event, which has to be this one.
    fn event(&mut self, name: &str) -> Value {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["event"], name, "{event}");
        event
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
        stream
    }

    fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(stream: &mut TcpStream, path: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
}

/// Reads one answer: its head in lower case, and its body.
fn answer(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "cut off after {head:?}");
    }
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// Asks until the service says that `count` requests are in flight.
fn wait_for_in_flight(stream: &mut TcpStream, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(4);
    let wanted = format!("}} {count}");
    loop {
        ask(stream, "/metrics");
        let (_, metrics) = answer(stream);
        let mut gauge = metrics.lines().filter(|line| line.starts_with("http_requests_in_flight{"));
        if gauge.any(|line| line.ends_with(&wanted)) {
            return;
        }
        assert!(Instant::now() < deadline, "{metrics}");
    }
}

#[test]
fn sigterm_refuses_the_new_and_finishes_the_old() {
    let mut service = Running::start("30");
    let mut kept = service.connect();
    ask(&mut kept, "/ready");
    assert!(answer(&kept).0.starts_with("http/1.1 200"));
    let mut slow = service.connect();
    ask(&mut slow, "/api/v1/tasks?delay_ms=500");
    wait_for_in_flight(&mut kept, 1);

    service.terminate();
    assert_eq!(service.event("draining")["in_flight"], 1);
    let refused = TcpStream::connect(&service.address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    ask(&mut kept, "/ready");
    let (head, body) = answer(&kept);
    assert!(head.starts_with("http/1.1 503") && head.contains("connection: close"), "{head}");
    assert!(body.contains("draining"), "{body}");

    let (head, body) = answer(&slow);
    assert!(head.starts_with("http/1.1 200") && body.contains(r#""version":"v1""#), "{head}{body}");
    service.event("drained");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_idle_connection_does_not_hold_the_process() {
    let mut service = Running::start("30");
    let mut kept = service.connect();
    ask(&mut kept, "/ready");
    answer(&kept);
    service.terminate();
    assert_eq!(service.event("draining")["in_flight"], 0);
    service.event("drained");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    assert_eq!(kept.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_request_that_takes_too_long_is_left_behind() {
    let mut service = Running::start("0");
    let mut slow = service.connect();
    ask(&mut slow, "/api/tasks?delay_ms=30000");
    wait_for_in_flight(&mut service.connect(), 1);
    service.terminate();
    service.event("draining");
    assert_eq!(service.event("drain time over")["in_flight"], 1);
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn flags_and_bad_configuration() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let Output { status, stdout, .. } = program().arg("--version").output().unwrap();
    assert_eq!((status.code(), text(stdout).trim()), (Some(0), "task-api 0.1.0"));
    let Output { status, stdout, .. } = program().arg("--help").output().unwrap();
    assert_eq!((status.code(), text(stdout).contains("DRAIN_SECONDS")), (Some(0), true));
    let Output { status, stderr, .. } = program().arg("--nope").output().unwrap();
    assert_eq!((status.code(), text(stderr).contains("`--nope`")), (Some(2), true));

    let bad = program().env("PORT", "http").env("DRAIN_SECONDS", "soon").output().unwrap();
    let stderr = text(bad.stderr);
    assert_eq!((bad.status.code(), stderr.lines().count()), (Some(2), 2), "{stderr}");
    assert!(stderr.starts_with("task-api: PORT must be a number from 0 to 65535"), "{stderr}");
}

#[test]
fn a_taken_port_is_an_error() {
    let service = Running::start("0");
    let port = service.address.rsplit(':').next().unwrap();
    let taken = program().env("PORT", port).output().unwrap();
    let stderr = String::from_utf8(taken.stderr).unwrap();
    assert_eq!(taken.status.code(), Some(1));
    assert!(stderr.contains(&format!("cannot listen on port {port}")), "{stderr}");
}
