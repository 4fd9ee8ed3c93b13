//! What is left of a stack, and what its clients notice, when one of its processes is killed.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tstack::supervise::{Client, ProcessState};
use tstack::world::http::{Connection, Limits, Target};

use crate::running::{PATIENCE, Running, stack};

/// What a bounded trickle of requests got: one every 20 ms over connections of their own.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) asked: u32,
    pub(crate) lost: Vec<String>,
    /// From the first loss to the last.
    pub(crate) gap: Duration,
}

/// Asks all the while, as many users.
pub(crate) fn trickle(port: u16) -> (CancellationToken, JoinHandle<Told>) {
    let stop = CancellationToken::new();
    let token = stop.clone();
    let task = tokio::spawn(async move {
        let target = Target::from_url(&format!("http://127.0.0.1:{port}/")).unwrap();
        let (mut told, mut first) = (Told::default(), None);
        let mut tick = interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !token.is_cancelled() && told.asked < 3000 {
            tick.tick().await;
            told.asked += 1;
            let user = format!("user-{}", told.asked);
            let asked = async {
                let headers = [("x-user-id".parse().unwrap(), user.parse().unwrap())].into_iter().collect();
                let mut connection = Connection::open(&target, None, Limits::default()).await.map_err(|e| e.to_string())?;
                connection.send(http::Method::GET, "/api/tasks", &headers).await.map_err(|e| e.to_string())
            };
            let why = match asked.await {
                Ok(answer) if answer.status.is_success() => continue,
                Ok(answer) => answer.status.to_string(),
                Err(why) => why,
            };
            let began = *first.get_or_insert_with(Instant::now);
            told.gap = began.elapsed();
            told.lost.push(why);
        }
        told
    });
    (stop, task)
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// Kills a process under a trickle of requests, and waits until it is there again and well.
async fn kill_and_wait(running: &Running, name: &str) -> Told {
    let before = running.process(name).await;
    let (stop, task) = trickle(running.port);
    let began = Instant::now();
    kill(before.pid.unwrap());
    loop {
        let now = running.process(name).await;
        let wanted = if name == "envoy-gateway" { ProcessState::Ready } else { before.state };
        if now.restarts > before.restarts && now.state == wanted && now.pid.is_some() && running.get("/api/tasks", "after").await == Ok(200)
        {
            assert_eq!(now.last_end.as_deref(), Some("killed by signal 9 (SIGKILL)"));
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{now:?}\n{}", running.logs());
        tokio::task::yield_now().await;
    }
    let recovered = began.elapsed();
    stop.cancel();
    let told = task.await.unwrap();
    eprintln!(
        "{name}: back after {recovered:?}; of {} requests {} lost in {:?}: {:?}",
        told.asked,
        told.lost.len(),
        told.gap,
        told.lost.first()
    );
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_envoy_gateway_costs_no_request() {
    let Some(running) = stack().await else { return };
    let told = kill_and_wait(&running, "envoy-gateway").await;
    assert!(told.lost.is_empty(), "{told:?}");
    // and Envoy hears of changes again: a limit of one request
    let (component, mut objects) =
        running.objects().into_iter().find(|(_, all)| all.iter().any(|o| o.id.kind == "BackendTrafficPolicy")).unwrap();
    let policy = objects.iter_mut().find(|object| object.id.kind == "BackendTrafficPolicy").unwrap();
    policy.value["spec"]["rateLimit"]["local"]["rules"][0]["limit"]["requests"] = 1.into();
    running.client.apply(&component, &objects).await.unwrap();
    let began = Instant::now();
    running.until_ready(&[(component, objects)]).await.unwrap_or_else(|failure| panic!("{failure:#?}\n{}", running.logs()));
    for user in 0.. {
        let name = format!("after-{user}");
        let codes = [running.get("/api/tasks", &name).await, running.get("/api/tasks", &name).await];
        if codes == [Ok(200), Ok(429)] {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{codes:?}\n{}", running.logs());
        tokio::task::yield_now().await;
    }
    eprintln!("a change is in force {:?} after it was applied", began.elapsed());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_launcher_brings_envoy_gateway_back_with_another_and_costs_no_request() {
    let Some(running) = stack().await else { return };
    let gateway = running.process("envoy-gateway").await;
    let children = fs_err::read_to_string(format!("/proc/{0}/task/{0}/children", gateway.pid.unwrap())).unwrap_or_default();
    let threads = fs_err::read_dir(format!("/proc/{}/task", gateway.pid.unwrap())).unwrap();
    let lists = threads.map(|thread| fs_err::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default());
    let launcher = lists.chain([children]).find_map(|list| list.split_whitespace().next().and_then(|word| word.parse().ok())).unwrap();
    let (stop, task) = trickle(running.port);
    let began = Instant::now();
    kill(launcher);
    loop {
        let now = running.process("envoy-gateway").await;
        if now.pid.is_some() && now.pid != gateway.pid && now.state == ProcessState::Ready {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{now:?}\n{}", running.logs());
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let told = task.await.unwrap();
    eprintln!("the launcher: another after {:?}; of {} requests {} lost", began.elapsed(), told.asked, told.lost.len());
    assert!(told.lost.is_empty(), "{told:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_envoy_comes_back_with_its_listeners() {
    let Some(running) = stack().await else { return };
    kill_and_wait(&running, "envoy/").await;
    assert_eq!(running.get("/api/tasks", "someone").await, Ok(200));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_of_the_stack_comes_back_at_its_port() {
    let Some(running) = stack().await else { return };
    kill_and_wait(&running, "task-api/task-api/").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_a_killed_supervisor_and_another_begins_anew() {
    let Some(running) = stack().await else { return };
    let status = running.status().await;
    kill(status.pid);
    let began = Instant::now();
    for pid in status.processes.iter().filter_map(|process| process.pid) {
        while Path::new(&format!("/proc/{pid}/exe")).exists() {
            assert!(began.elapsed() < PATIENCE, "process {pid} outlives its supervisor");
            tokio::task::yield_now().await;
        }
    }
    eprintln!("all children ended {:?} after their supervisor", began.elapsed());
    let again = Client::start(&running.state(), running.spec(), Path::new(env!("CARGO_BIN_EXE_tstack"))).await.unwrap();
    let objects = running.objects();
    for (component, objects) in &objects {
        again.apply(component, objects).await.unwrap();
    }
    running.until_ready(&objects).await.unwrap_or_else(|failure| panic!("{failure:#?}\n{}", running.logs()));
    assert_eq!(running.get("/api/tasks", "someone").await, Ok(200));
    running.end().await;
}
