//! Requests from this machine, one connection at a time and fully under control, or by `curl` as a user types it.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tstack::world::http::{Answer, Connection, Limits, Target};

use super::Sandbox;

/// Headers that tell users apart.
pub(crate) fn user(name: &str) -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("x-user-id"), HeaderValue::from_str(name).unwrap())])
}

/// GETs one after the other on one kept-alive connection.
pub(crate) fn on_one_connection(url: &str, headers: &HeaderMap, count: usize) -> Vec<Answer> {
    let target = Target::from_url(url).unwrap();
    runtime().block_on(async {
        let mut connection = Connection::open(&target, None, Limits::default()).await.unwrap();
        let mut answers = Vec::new();
        for _ in 0..count {
            let answer = connection.send(Method::GET, &target.path, headers).await.unwrap();
            assert!(answer.reusable, "the connection was not kept alive: {answer:?}");
            answers.push(answer);
        }
        answers
    })
}

/// GETs that are in flight together, each on a connection of its own that is open before the first is sent.
pub(crate) fn at_once(url: &str, count: usize) -> Vec<Answer> {
    let target = Target::from_url(url).unwrap();
    runtime().block_on(async {
        let open = (0..count).map(|_| Connection::open(&target, None, Limits::default()));
        let open = futures::future::try_join_all(open).await.unwrap();
        let sent = open.into_iter().enumerate().map(|(number, mut connection)| {
            let target = &target;
            async move { connection.send(Method::GET, &target.path, &user(&format!("slow-{number}"))).await.unwrap() }
        });
        futures::future::join_all(sent).await
    })
}

/// Waits until the bucket of who names no user is full again. The answer's header says what is left, and its rate is known, so the
/// wait for it is computed and not guessed.
pub(crate) fn refilled(url: &str, limit: u64) {
    let left = |answer: &Answer| answer.header("x-ratelimit-remaining").and_then(|text| text.parse::<u64>().ok());
    let first = on_one_connection(url, &HeaderMap::new(), 1).remove(0);
    let missing = limit - left(&first).expect("the limiter tells what is left");
    runtime().block_on(async {
        let mut seconds = tokio::time::interval(std::time::Duration::from_secs(1));
        for _ in 0..=missing * 60 / limit {
            seconds.tick().await;
        }
    });
}

/// How often each status came.
pub(crate) fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}

/// curl: the status, and the body.
pub(crate) fn curl(sandbox: &Sandbox, args: &[&str]) -> (u16, String) {
    let said = sandbox.run("curl", &[&["-sS", "--max-time", "20", "-w", "\n%{http_code}"], args].concat());
    let (body, status) = said.stdout.trim_end().rsplit_once('\n').unwrap_or(("", "0"));
    (status.parse().unwrap_or(0), if said.code == Some(0) { body.to_owned() } else { said.all() })
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
