//! Runs as journals tell them: two recorded ones, and many made up.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// `up` and `verify` in host mode, as tstack wrote it.
const HOST: &str = include_str!("../../tests/fixtures/timings/host.jsonl");

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// `up` on a kind cluster, on a machine with much other work, and a `verify` that was stopped.
const KIND: &str = include_str!("../../tests/fixtures/timings/kind.jsonl");

/// `up` on a kind cluster whose images are loaded while it is made, each in its turn.
const LANES: &str = include_str!("../../tests/fixtures/timings/kind-lanes.jsonl");

/// A line of a journal.
fn line(at: u64, event: &str, more: &Value) -> String {
    let mut line = json!({"event": event});
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line["at"] = json!(ms(at).as_secs_f64());
    format!("{line}\n")
}

fn head(verb: &str, time: &str) -> String {
    format!("{}\n", json!({"event": "run", "verb": verb, "time": time, "version": "0.1.0"}))
}

/// The beginning of a plan; a step is its id, and behind `<` what it needs, `>` what it comes after, `|` what it runs beside, `@` its lane.
fn plan(at: u64, steps: &[&str]) -> String {
    let info = |text: &&str| {
        let id = text.split_whitespace().next().unwrap();
        let mut step = json!({"id": id, "title": format!("do {id}"), "cause": "", "needs": [], "after": [], "beside": []});
        let mut key = "";
        for word in text.split_whitespace().skip(1) {
            match (word, key) {
                ("<", _) => key = "needs",
                (">", _) => key = "after",
                ("|", _) => key = "beside",
                ("@", _) => key = "lane",
                (_, "lane") => step["lane"] = json!(word),
                _ => step[key].as_array_mut().unwrap().push(json!(word)),
            }
        }
        step
    };
    let steps: Vec<Value> = steps.iter().map(info).collect();
    line(at, "plan.started", &json!({"verb": "up", "target": "demo", "steps": steps}))
}

fn started(at: u64, id: &str) -> String {
    line(at, "step.started", &json!({"id": id}))
}

fn waiting(at: u64, id: &str, reason: &str) -> String {
    line(at, "step.waiting", &json!({"id": id, "reason": reason}))
}

fn done(at: u64, id: &str) -> String {
    line(at, "step.done", &json!({"id": id, "took": 0.0}))
}

fn finished(at: u64, failed: usize) -> String {
    line(at, "plan.finished", &json!({"done": 1, "failed": failed, "skipped": 0, "took": 0.0}))
}

/// `a` (1 s to 3 s) and `b` (1 s to 2 s), then `c` which needs both and begins 0.1 s late; `d` comes after `b` and ends at 4 s.
fn diamond() -> String {
    [
        head("up", "2026-01-01T10:00:00Z"),
        plan(900, &["a", "b", "c < a b", "d > b"]),
        started(1_000, "a"),
        started(1_000, "b"),
        waiting(1_200, "b", "3 of 4"),
        waiting(1_500, "b", "4 of 4"),
        waiting(1_900, "b", "the end"),
        done(2_000, "b"),
        started(2_000, "d"),
        done(3_000, "a"),
        started(3_100, "c"),
        done(4_000, "d"),
        done(6_000, "c"),
        finished(6_050, 0),
    ]
    .concat()
}

