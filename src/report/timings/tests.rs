use console::measure_text_width;

use super::*;
use crate::timings::runs;

const HOST: &str = include_str!("../../../tests/fixtures/timings/host.jsonl");
const KIND: &str = include_str!("../../../tests/fixtures/timings/kind.jsonl");
const PAINT: Paint = Paint { color: false, unicode: true };

/// The first run of a journal.
fn first(journal: &str) -> Timings {
    Timings::of(&runs(journal)[0], 1)
}

/// A journal of one step whose texts are meant to do harm.
fn hostile() -> Timings {
    let title = r#"</td><script src=\"http://example.com\">alert(1)</script>\u001b[31m"#;
    let text = format!(
        r#"{{"event":"plan.started","verb":"<i>","target":"\" onload=x","steps":[{{"id":"a&b","title":"{title}","cause":"","needs":[]}}],"at":0}}
{{"event":"step.started","id":"a&b","at":0}}
{{"event":"step.waiting","id":"a&b","reason":"' onmouseover='x","at":0.5}}
{{"event":"step.done","id":"a&b","took":1,"at":1}}"#
    );
    first(&text)
}

#[test]
fn a_run_is_told_with_its_chart() {
    insta::assert_snapshot!(timings(&first(HOST), Some(120), PAINT), @r"
    run 1: up of this machine, 2026-11-21 20:36:04 UTC, done after 7.7 s
         0.3 s  before          a look at what is there, the plan, preflight
         7.4 s  in steps        in the 8 steps of the critical path
          0 ms  between steps   free to begin, and not begun
          0 ms  after           the last step had ended
         7.4 s  longest chain   by needs and durations alone; the run took 1.04 times that

       step                               start   took  slack  0 s                  7.7 s  waited for
    ●  start the supervisor               0.3 s  54 ms          █
       make a local certificate authori…  0.3 s   3 ms  4.8 s   ░
       check: scaler ready                0.3 s   3 ms  7.4 s   ░
    ●  apply namespace (1 object)         0.4 s  74 ms          █
       put the program of localhost/tas…  0.4 s  51 ms  86 ms   ░
       wait until namespace is ready      0.4 s  44 ms  4.9 s   ░
       apply task-api (5 objects)         0.4 s  93 ms  63 ms   ░
    ●  apply gateway (3 objects)          0.4 s  0.2 s          █
       apply certificate (1 object)       0.4 s  0.3 s  4.7 s   ░
       wait until task-api is ready       0.5 s  0.1 s  4.8 s    ░                         97 ms: Deployment task-api/task-…
    ●  wait until gateway is ready        0.6 s  4.8 s           ████████████████          4.8 s: GatewayClass eg: no condi…
       apply routes (2 objects)           0.6 s  0.1 s   2 ms    ░
       wait until certificate is ready    0.7 s  32 ms  4.7 s    ░
       wait until routes is ready         0.7 s  4.7 s   2 ms    ░░░░░░░░░░░░░░░░          4.7 s: HTTPRoute task-api/task-a…
       check: tasks over http             5.4 s  27 ms   1 ms                    ░
       check: tasks over https            5.4 s  27 ms   1 ms                    ░
       check: certificate names           5.4 s  26 ms   2 ms                    ░
    ●  check: version 1                   5.4 s  28 ms                           █
       check: version 2                   5.4 s  27 ms   1 ms                    ░
       check: gateway programmed          5.4 s  10 ms  2.3 s                    ░
       check: requests are counted        5.4 s  0.1 s  2.2 s                    ░         0.1 s: `sum(http_requests_total{…
       check: scaler's query has a value  5.4 s  17 ms  2.3 s                    ░
    ●  check: user rate limit             5.4 s  0.1 s                           █
    ●  check: anonymous rate limit        5.6 s   7 ms                            █
    ●  check: circuit breaker             5.6 s  2.1 s                            ███████

    what would help
      how much earlier it would have ended without it, had all else taken as long as it did
         4.7 s  every wait until something is ready (4.8 s on the path)
         2.3 s  all checks
         2.1 s  check: circuit breaker
         0.1 s  check: user rate limit
    ");
}

#[test]
fn a_run_on_a_cluster_says_what_would_help() {
    let text = timings(&first(KIND), None, PAINT);
    let help: Vec<&str> = text.lines().skip_while(|line| *line != "what would help").collect();
    insta::assert_snapshot!(help.join("\n"), @r"
    what would help
      how much earlier it would have ended without it, had all else taken as long as it did
        32.0 s  the images, pulled and loaded into the node
                `tstack snapshot bake` makes a node image that holds them: none is pulled and loaded then.
        24.9 s  make the cluster (Kubernetes v1.34.4)
         5.4 s  every wait until something is ready (5.5 s on the path)
         4.6 s  all checks
         3.4 s  install envoy-gateway v1.9.1 (25.7 s on the path), up to 14.3 s if what waited meanwhile waited for it
         3.1 s  wait until gateway is ready (5.5 s on the path), up to 5.4 s if what waited meanwhile waited for it
      1 m 29 s  everything but the checks
                `tstack snapshot save` keeps the finished stack, and `up` restores it; that takes a time of its own.
    ");
}

#[test]
fn without_unicode_it_says_the_same() {
    let text = timings(&first(HOST), Some(100), Paint::default());
    assert!(text.is_ascii(), "{text}");
    let rows: Vec<&str> = text.lines().skip(7).take(8).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
       step                        start   took  slack  0 s            7.7 s  waited for
    *  start the supervisor        0.3 s  54 ms          #
       make a local certificat...  0.3 s   3 ms  4.8 s   -
       check: scaler ready         0.3 s   3 ms  7.4 s   -
    *  apply namespace (1 object)  0.4 s  74 ms          #
       put the program of loca...  0.4 s  51 ms  86 ms   -
       wait until namespace is...  0.4 s  44 ms  4.9 s   -
       apply task-api (5 objects)  0.4 s  93 ms  63 ms   -
    ");
}

#[test]
fn no_row_is_wider_than_the_terminal() {
    for journal in [HOST, KIND] {
        let of = first(journal);
        for width in 20..200 {
            let rows = chart(&of, Some(width), PAINT);
            assert!(rows.iter().all(|row| measure_text_width(row) <= width), "{width}:\n{}", rows.join("\n"));
        }
    }
}

#[test]
fn colours_say_nothing_that_the_text_does_not() {
    let plain = timings(&first(HOST), Some(100), PAINT);
    let coloured = timings(&first(HOST), Some(100), Paint { color: true, unicode: true });
    assert_eq!(console::strip_ansi_codes(&coloured), plain);
}

#[test]
fn all_runs_are_a_line_each() {
    let all: Vec<Timings> = runs(KIND).iter().rev().enumerate().map(|(place, run)| Timings::of(run, place + 1)).collect();
    insta::assert_snapshot!(timings_list(&all, None, PAINT), @r"
    run  began                    verb    of           outcome    steps  before  longest chain     total
      1  2026-11-21 20:42:18 UTC  verify  tstack-timk  cancelled     11   0.4 s         29.5 s    30.0 s
      2  2026-11-21 20:40:43 UTC  up      tstack-timk  done          40   0.9 s       1 m 34 s  1 m 35 s
    ");
}

#[test]
fn two_runs_are_compared_step_by_step() {
    let (up, verify) = (first(HOST), Timings::of(&runs(HOST)[1], 2));
    let text = timings_compared(&Comparison::of(&up, &verify), None, PAINT);
    insta::assert_snapshot!(text.lines().take(12).collect::<Vec<_>>().join("\n"), @r"
    A run 1: up of this machine, 2026-11-21 20:36:04 UTC, done after 7.7 s
    B run 2: verify of this machine, 2026-11-21 20:36:30 UTC, done after 50.7 s

       step                                                                       A       B    B - A
       total                                                                  7.7 s  50.7 s  +43.0 s
       before the first step                                                  0.3 s   0.5 s   +0.2 s
       longest chain                                                          7.4 s  50.2 s  +42.8 s
    ●  check: anonymous rate limit                                             7 ms  48.0 s  +48.0 s
    ●  wait until gateway is ready                                            4.8 s       -   -4.8 s
       wait until routes is ready                                             4.7 s       -   -4.7 s
       apply certificate (1 object)                                           0.3 s       -   -0.3 s
    ●  apply gateway (3 objects)                                              0.2 s       -   -0.2 s
    ");
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let page = timings_html(&first(KIND));
    for word in ["<script", "href=", "src=", "url(", "@import", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme: dark"));
    assert_eq!(page.matches("<tr class=critical>").count(), first(KIND).critical_path.len());
    assert_eq!(page.matches("<tr").count(), 1 + first(KIND).steps.len(), "a head and a row for each step");
    assert!(page.contains("make the cluster"));
}

#[test]
fn text_of_others_does_no_harm_in_a_page() {
    let page = timings_html(&hostile());
    for word in ["<script", "<i>", "onmouseover='", "\" onload", "\u{1b}"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("&lt;script src=&quot;") && page.contains("&#39; onmouseover=&#39;x"), "{page}");
    assert!(!timings(&hostile(), None, PAINT).contains('\u{1b}'));
}
