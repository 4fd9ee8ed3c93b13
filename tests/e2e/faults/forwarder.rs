//! The forwarder, where a cluster maps no port: restarts behind it, clients that never finish, and connections by the thousand.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::load::{TASKS, restarts};
use super::row::Row;
use crate::support::client::{count, on_one_connection, user};
use crate::support::machine::Snapshot;
use crate::support::{Sandbox, holds, part, passes, same, told};
use crate::the_main_job::{all_green, checks, nothing_is_left};

const CLUSTER: &str = "tstack-e2e-forwarded";
const NAME: &str = "e2e-forwarder";

#[test]
#[ignore = "needs the test bed: make faults"]
fn the_forwarder_is_pressed() {
    let s = Sandbox::new("the_forwarder_is_pressed");
    let image = told::data(&s.tstack(NAME, &["plan", "--output", "json"]).well(), "plan")["steps"][0]["action"]["image"].clone();
    let before = Snapshot::take(&s);
    let kubeconfig = s.kind_cluster(CLUSTER, image.as_str().unwrap());
    let file = kubeconfig.to_str().unwrap().to_owned();
    let context = format!("kind-{CLUSTER}");
    let up = s.tstack(NAME, &["up", "--context", &context, "--kubeconfig", &file, "--output", "json"]).well();
    all_green(&up, checks());
    let status = told::data(&s.tstack(NAME, &["status", "--output", "json"]).well(), "status");
    same("a forwarder serves it", &status["exposures"][0]["path"], &json!("forwarder"));
    let pid = status["forwarder"]["pid"].as_i64().unwrap();
    let open = || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let calm = open();

    clients_that_never_finish();
    a_thousand_dropped(&open, calm);

    let mut row = Row::begin("5 minutes at 100 requests a second through the forwarder, every component restarted in turn");
    part("restarts behind it");
    let seen = restarts(&s, &kubeconfig, Duration::from_mins(5), &mut row);
    holds("no second passed without an answer", seen.gap < Duration::from_secs(1), || format!("{seen:#?}"));
    row.converged();
    drop(row);

    s.tstack(NAME, &["down"]).well();
    s.delete_kind_cluster(CLUSTER);
    std::fs::remove_file(&kubeconfig).unwrap();
    nothing_is_left(&before, &Snapshot::take(&s));
}

/// 200 clients that send a byte a second of a request that they never finish.
fn clients_that_never_finish() {
    let mut row = Row::begin("200 clients of the forwarder that never finish their request");
    part("clients that never finish");
    let mut slow: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(("127.0.0.1", 8080)).unwrap()).collect();
    row.struck();
    for byte in b"GET /api/t" {
        for client in &mut slow {
            client.write_all(&[*byte]).unwrap();
        }
        passes(Duration::from_secs(1));
        let answers = on_one_connection(TASKS, &user("patient"), 5);
        same("others are served meanwhile", &count(&answers, 200), &5);
    }
    // and one that finishes after all is answered
    let mut last = slow.pop().unwrap();
    last.write_all(b"asks HTTP/1.1\r\nhost: localhost:8080\r\nx-user-id: late\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    holds("one that finishes after all is answered", answer.starts_with("HTTP/1.1 200"), || answer.clone());
    row.converged();
}

/// 1,000 connections, opened and dropped, some of them in the middle of a request.
fn a_thousand_dropped(open: &dyn Fn() -> usize, calm: usize) {
    let mut row = Row::begin("1,000 connections to the forwarder opened and dropped");
    part("a thousand connections dropped");
    for number in 0..1000_u32 {
        let mut client = TcpStream::connect(("127.0.0.1", 8080)).unwrap();
        if number % 2 == 0 {
            client.write_all(b"GET /api/tasks HTTP/1.1\r\n").unwrap();
        }
        row.struck();
    }
    let answers = on_one_connection(TASKS, &user("after"), 20);
    same("who comes after is served", &count(&answers, 200), &20);
    let mut left = open();
    for _ in 0..30 {
        if left <= calm + 8 {
            break;
        }
        passes(Duration::from_secs(1));
        left = open();
    }
    holds(&format!("the forwarder has {left} files open, {calm} before"), left <= calm + 8, || "connections are kept".into());
    row.converged();
}
