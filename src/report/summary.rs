//! What a person wants to know when `up` has ended well.

use std::fmt::Write;
use std::time::Duration;

use console::{Alignment, measure_text_width, pad_str};
use serde::Serialize;

use super::text::neutralise;
use super::{Paint, duration, plural};

/// How many of the slowest steps are told.
const SLOWEST: usize = 5;

/// The end of a good `up`, as data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The stack's name.
    pub stack: String,
    /// The cluster or context that it runs on.
    pub cluster: String,
    /// How many steps ran; none when everything was already as wanted.
    pub steps: usize,
    /// How many checks passed.
    pub checks: usize,
    /// What is reached on localhost.
    pub urls: Vec<Link>,
    /// The path of the cluster's own kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<String>,
    /// The path of the local CA's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The whole time, in seconds.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// The slowest steps, the slowest first.
    pub slowest: Vec<Spent>,
    /// What a person should know of how it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to try next.
    pub next: Vec<Next>,
}

/// An address and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// A name for people.
    pub name: String,
    /// The address.
    pub url: String,
}

/// The time of one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// The step's title.
    pub title: String,
    /// How long it ran, in seconds.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
}

/// A command and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// The command, ready to be pasted.
    pub command: String,
    /// What it does.
    pub what: String,
}

fn seconds<S: serde::Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((value.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// The slowest of the steps, the slowest first, at most five; steps of less than a second are left out.
#[must_use]
pub fn slowest(steps: impl IntoIterator<Item = (String, Duration)>) -> Vec<Spent> {
    let worth = steps.into_iter().filter(|(_, took)| *took >= Duration::from_secs(1));
    let mut all: Vec<Spent> = worth.map(|(title, took)| Spent { title, took }).collect();
    all.sort_by_key(|spent| std::cmp::Reverse(spent.took));
    all.truncate(SLOWEST);
    all
}

/// The text of a summary, ending in a line break.
#[must_use]
pub fn summary(of: &Summary, paint: Paint) -> String {
    let passed = if of.checks > 0 { format!(", {} passed", plural(of.checks, "check")) } else { String::new() };
    let head = if of.steps == 0 {
        format!("{} was ready already: nothing to do{passed}", neutralise(&of.stack))
    } else {
        format!("{} is ready after {}{passed}", neutralise(&of.stack), duration(of.took))
    };
    let mut text = format!("{} {}\n", paint.mark(true), paint.bold(&head));
    let mut block = |title: &str, rows: Vec<(String, String)>| {
        if rows.is_empty() {
            return;
        }
        text.push('\n');
        let indent = if title.is_empty() { "  " } else { "    " };
        if !title.is_empty() {
            let _ = writeln!(text, "  {}", paint.dim(title));
        }
        let width = rows.iter().map(|(left, _)| measure_text_width(left)).max().unwrap_or(0);
        for (left, right) in rows {
            let _ = writeln!(text, "{indent}{}  {right}", pad_str(&left, width, Alignment::Left, None));
        }
    };
    let mut places: Vec<(String, String)> =
        of.urls.iter().map(|link| (neutralise(&link.name), paint.accent(&neutralise(&link.url)))).collect();
    if let Some(path) = &of.kubeconfig {
        places.push(("kubectl".into(), paint.accent(&format!("export KUBECONFIG={}", quoted(&neutralise(path))))));
    }
    if let Some(path) = &of.ca {
        places.push(("local CA".into(), neutralise(path)));
    }
    block("", places);
    let spent: Vec<(String, String)> = of.slowest.iter().map(|spent| (neutralise(&spent.title), duration(spent.took))).collect();
    let widest = spent.iter().map(|(_, took)| took.len()).max().unwrap_or(0);
    let spent = spent.into_iter().map(|(title, took)| (title, paint.dim(&format!("{took:>widest$}"))));
    block("where the time went (steps overlap)", spent.collect());
    block("note", of.notes.iter().map(|note| (neutralise(note), String::new())).collect());
    let next = of.next.iter().map(|next| (paint.accent(&neutralise(&next.command)), neutralise(&next.what)));
    block("next", next.collect());
    text
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAINT: Paint = Paint { color: false, unicode: true };

    fn sample() -> Summary {
        let link = |name: &str, url: &str| Link { name: name.into(), url: url.into() };
        let next = |command: &str, what: &str| Next { command: command.into(), what: what.into() };
        let step = |title: &str, ms| (title.to_owned(), Duration::from_millis(ms));
        Summary {
            stack: "task-api".into(),
            cluster: "tstack-task-api".into(),
            steps: 22,
            checks: 12,
            urls: vec![link("tasks", "http://localhost:8080/api/tasks"), link("tasks over TLS", "https://localhost:8443/api/tasks")],
            kubeconfig: Some("/home/ada/my clusters/kubeconfig".into()),
            ca: Some("/home/ada/.local/share/tstack/task-api/ca.crt".into()),
            took: Duration::from_millis(72_300),
            slowest: slowest([step("apply task-api", 400), step("install keda 2.21.0", 12_380), step("make cluster", 31_200)]),
            notes: vec![],
            next: vec![next("tstack verify", "send the checks again"), next("tstack down", "leave nothing behind")],
        }
    }

    #[test]
    fn a_good_up_ends_with_where_to_go() {
        insta::assert_snapshot!(summary(&sample(), PAINT), @"
        ✓ task-api is ready after 1 m 12 s, 12 checks passed

          tasks           http://localhost:8080/api/tasks
          tasks over TLS  https://localhost:8443/api/tasks
          kubectl         export KUBECONFIG='/home/ada/my clusters/kubeconfig'
          local CA        /home/ada/.local/share/tstack/task-api/ca.crt

          where the time went (steps overlap)
            make cluster         31.2 s
            install keda 2.21.0  12.4 s

          next
            tstack verify  send the checks again
            tstack down    leave nothing behind
        ");
    }

    #[test]
    fn an_empty_plan_says_that_nothing_was_to_do() {
        let of = Summary { stack: "task-api".into(), checks: 1, ..Summary::default() };
        assert_eq!(summary(&of, PAINT), "✓ task-api was ready already: nothing to do, 1 check passed\n");
    }

    #[test]
    fn a_summary_is_json_with_seconds() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert!(text.contains(r#""took":72.3,"slowest":[{"title":"make cluster","took":31.2}"#), "{text}");
    }
}
