//! Requests of every shape. A new one is a row: what is special about it, and curl's arguments.

use super::{Beside, Side};
use crate::support::client::refilled;
use crate::support::{Sandbox, holds, part};

/// The headers whose values are moments; that they are there has to be equal.
const TIMES: [&str; 3] = ["date", "x-ratelimit-reset", "x-envoy-upstream-service-time"];

/// Differences that the two ways to run have by nature: the shape, and why. None is known.
const INHERENT: [(&str, &str); 0] = [];

const JSON: &str = "content-type: application/json";
const TASKS: &str = "http://localhost/api/tasks";

/// Each request is of a user of its own, `x-user-id: <number of the row>`, unless its row speaks of users.
#[derive(PartialEq)]
enum User {
    Own,
    AsGiven,
}
use User::{AsGiven, Own};

/// `@large` is a body of 100 kB, `@long` a header of 4 kB. What changes the tasks is asked of version 2, which has one replica
/// always, and `{task}` is the path of the one that was made there last.
const SHAPES: &[(&str, User, &[&str])] = &[
    // paths
    ("a list", Own, &[TASKS]),
    ("version 1", Own, &["http://localhost/api/v1/tasks"]),
    ("version 2", Own, &["http://localhost/api/v2/tasks"]),
    ("a version that is not there", Own, &["http://localhost/api/v3/tasks"]),
    ("the root", Own, &["http://localhost/"]),
    ("the API's own root, not routed", Own, &["http://localhost/api"]),
    ("the root of a version", Own, &["http://localhost/api/v2"]),
    ("health, not routed", Own, &["http://localhost/health"]),
    ("metrics, not routed", Own, &["http://localhost/metrics"]),
    ("readiness, not routed", Own, &["http://localhost/ready"]),
    ("a prefix that goes on without a slash", Own, &["http://localhost/api/tasksx"]),
    ("a slash at the end", Own, &["http://localhost/api/tasks/"]),
    ("two slashes at the start", Own, &["http://localhost//api/tasks"]),
    ("two slashes inside", Own, &["http://localhost/api//tasks"]),
    ("dots that lead back", Own, &["http://localhost/api/x/../tasks"]),
    ("a letter encoded", Own, &["http://localhost/api/%74asks"]),
    ("a slash encoded", Own, &["http://localhost/api%2Ftasks"]),
    ("a path in capitals", Own, &["http://localhost/API/TASKS"]),
    ("a path that is no UTF-8", Own, &["http://localhost/api/tasks/%ff"]),
    ("a long path", Own, &["http://localhost/api/tasks/0123456789012345678901234567890123456789012345678901234567890123456789"]),
    ("a task that is not there", Own, &["http://localhost/api/tasks/999999"]),
    ("a task whose id is no number", Own, &["http://localhost/api/v2/tasks/none"]),
    // query strings
    ("a page", Own, &["http://localhost/api/tasks?limit=2&cursor=0"]),
    ("a limit that is no number", Own, &["http://localhost/api/tasks?limit=many"]),
    ("a query without a name", Own, &["http://localhost/api/tasks?"]),
    ("a failure asked for", Own, &["http://localhost/api/tasks?status=503"]),
    ("another status asked for", Own, &["http://localhost/api/v2/tasks?status=418"]),
    ("an answer that comes late", Own, &["http://localhost/api/tasks?delay_ms=300"]),
    // methods
    ("HEAD", Own, &["--head", TASKS]),
    ("OPTIONS", Own, &["-X", "OPTIONS", TASKS]),
    ("PUT on the list", Own, &["-X", "PUT", "-H", JSON, "-d", "{}", TASKS]),
    ("DELETE on the list", Own, &["-X", "DELETE", TASKS]),
    ("PATCH of a task that is not there", Own, &["-X", "PATCH", "-H", JSON, "-d", r#"{"done":true}"#, "http://localhost/api/tasks/999999"]),
    ("DELETE of a task that is not there", Own, &["-X", "DELETE", "http://localhost/api/tasks/999999"]),
    ("a method of its own", Own, &["-X", "BREW", TASKS]),
    ("TRACE", Own, &["-X", "TRACE", TASKS]),
    // headers
    ("no user", AsGiven, &[TASKS]),
    ("a user without a name", AsGiven, &["-H", "x-user-id;", TASKS]),
    ("two users", AsGiven, &["-H", "x-user-id: one", "-H", "x-user-id: two", TASKS]),
    ("a user, oddly written", AsGiven, &["-H", "X-uSER-Id: odd", TASKS]),
    ("a user of a name with spaces", AsGiven, &["-H", "x-user-id: a b  c", TASKS]),
    ("another host", Own, &["-H", "host: example.com", TASKS]),
    ("a long header", Own, &["-H", "@long", TASKS]),
    ("a compressed answer asked for", Own, &["-H", "accept-encoding: gzip, br", TASKS]),
    ("Envoy's own headers, sent by a client", Own, &["-H", "x-envoy-max-retries: 9", "-H", "x-forwarded-for: 192.0.2.1", TASKS]),
    ("an upgrade that nobody offers", Own, &["-H", "connection: upgrade", "-H", "upgrade: websocket", TASKS]),
    ("a body that is waited for", Own, &["-X", "POST", "-H", "expect: 100-continue", "-H", JSON, "-d", "{", TASKS]),
    // versions of HTTP, and TLS
    ("HTTP/1.0", Own, &["--http1.0", TASKS]),
    ("HTTP/2 without TLS", Own, &["--http2-prior-knowledge", TASKS]),
    ("https, HTTP/2", Own, &["https://localhost/api/tasks"]),
    ("https, HTTP/1.1", Own, &["--http1.1", "https://localhost/api/v2/tasks"]),
    ("https, not routed", Own, &["https://localhost/health"]),
    ("three on one connection", Own, &[TASKS, "http://localhost/none", "http://localhost/api/v2/tasks"]),
    ("the last of a connection", Own, &["-H", "connection: close", TASKS]),
    // bodies
    ("a body that is no JSON", Own, &["-H", JSON, "-d", "{", TASKS]),
    ("a body of another type", Own, &["-H", "content-type: text/plain", "-d", "{}", TASKS]),
    ("no body", Own, &["-X", "POST", "-H", JSON, TASKS]),
    ("a task without a title", Own, &["-H", JSON, "-d", r#"{"title":""}"#, TASKS]),
    ("a body that is too large", Own, &["-H", JSON, "-H", "expect:", "--data-binary", "@large", TASKS]),
    ("a body in chunks", Own, &["-H", JSON, "-H", "transfer-encoding: chunked", "-d", "[]", "http://localhost/api/v2/tasks"]),
    ("a GET with a body", Own, &["-X", "GET", "-d", "{}", TASKS]),
    // the life of a task
    ("a new task", Own, &["-H", JSON, "-d", r#"{"title":"both"}"#, "http://localhost/api/v2/tasks"]),
    ("the task", Own, &["http://localhost{task}"]),
    ("the task, changed", Own, &["-X", "PATCH", "-H", JSON, "-d", r#"{"done":true}"#, "http://localhost{task}"]),
    ("the task, another in its place", Own, &["-X", "PUT", "-H", JSON, "-d", r#"{"title":"third"}"#, "http://localhost{task}"]),
    ("the task, deleted", Own, &["-X", "DELETE", "https://localhost{task}"]),
    ("the task, gone", Own, &["https://localhost{task}"]),
];

pub(super) fn each_gets_the_same_answer(on: &Beside<'_>) {
    part("requests of every shape, to both");
    let file = |name: &str, text: String| format!("@{}", on.sandbox.write(&format!("log/{name}"), &text).display());
    let large = file("large", format!(r#"{{"title":"{}"}}"#, "a".repeat(100_000)));
    let long = file("long", format!("x-long: {}", "a".repeat(4096)));
    // the checks of both have emptied it
    for side in [&on.host, &on.kind] {
        refilled(&side.tasks(), 10);
    }
    let mut differ = Vec::new();
    let mut tasks = ["none was made".to_owned(), "none was made".to_owned()];
    for (number, (what, user, args)) in SHAPES.iter().enumerate() {
        let id = format!("x-user-id: shape-{number}");
        let own: &[&str] = if *user == Own { &["-H", &id] } else { &[] };
        let [here, there] = [0, 1].map(|which| {
            let files = |arg: &&str| arg.replace("@large", &large).replace("@long", &long).replace("{task}", &tasks[which]);
            let args: Vec<String> = own.iter().chain(*args).map(files).collect();
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let answer = answer(on.sandbox, [&on.host, &on.kind][which], &args);
            if let Some(path) = answer.lines().find_map(|line| line.strip_prefix("location: ").filter(|path| path.contains("/v2/tasks/"))) {
                path.clone_into(&mut tasks[which]);
            }
            let answer = if *user == AsGiven { without_what_is_left(&answer) } else { answer };
            let id = tasks[which].rsplit('/').next().unwrap_or_default();
            let answer = answer.replace(&tasks[which], "{task}").replace(&format!("no task {id}\""), "no task {id}\"");
            // it depends on how much of the body has come when the answer goes out: Envoy then closes what it would have to read on
            if *what == "a body that is too large" { answer.replace("connection: close\n", "") } else { answer }
        });
        let first = here.lines().next().unwrap_or_default().to_owned();
        match INHERENT.iter().find(|(shape, _)| shape == what) {
            Some((_, why)) => holds(&format!("{what}: differs, since {why}"), here != there, || format!("it is no longer so:\n{here}")),
            None if here == there && here.starts_with("HTTP/") => println!("    ok  {what}: {first}"),
            None => differ.push(format!("{what}\n--- host\n{here}\n--- kind\n{there}\n")),
        }
    }
    holds("all are answered alike", differ.is_empty(), || differ.join("\n"));
}

/// The whole answer as it came, or what curl says of its absence, with moments and ids made equal.
fn answer(s: &Sandbox, side: &Side<'_>, args: &[&str]) -> String {
    let to = [("80", side.http), ("443", side.https)].map(|(port, real)| format!("localhost:{port}:127.0.0.1:{real}"));
    let fixed = ["-sS", "--include", "--path-as-is", "--max-time", "20", "--cacert", side.ca.to_str().unwrap()];
    let led = ["--connect-to", &to[0], "--connect-to", &to[1]];
    let said = s.run("curl", &[&fixed[..], &led[..], args].concat());
    let text = said.stdout + &said.stderr;
    text.lines().map(without_moments).collect::<Vec<_>>().join("\n")
}

/// The bucket of who names no user is shared, and refills while the requests run.
fn without_what_is_left(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("x-ratelimit-remaining: ")).collect::<Vec<_>>().join("\n")
}

fn without_moments(line: &str) -> String {
    let line = line.trim_end();
    if let Some((name, _)) = line.split_once(": ").filter(|(name, _)| TIMES.contains(name)) {
        return format!("{name}: …");
    }
    // a task's own; all three are as long on both sides
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(mut task) if task.get("created_at").is_some() => {
            for name in ["id", "created_at", "updated_at"] {
                task[name] = "…".into();
            }
            task.to_string()
        }
        _ => line.to_owned(),
    }
}