fn only(text: &str) -> Run {
    let all = runs(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().unwrap()
}

fn path(of: &Timings) -> String {
    of.critical_path.iter().map(|link| link.id.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_critical_path_goes_back_through_what_ended_last() {
    let of = Timings::of(&only(&diamond()), 1);
    assert_eq!(path(&of), "a c");
    assert_eq!((of.run.before, of.on_path, of.between, of.afterwards), (ms(1_000), ms(4_900), ms(100), ms(50)));
    assert_eq!(of.run.total, ms(6_050));
    assert_eq!((of.bound, of.ratio), (ms(4_900), Some(1.235)));
    let slack: Vec<_> = of.steps.iter().map(|row| (row.step.id.as_str(), row.slack, row.critical)).collect();
    assert_eq!(slack, [("a", Some(ms(0)), true), ("b", Some(ms(1_000)), false), ("d", Some(ms(2_000)), false), ("c", Some(ms(0)), true)]);
}

#[test]
fn waits_that_differ_in_numbers_alone_are_one() {
    let of = only(&diamond());
    let wait = |at, lasted, reason: &str| Wait { at: ms(at), lasted: ms(lasted), reason: reason.into() };
    assert_eq!(of.steps[1].waits, [wait(1_200, 700, "3 of 4"), wait(1_900, 100, "the end")]);
    assert_eq!(of.steps[1].longest_wait().unwrap().reason, "3 of 4");
}

#[test]
fn what_would_help_is_the_difference_of_two_schedules() {
    let of = Timings::of(&only(&diamond()), 1);
    let help: Vec<_> = of.help.iter().map(|help| (help.what.as_str(), help.took, help.saves)).collect();
    // without `c` the run ends with `d` at 4 s; without `a` with `c`, which begins 0.1 s after `b`
    assert_eq!(help, [("do c", ms(2_900), ms(2_000)), ("do a", ms(2_000), ms(1_000))]);
}

#[test]
fn the_images_are_told_with_what_does_without_them() {
    let text = [
        plan(0, &["pull:node", "pull:web", "cluster < pull:node", "images < pull:web cluster", "apply:web < images", "program:x"]),
        started(0, "pull:node"),
        started(0, "pull:web"),
        done(2_000, "pull:node"),
        started(2_000, "cluster"),
        done(12_000, "cluster"),
        done(14_000, "pull:web"),
        started(14_000, "images"),
        done(20_000, "images"),
        started(20_000, "apply:web"),
        done(21_000, "apply:web"),
        finished(21_000, 0),
    ]
    .concat();
    let of = Timings::of(&only(&text), 1);
    let help: Vec<_> = of.help.iter().map(|help| (help.what.as_str(), help.saves, help.advice)).collect();
    assert_eq!(
        help,
        [
            ("the images, pulled and loaded into the node", ms(8_000), Some(Advice::Bake)),
            ("all that was pulled", ms(4_000), Some(Advice::Mirror)),
            ("do pull:web", ms(2_000), None),
            ("do apply:web", ms(1_000), None)
        ]
    );
    assert_eq!(of.help[0].steps, ["pull:web", "images"], "a node image is pulled, whatever is in it");
}

#[test]
fn what_runs_beside_a_step_came_behind_what_that_one_needed() {
    let text = [
        plan(0, &["pull:node", "cluster < pull:node", "node | cluster", "images:a < node", "b < images:a"]),
        started(0, "pull:node"),
        done(1_000, "pull:node"),
        started(1_000, "cluster"),
        started(1_000, "node"),
        done(6_000, "node"),
        started(6_000, "images:a"),
        done(8_000, "images:a"),
        started(8_000, "b"),
        done(10_000, "cluster"),
        done(12_000, "b"),
        finished(12_000, 0),
    ]
    .concat();
    let of = Timings::of(&only(&text), 1);
    assert_eq!((path(&of).as_str(), of.between), ("pull:node node images:a b", ms(0)));
    // without the cluster to be made, nothing waits for its node
    let help: Vec<_> = of.help.iter().map(|help| (help.what.as_str(), help.saves)).collect();
    let images = ("the images, pulled and loaded into the node", ms(2_000));
    assert_eq!(
        help,
        [("do cluster", ms(5_000)), images, ("do b", ms(2_000)), ("all that was pulled", ms(1_000)), ("do pull:node", ms(1_000))]
    );
}

#[test]
fn a_step_that_waits_for_its_turn_came_behind_the_one_before_it() {
    let text = [
        plan(0, &["a", "x < a @ node", "y @ node", "z < y @ node", "end < z"]),
        started(0, "a"),
        started(0, "y"),
        done(2_000, "a"),
        done(5_000, "y"),
        started(5_000, "x"),
        done(9_000, "x"),
        started(9_000, "z"),
        done(10_000, "z"),
        started(10_000, "end"),
        done(12_000, "end"),
        finished(12_000, 0),
    ]
    .concat();
    let of = Timings::of(&only(&text), 1);
    assert_eq!(path(&of), "y x z end");
    assert_eq!(of.critical_path.iter().map(|link| link.in_turn).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!((of.between, of.in_turn), (ms(0), Some(ms(12_000))), "in turn nothing could have been faster");
    assert_eq!((of.bound, of.ratio), (ms(8_000), Some(1.5)), "side by side it could: y, z, end");
}

#[test]
fn a_step_that_was_given_up_has_an_end() {
    let skipped = |at, id: &str| line(at, "step.skipped", &json!({"id": id, "because": "a"}));
    let text =
        [plan(0, &["a", "b | a", "c < b"]), started(0, "a"), started(0, "b"), skipped(700, "b"), skipped(700, "c"), finished(900, 1)];
    let states: Vec<_> = only(&text.concat()).steps.iter().map(|step| (step.state, step.took)).collect();
    assert_eq!(states, [(State::Unfinished, ms(900)), (State::GivenUp, ms(700)), (State::Skipped, ms(0))]);
}

#[test]
fn a_run_that_first_starts_its_cluster_is_one_run_of_two_plans() {
    let time = "2026-01-01T10:00:00Z";
    let text = [
        head("up", time),
        plan(100, &["cluster"]),
        started(100, "cluster"),
        done(8_000, "cluster"),
        finished(8_000, 0),
        head("up", time),
        plan(8_500, &["x", "y < x"]),
        started(8_500, "x"),
        done(9_000, "x"),
        started(9_000, "y"),
        done(9_100, "y"),
        finished(9_100, 0),
    ]
    .concat();
    let of = Timings::of(&only(&text), 1);
    assert_eq!(path(&of), "cluster x y");
    assert_eq!((of.between, of.run.before), (ms(500), ms(100)), "the second look at the cluster is time between steps");
    // the same without lines of runs, as `--output json` writes it
    let events: Vec<&str> = text.lines().filter(|line| !line.contains(r#""event":"run""#)).collect();
    let saved = only(&events.join("\n"));
    assert_eq!((saved.verb.as_str(), saved.time, saved.steps.len()), ("up", None, 3));
}

#[test]
fn saved_outputs_one_after_the_other_are_runs_of_their_own() {
    let one = [plan(100, &["a"]), started(100, "a"), done(300, "a"), finished(300, 0)].concat();
    let summary = "{\"event\":\"summary\",\"data\":{}}\n";
    let note = line(50, "note", &json!({"text": "on a kind cluster"}));
    assert_eq!(runs(&[&one, summary, &note, &one, summary].concat()).len(), 2);
}

#[test]
fn a_killed_run_is_told_as_far_as_it_came() {
    let text = [
        head("up", "2026-01-01T10:00:00Z"),
        plan(100, &["a", "b < a", "c < b"]),
        started(100, "a"),
        done(1_100, "a"),
        started(1_100, "b"),
        waiting(2_100, "b", "a pod"),
        "{\"event\":\"step.wai".to_owned(),
    ]
    .concat();
    let of = Timings::of(&only(&text), 1);
    assert_eq!((of.run.outcome, of.run.total), (Outcome::Unfinished, ms(2_100)));
    assert_eq!(path(&of), "a b");
    let states: Vec<_> = of.steps.iter().map(|row| (row.step.state, row.step.took)).collect();
    assert_eq!(states, [(State::Done, ms(1_000)), (State::Unfinished, ms(1_000)), (State::Skipped, ms(0))]);
    assert_eq!(of.help, [], "what did not end well is not to be made faster");
}

#[test]
fn a_failed_and_a_cancelled_run_are_told_as_such() {
    let begin = [plan(0, &["a"]), started(0, "a")].concat();
    let failed = line(10, "step.failed", &json!({"id": "a", "took": 0.01, "failure": {"kind": "step", "what": "it broke"}}));
    let run = only(&[&begin, &failed, &finished(10, 1)[..]].concat());
    assert_eq!((run.outcome, run.steps[0].state), (Outcome::Failed, State::Failed));
    let run = only(&[&begin, &line(5, "plan.cancelling", &json!({})), &failed, &finished(10, 1)[..]].concat());
    assert_eq!(run.outcome, Outcome::Cancelled);
}

#[test]
fn what_a_newer_tstack_writes_is_passed_over() {
    let newer = line(1_500, "step.paused", &json!({"id": "a", "why": ["?"]}));
    let text = [&newer, "no json\n", "null\n", "[1]\n", &diamond(), &newer].concat();
    let run = only(&text);
    assert_eq!((run.total, run.steps.len()), (ms(6_050), 4));
}

#[test]
fn a_recorded_run_adds_up() {
    let all = runs(HOST);
    assert_eq!(all.iter().map(|run| run.verb.as_str()).collect::<Vec<_>>(), ["up", "verify"]);
    let of = Timings::of(&all[0], 2);
    assert_eq!((of.run.outcome, of.run.total, of.run.before), (Outcome::Done, ms(7_692), ms(310)));
    assert_eq!(
        path(&of),
        "cluster apply:namespace apply:gateway ready:gateway check:version 1 check:user rate limit check:anonymous rate limit check:circuit breaker"
    );
    assert_eq!(of.run.before + of.on_path + of.between + of.afterwards, of.run.total);
    let help: Vec<_> = of.help.iter().map(|help| (help.what.as_str(), help.saves)).collect();
    let waits = ("every wait until something is ready", ms(4_681));
    assert_eq!(help, [waits, ("all checks", ms(2_291)), ("check: circuit breaker", ms(2_131)), ("check: user rate limit", ms(125))]);
    // the buckets of the rate limit refill, second by second
    let verify = Timings::of(&all[1], 1);
    let slowest = verify.steps.iter().max_by_key(|row| row.step.took).unwrap();
    assert_eq!(slowest.step.waits.len(), 1);
    assert_eq!(slowest.step.waits[0].lasted, ms(47_996));
}

#[test]
fn a_recorded_run_on_a_cluster_says_what_would_help() {
    let all = runs(KIND);
    let outcomes: Vec<_> = all.iter().map(|run| (run.verb.as_str(), run.outcome)).collect();
    assert_eq!(outcomes, [("up", Outcome::Done), ("verify", Outcome::Cancelled)]);
    let of = Timings::of(&all[0], 1);
    assert_eq!(
        path(&of),
        "cluster images apply:envoy-gateway apply:gateway ready:gateway check:tasks over https check:user rate limit check:anonymous rate limit check:circuit breaker"
    );
    let first = &of.help[0];
    assert_eq!((first.steps.join(" "), first.saves, first.advice), ("images".to_owned(), ms(31_968), Some(Advice::Bake)));
    assert_eq!(of.help.last().unwrap().advice, Some(Advice::Snapshot));
    let reasons = of.steps.iter().flat_map(|row| &row.step.waits).map(|wait| wait.reason.as_str());
    assert!(reasons.clone().count() > 5 && reasons.clone().all(|reason| !reason.is_empty()));
}

#[test]
fn in_a_recorded_run_images_were_loaded_one_at_a_time() {
    let of = Timings::of(&only(LANES), 1);
    assert!(
        path(&of).starts_with("node images:envoy-gateway images:gateway images:prometheus images:cert-manager images:keda apply:keda "),
        "{}",
        path(&of)
    );
    let turns = of.critical_path.iter().filter(|link| link.in_turn).count();
    assert_eq!((turns, of.between < ms(10)), (4, true), "each but the first waited for its turn, and not for nothing");
    assert!(of.ratio > Some(1.2) && of.in_turn > Some(of.bound), "{:?}", of.ratio);
    // a check waited for traffic, which came from the other checks, which came after the images
    let images = &of.help[0];
    assert_eq!(images.advice, Some(Advice::Bake));
    assert!(images.up_to > images.saves, "{images:?}");
}

#[test]
fn two_runs_differ_step_by_step() {
    let one = Timings::of(&only(&diamond()), 2);
    let text = [
        plan(0, &["a", "c < a", "e"]),
        started(0, "a"),
        started(0, "e"),
        done(500, "a"),
        done(600, "e"),
        started(600, "c"),
        done(4_000, "c"),
    ];
    let two = Timings::of(&only(&text.concat()), 1);
    let of = Comparison::of(&one, &two);
    assert!((of.longer - -2.05).abs() < 1e-9, "{}", of.longer);
    let steps: Vec<_> = of.steps.iter().map(|step| (step.id.as_str(), step.a, step.b)).collect();
    let some = |value| Some(ms(value));
    assert_eq!(
        steps,
        [
            ("d", some(2_000), None),
            ("a", some(2_000), some(500)),
            ("b", some(1_000), None),
            ("e", None, some(600)),
            ("c", some(2_900), some(3_400))
        ]
    );
}

/// A step of a made-up run: how long it took, how late it began, which earlier steps it needs, and its lane, where that is not 0.
type Made = (u64, u64, Vec<prop::sample::Index>, u8);

fn made_steps(most: usize) -> impl Strategy<Value = Vec<Made>> {
    let needs = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    prop::collection::vec((0_u64..500, 0_u64..50, needs, 0_u8..3), 1..most)
}

/// The journal of a run whose every step began as late as it says after all that it needs.
fn made(steps: &[Made], before: u64) -> String {
    let mut times: Vec<(u64, u64)> = Vec::new();
    let mut infos = Vec::new();
    for (place, (took, late, needs, lane)) in steps.iter().enumerate() {
        let needs: Vec<usize> = if place == 0 { Vec::new() } else { needs.iter().map(|need| need.index(place)).collect() };
        let turn = (0..place).rev().find(|other| *lane > 0 && steps[*other].3 == *lane);
        let free = needs.iter().chain(&turn).map(|need| times[*need].1).max().unwrap_or(before);
        times.push((free + late, free + late + took));
        let needs: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
        let lane = if *lane > 0 { format!("@ {lane}") } else { String::new() };
        infos.push(format!("s{place} < {} {lane}", needs.join(" ")));
    }
    // a step that takes no time ends after it began and before those that need it begin
    let mut lines: Vec<(u64, usize, String)> = Vec::new();
    for (place, (from, to)) in times.iter().enumerate() {
        lines.push((*from, 2 * place, started(*from, &format!("s{place}"))));
        lines.push((*to, 2 * place + 1, done(*to, &format!("s{place}"))));
    }
    lines.sort_by_key(|(at, place, _)| (*at, *place));
    let last = lines.last().map_or(before, |(at, ..)| *at);
    let infos: Vec<&str> = infos.iter().map(String::as_str).collect();
    let lines: String = lines.into_iter().map(|(.., line)| line).collect();
    [plan(before, &infos), lines, finished(last + 3, 0)].concat()
}

proptest! {
    #[test]
    fn the_path_and_its_gaps_are_the_whole_run(
        steps in made_steps(30),
        before in 0_u64..1_000,
    ) {
        let of = Timings::of(&only(&made(&steps, before)), 1);
        prop_assert_eq!(of.run.before + of.on_path + of.between + of.afterwards, of.run.total);
        prop_assert!(of.bound <= of.run.total);
        prop_assert!(of.on_path <= of.in_turn.unwrap_or(of.bound), "no chain is longer than the longest");
        prop_assert!(of.in_turn.unwrap_or_default() <= of.run.total);
        for row in &of.steps {
            if row.critical {
                prop_assert_eq!(row.slack, Some(Duration::ZERO), "{}", row.step.id);
            }
        }
        for help in &of.help {
            prop_assert!(help.saves <= of.run.total);
        }
    }

    #[test]
    fn with_slack_used_up_a_run_ends_no_later_and_with_more_it_does(
        steps in made_steps(20),
        which in any::<prop::sample::Index>(),
    ) {
        let ended = |of: &Timings| of.run.total.saturating_sub(of.afterwards);
        let of = Timings::of(&only(&made(&steps, 0)), 1);
        let place = which.index(steps.len());
        let row = of.steps.iter().find(|row| row.step.id == format!("s{place}")).unwrap();
        let slack = u64::try_from(row.slack.unwrap().as_millis()).unwrap();
        let longer = |by: u64| {
            let mut steps = steps.clone();
            steps[place].0 += by;
            ended(&Timings::of(&only(&made(&steps, 0)), 1))
        };
        prop_assert_eq!(longer(slack), ended(&of));
        prop_assert_eq!(longer(slack + 7), ended(&of) + ms(7));
    }

    #[test]
    fn no_text_breaks_the_reader(lines in prop::collection::vec(0_usize..14, 0..40), cut in any::<prop::sample::Index>()) {
        // lines of a good journal in any order, the last one torn
        let good = diamond();
        let good: Vec<&str> = good.lines().collect();
        let text: Vec<&str> = lines.iter().map(|line| good[*line]).collect();
        let text = text.join("\n");
        let cut = if text.is_empty() { 0 } else { cut.index(text.len()) };
        for run in runs(&text[..cut]) {
            let of = Timings::of(&run, 1);
            prop_assert_eq!(of.run.before + of.on_path + of.between + of.afterwards, of.run.total);
        }
    }
}

#[test]
fn torn_lines_nul_bytes_and_times_without_end_hide_no_run() {
    let garbage = ["\0\0\0", "{\"event\": \"step.sta", "[[[[", "{\"event\":\"plan.cancelling\",\"at\":1e19}", "\u{fffd}", "null", "\"at\""];
    let lines: Vec<&str> = KIND.lines().zip(garbage.into_iter().cycle()).flat_map(|(line, garbage)| [garbage, line]).collect();
    let text = lines.join("\n");
    let told = |text: &str| runs(text).iter().map(|run| Timings::of(run, 1)).collect::<Vec<_>>();
    assert_eq!(json!(told(&text)), json!(told(KIND)));
}
