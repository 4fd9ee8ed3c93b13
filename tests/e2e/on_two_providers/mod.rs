//! The same stack file, as a kind cluster and as processes of this machine, side by side: what the one says the other says too.

mod edits;
mod limits;
mod shapes;

use std::net::TcpListener;
use std::path::PathBuf;

use tstack::event::{CheckReport, Event};

use crate::support::machine::{listeners, processes};
use crate::support::program::Said;
use crate::support::{Sandbox, holds, part, same, told};

const HOST: &str = "e2e-host";

/// Checks whose `seen` has measured numbers: how many requests were counted by then, or got through beside others.
const MEASURED: [&str; 3] = ["requests are counted", "scaler's query has a value", "circuit breaker"];

/// One stack that runs.
struct Side<'a> {
    name: &'a str,
    http: u16,
    https: u16,
    /// What `tstack up` is told besides the stack file.
    args: Vec<String>,
    ca: PathBuf,
}

/// The stack as processes, beside one in a cluster.
pub(crate) struct Beside<'a> {
    sandbox: &'a Sandbox,
    kind: Side<'a>,
    host: Side<'a>,
    checks: Vec<CheckReport>,
    before: Vec<i32>,
}

impl<'a> Beside<'a> {
    /// Brings the stack up as processes, while the cluster `name` serves it at 8080 and 8443.
    pub(crate) fn up(s: &'a Sandbox, name: &'a str) -> Self {
        part("the same stack file as processes of this machine, beside the cluster");
        let before = processes(s).into_iter().map(|(pid, _)| pid).collect();
        let kind = Side { name, http: 8080, https: 8443, args: Vec::new(), ca: s.folder(name).join("ca.crt") };
        let [http, https] = free_ports();
        let args =
            ["--provider", "host", "--set", &format!("parameters.httpPort={http}"), "--set", &format!("parameters.httpsPort={https}")];
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let host = Side { name: HOST, http, https, args, ca: s.folder(HOST).join("ca.crt") };
        let up = host.up(s, &["--output", "json"]).well();
        println!("{}", told::times(&up));
        let checks = told::checks(&up);
        it_says_what_it_leaves_out(&up);
        Self { sandbox: s, kind, host, checks, before }
    }

    /// Every check that both made came out the same, in the same words; what was not made here says why.
    pub(crate) fn the_verdicts_are_equal(&self, verified: &Said) {
        part("both verdicts");
        let on_kind = told::checks(verified);
        let mut made = 0;
        for here in &self.checks {
            let there = on_kind.iter().find(|check| check.name == here.name).unwrap_or_else(|| panic!("kind has no {}", here.name));
            if let Some(reason) = &here.skipped {
                holds(&format!("`{}` was not made, since {reason}", here.name), !here.passed && reason.len() > 10, || format!("{here:?}"));
                continue;
            }
            let of = |check: &CheckReport| {
                let seen = if MEASURED.contains(&check.name.as_str()) { without_numbers(&check.seen) } else { check.seen.clone() };
                (check.passed, check.kind.clone(), check.expected.clone(), seen)
            };
            same(&format!("`{}` says the same on both: {}", here.name, here.seen), &of(here), &of(there));
            made += 1;
        }
        holds(&format!("{made} checks were made by both"), made >= 9, || format!("{:#?}", self.checks));
    }

    /// Envoy's answers: each shape of request, and the limits.
    pub(crate) fn the_answers_are_equal(&self) {
        shapes::each_gets_the_same_answer(self);
        limits::refuse_at_the_same_request_in_the_same_words(self);
    }

    /// What a changed manifest does.
    pub(crate) fn edits_do_the_same(&self) {
        edits::a_policy_that_is_refused_is_told_in_the_same_words(self);
        edits::a_saved_file_is_applied_at_once(self);
    }

    /// Takes the processes down; the cluster stays.
    pub(crate) fn down(self) {
        part("down, of the processes");
        let status = told::data(&self.sandbox.tstack(HOST, &["status", "--output", "json"]), "status");
        let all = status["processes"]["all"].as_array().expect("status names the processes").iter().map(|process| &process["pid"]);
        let pids: Vec<u64> = all.chain([&status["processes"]["supervisor"]]).filter_map(serde_json::Value::as_u64).collect();
        let down = self.sandbox.tstack(HOST, &["down"]).well();
        println!("        ({:.1} s)", down.took.as_secs_f64());
        let folder = self.sandbox.folder(HOST);
        holds("the state folder is gone", !folder.exists(), || format!("{:?}", std::fs::read_dir(&folder).map(Iterator::count)));
        let left: Vec<_> = processes(self.sandbox).into_iter().filter(|(pid, _)| !self.before.contains(pid)).collect();
        holds("no process is left", left.is_empty(), || format!("{left:?}"));
        let alive: Vec<_> = pids.iter().filter(|pid| std::path::Path::new(&format!("/proc/{pid}/exe")).exists()).collect();
        holds(&format!("none of the {} that `status` named", pids.len()), pids.len() >= 5 && alive.is_empty(), || format!("{alive:?}"));
        let ports = [self.host.http, self.host.https];
        let open: Vec<_> = listeners().into_iter().filter(|(_, port)| ports.contains(port)).collect();
        holds("nothing listens", open.is_empty(), || format!("{open:?}"));
        self.only_a_cache_stays();
    }

    /// Which versions the programs on the path have is remembered for the next `up` of any stack, as a program that was fetched
    /// is: both are a cache of the user's, and no part of the stack. Nothing was fetched here.
    fn only_a_cache_stays(&self) {
        let cache = self.sandbox.home().join(".cache/tstack/programs");
        let mut files = Vec::new();
        for program in std::fs::read_dir(&cache).into_iter().flatten().flatten() {
            files.extend(std::fs::read_dir(program.path()).unwrap().map(|file| file.unwrap().file_name()));
        }
        holds(
            "only what was asked of the programs on the path stays, in the user's cache",
            files.iter().all(|f| f == "asked.json"),
            || format!("{files:?}"),
        );
        std::fs::remove_dir_all(self.sandbox.home().join(".cache")).ok();
    }
}

impl Side<'_> {
    /// Where it serves its tasks.
    fn tasks(&self) -> String {
        format!("http://localhost:{}/api/tasks", self.http)
    }

    /// `tstack up` of this side.
    fn up(&self, s: &Sandbox, args: &[&str]) -> Said {
        let own = self.args.iter().map(String::as_str);
        s.tstack(self.name, &["up"].into_iter().chain(args.iter().copied()).chain(own).collect::<Vec<_>>())
    }
}

fn it_says_what_it_leaves_out(up: &Said) {
    let of = |event| if let Event::LeftOut { what, reason } = event { Some((what, reason)) } else { None };
    let left: Vec<(String, String)> = told::events(up).into_iter().filter_map(of).collect();
    holds("what has no place here is told, with why", !left.is_empty() && left.iter().all(|(_, why)| why.len() > 10), || {
        format!("{left:?}")
    });
}

/// Two ports that were free a moment ago.
fn free_ports() -> [u16; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn without_numbers(text: &str) -> String {
    text.split_inclusive(' ').map(|word| if word.trim().parse::<f64>().is_ok() { "N " } else { word }).collect()
}
