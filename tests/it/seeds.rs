//! The 22 errors in the YAML and the commands of the two documents that this project came from (tests/seeds): each is found.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tstack::lint::{Finding, Input, Reading, Surroundings, run};

use crate::support::root;

/// An error of the seeds, and what finds it.
struct Row {
    number: usize,
    /// What the seed says.
    says: &'static str,
    /// The file below tests/seeds and the line; files read together are joined by `+`, and the first is the one.
    file: &'static str,
    line: usize,
    rule: &'static str,
    /// A word of the remedy.
    remedy: &'static str,
    /// Why the place is not in the seed itself, where it is not.
    note: &'static str,
}

const fn row(number: usize, says: &'static str, file: &'static str, line: usize, rule: &'static str, remedy: &'static str) -> Row {
    Row { number, says, file, line, rule, remedy, note: "" }
}

/// Row 13: what the seed says in prose, tests/seeds/001-table.yaml writes as YAML.
const fn table_of_001(says: &'static str, line: usize, remedy: &'static str) -> Row {
    Row { note: "in a table of prose; 001-table.yaml writes the same as YAML", ..row(13, says, "001-table.yaml", line, "TS111", remedy) }
}

/// Table 0 of the facts, in its order; a row with several mistakes has several entries.
const ROWS: [Row; 27] = [
    row(1, "`value: \"*\"` means any user", "002.md", 251, "TS301", "type: Distinct"),
    row(2, "110 single curls give exactly 10 times 429", "002.md", 95, "TS913", "range"),
    Row {
        note: "the seed's own limit is not one for each user (row 1); 002-filled.yaml has it as row 1's remedy says",
        ..row(3, "a limit for each user, kept by each Envoy", "002-filled.yaml", 43, "TS313", "20 callers")
    },
    row(4, "listeners on 80 and 443, tests on 8080 and 8443", "002.md", 83, "TS917", "Map the port"),
    row(5, "wait for Programmed on a cluster without load balancer", "002.md", 409, "TS914", "NodePort"),
    Row {
        note: "the route stands in the document as a template only; it is filled in with the document's own values in 002-filled.yaml",
        ..row(6, "tests ask for /api/tasks, the route has /api/v1 and /api/v2", "002.md+002-filled.yaml", 83, "TS916", "/api/tasks")
    },
    row(7, "two policies for one route", "001.md", 278, "TS320", "into one object"),
    row(8, "`retry.perRetryTimeout`", "001.md", 256, "TS111", "perRetry"),
    row(8, "`retry.retryOn` as a list", "001.md", 258, "TS113", "type"),
    row(8, "`retry.backoff`", "001.md", 261, "TS111", "perRetry"),
    row(9, "`circuitBreaker.maxRequests`", "001.md", 295, "TS111", "maxParallelRequests"),
    row(10, "`invert: true` without a value", "001.md", 248, "TS302", "invert"),
    row(11, "`rateLimit.type: Global` without Redis", "001.md", 233, "TS311", "Redis"),
    row(12, "a dry run of the client proves that a configuration is valid", "002.md", 157, "TS911", "--dry-run=server"),
    table_of_001("`tls.certificateRefs` in a ClientTrafficPolicy", 13, "Keys"),
    table_of_001("`retry.attempts`", 27, "numRetries"),
    table_of_001("`healthChecks`", 28, "healthCheck"),
    table_of_001("`authorization.rules` with `ipAddress`", 46, "principal"),
    row(14, "`envoy_http_downstream_rq_total{envoy_cluster_name=..}`", "001.md", 395, "TS420", "envoy_cluster_upstream_rq_total"),
    row(15, "`http_requests_total{service=\"task-api\"}`", "002.md", 357, "TS421", "prometheus.io/scrape"),
    row(16, "`metricName` in a trigger", "001.md", 394, "TS412", "Remove metricName"),
    row(17, "`cooldownPeriod: 300` with at least one pod", "002.md", 351, "TS419", "stabilizationWindowSeconds"),
    row(18, "ACTIVE True right after the apply", "002.md", 437, "TS918", "READY True"),
    row(19, "Gateway API 1.2.1 under Envoy Gateway", "001.md", 129, "TS912", "v1.6"),
    row(20, "`AIGatewayRoute` in the group gateway.envoyproxy.io", "001.md", 469, "TS801", "Envoy AI Gateway"),
    row(21, "50 requests a second scale up, one user may send 100 a minute", "002.md", 358, "TS428", "30 different users"),
    row(22, "ACME http01 with `ingressClassName: envoy`", "001.md", 318, "TS616", "gatewayHTTPRoute"),
];

/// What the linter says of files of tests/seeds that are read together.
fn findings(files: &str) -> Vec<Finding> {
    let read = |file: &str| {
        let bytes = fs_err::read(root().join("tests/seeds").join(file)).unwrap();
        Input::new(file, bytes, true)
    };
    run(&Reading::of(files.split('+').map(read).collect()).into_set(Surroundings::default()))
}

fn shown(findings: &[Finding]) -> String {
    let line = |f: &Finding| format!("{}:{} {} {}. {}", f.file, f.line, f.rule, f.message, f.remedy);
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_of_the_22_errors_of_the_seeds_is_found_by_its_rule_in_its_line_with_its_remedy() {
    let numbers: BTreeSet<usize> = ROWS.iter().map(|row| row.number).collect();
    assert!(numbers.into_iter().eq(1..=22), "a row is missing");
    let mut wrong = String::new();
    for row in &ROWS {
        let file = row.file.split('+').next().unwrap_or_default();
        let all = findings(row.file);
        let fits = |f: &&Finding| f.file == file && f.line == row.line && f.rule == row.rule && f.remedy.contains(row.remedy);
        if all.iter().find(fits).is_none() {
            let near: Vec<Finding> =
                all.into_iter().filter(|f| f.rule == row.rule || (f.file == file && f.line.abs_diff(row.line) < 3)).collect();
            writeln!(
                wrong,
                "row {}: {} in {file}:{} with \"{}\" is not found; near it:\n{}\n",
                row.number,
                row.rule,
                row.line,
                row.remedy,
                shown(&near)
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The table of docs/lint.md.
fn table() -> String {
    let mut text = String::from("| # | The seed says | Where | Rule | What to do |\n|---|---|---|---|---|\n");
    for row in &ROWS {
        let file = row.file.split('+').next().unwrap_or_default();
        let found = findings(row.file).into_iter().find(|f| f.file == file && f.line == row.line && f.rule == row.rule);
        let remedy = found.map(|f| f.remedy).unwrap_or_default();
        let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
        writeln!(
            text,
            "| {} | {}{note} | [{file}:{line}](../tests/seeds/{file}#L{line}) | [{rule}](lint/{rule}.md) | {remedy} |",
            row.number,
            row.says,
            line = row.line,
            rule = row.rule
        )
        .unwrap();
    }
    text
}

#[test]
fn the_table_in_the_documentation_says_what_the_linter_says() {
    let page = fs_err::read_to_string(root().join("docs/lint.md")).unwrap();
    let (_, below) = page.split_once("## The 22 errors of the seeds\n").unwrap();
    let section = below.split("\n## ").next().unwrap();
    let written = section.find("| # |").map(|at| section[at..].trim_end()).unwrap_or_default();
    assert_eq!(written, table().trim_end(), "docs/lint.md does not say what the linter says now; write there:\n{}", table());
}
