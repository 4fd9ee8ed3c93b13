//! Where the time of a run went: as tables here, as a page in `html`.

mod html;

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::table::lines;
use super::text::neutralise;
use super::{Paint, duration, plural};
use crate::timings::{Comparison, Help, Outcome, Row, Run, State, Timings};

pub use html::page as timings_html;

/// Columns of the chart where no terminal says how many there are.
const CHART: usize = 40;
/// A chart of fewer columns shows nothing.
const LEAST_CHART: usize = 13;
/// Columns of all that is narrow in the table: marks, times, gaps.
const NARROW: usize = 40;

/// One run with its steps as a chart, ending in a line break.
#[must_use]
pub fn timings(of: &Timings, width: Option<usize>, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.bold(&head(of.number, &of.run)));
    for (what, took, note) in facts(of) {
        let _ = writeln!(text, "  {:>8}  {what:<15} {}", duration(took), paint.dim(&note));
    }
    text.push('\n');
    for line in chart(of, width, paint) {
        text.push_str(&line);
        text.push('\n');
    }
    text + &helps(&of.help, paint)
}

/// What the total is made of, and what it is compared with: what, how long, and a note.
fn facts(of: &Timings) -> Vec<(&'static str, Duration, String)> {
    let times = |of: &Timings, what: Duration| if what.is_zero() { 0.0 } else { of.run.total.div_duration_f64(what) };
    let path = format!("in the {} of the critical path", plural(of.critical_path.len(), "step"));
    let chain = format!("by needs and durations alone; the run took {:.2} times that", times(of, of.bound));
    let mut all = vec![
        ("before", of.run.before, "a look at what is there, the plan, preflight".to_owned()),
        ("in steps", of.on_path, path),
        ("between steps", of.between, "free to begin, and not begun".to_owned()),
        ("after", of.afterwards, "the last step had ended".to_owned()),
        ("longest chain", of.bound, chain),
    ];
    if let Some(in_turn) = of.in_turn {
        let note = format!("where what runs one at a time comes in the order it did; {:.2} times that", times(of, in_turn));
        all.push(("and in turn", in_turn, note));
    }
    all
}

/// `run 1: up of tstack-task-api, 2026-01-01 10:00:00 UTC, done after 1 m 2 s`.
fn head(number: usize, run: &Run) -> String {
    let when = run.time.map_or_else(String::new, |time| format!(", {}", time.strftime("%Y-%m-%d %H:%M:%S UTC")));
    let ended = match run.outcome {
        Outcome::Unfinished => format!("no end is recorded after {}", duration(run.total)),
        outcome => format!("{} after {}", outcome.word(), duration(run.total)),
    };
    format!("run {number}: {} of {}{when}, {ended}", neutralise(&run.verb), neutralise(&run.target))
}

/// Stands before what is on the critical path.
fn mark(critical: bool, paint: Paint) -> String {
    match (critical, paint.unicode) {
        (true, true) => paint.warn("●"),
        (true, false) => paint.warn("*"),
        (false, _) => String::new(),
    }
}

/// The table of the steps, with a bar of each where there is room for it.
fn chart(of: &Timings, width: Option<usize>, paint: Paint) -> Vec<String> {
    // where each of the three wide columns has as much, none of the bars is cut
    let bars = width.map_or(CHART, |width| (width.saturating_sub(NARROW) / 3).min(CHART));
    let bars = if bars < LEAST_CHART || of.run.total.is_zero() { 0 } else { bars };
    let row = |row: &Row| {
        let step = &row.step;
        let title = neutralise(&step.title);
        let title = if row.critical { paint.bold(&title) } else { title };
        let some = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), duration);
        let slack = row.slack.filter(|_| !row.critical).map(duration).unwrap_or_default();
        let mut cells = vec![mark(row.critical, paint), title, some(step.started), some(step.started.map(|_| step.took)), slack];
        cells.extend((bars > 0).then(|| bar(row, bars, of.run.total, paint)));
        cells.push(waited(row));
        cells
    };
    let rows: Vec<Vec<String>> = of.steps.iter().map(row).collect();
    let scale = scale(bars, of.run.total);
    let mut heads = vec!["", "step", "start ", "took ", "slack "];
    heads.extend((bars > 0).then_some(scale.as_str()));
    heads.push("waited for");
    lines(&heads, &rows, width, paint)
}

/// What a step waited for the longest, and how long; or that it did not come to its end.
fn waited(row: &Row) -> String {
    let wait = row.step.longest_wait().map(|wait| format!("{}: {}", duration(wait.lasted), neutralise(&wait.reason)));
    match row.step.state {
        State::Done => wait.unwrap_or_default(),
        state => [Some(state.word().to_owned()), wait].into_iter().flatten().collect::<Vec<_>>().join("; "),
    }
}

/// The head of the bars: `0 s         62.3 s`.
fn scale(bars: usize, total: Duration) -> String {
    format!("0 s{:>room$}", duration(total), room = bars.saturating_sub(3))
}

/// A step as a bar: full where it is on the critical path.
fn bar(row: &Row, bars: usize, total: Duration, paint: Paint) -> String {
    let Some(started) = row.step.started else { return String::new() };
    let column = |at: Duration| {
        let bars = u128::try_from(bars).unwrap_or_default();
        usize::try_from((at.as_micros() * bars + total.as_micros() / 2) / total.as_micros().max(1)).unwrap_or_default()
    };
    let from = column(started).min(bars - 1);
    let length = column(started + row.step.took).saturating_sub(from).max(1);
    let mark = match (row.critical, paint.unicode) {
        (true, true) => "█",
        (false, true) => "░",
        (true, false) => "#",
        (false, false) => "-",
    };
    let bar = mark.repeat(length);
    let bar = if row.critical { paint.warn(&bar) } else { paint.accent(&bar) };
    " ".repeat(from) + &bar
}

fn helps(all: &[Help], paint: Paint) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.bold("what would help"));
    let _ = writeln!(text, "  {}", paint.dim("how much earlier it would have ended without it, had all else taken as long as it did"));
    for help in all {
        let (took, saves) = (duration(help.took), duration(help.saves));
        let took = if took == saves || help.took.is_zero() { String::new() } else { format!(" ({took} on the path)") };
        let more = duration(help.up_to);
        let more = if more == saves { String::new() } else { format!(", up to {more} if what waited meanwhile waited for it") };
        let _ = writeln!(text, "  {saves:>8}  {}{}", neutralise(&help.what), paint.dim(&(took + &more)));
        if let Some(advice) = help.advice {
            let _ = writeln!(text, "            {}", advice.sentence());
        }
    }
    text
}

/// A run in the list of all, as data.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimingsLine<'a> {
    number: usize,
    #[serde(flatten)]
    run: &'a Run,
    steps: usize,
    #[serde(serialize_with = "crate::event::seconds::serialize")]
    bound: Duration,
}

impl<'a> TimingsLine<'a> {
    /// The line of a run.
    #[must_use]
    pub fn of(of: &'a Timings) -> Self {
        let steps = of.steps.iter().filter(|row| row.step.started.is_some()).count();
        Self { number: of.number, run: &of.run, steps, bound: of.bound }
    }
}

/// All runs, a line each.
#[must_use]
pub fn timings_list(all: &[Timings], width: Option<usize>, paint: Paint) -> String {
    let row = |of: &Timings| {
        let line = TimingsLine::of(of);
        let outcome = match of.run.outcome {
            Outcome::Done => paint.good(Outcome::Done.word()),
            Outcome::Failed => paint.bad(Outcome::Failed.word()),
            other => paint.warn(other.word()),
        };
        vec![
            of.number.to_string(),
            of.run.time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
            neutralise(&of.run.verb),
            neutralise(&of.run.target),
            outcome,
            line.steps.to_string(),
            duration(of.run.before),
            duration(of.bound),
            duration(of.run.total),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    super::table(&["run ", "began", "verb", "of", "outcome", "steps ", "before ", "longest chain ", "total "], &rows, width, paint)
}

/// What differs between two runs.
#[must_use]
pub fn timings_compared(of: &Comparison, width: Option<usize>, paint: Paint) -> String {
    let side = |name: &str, number: usize, run: &Run| format!("{} {}\n", paint.bold(name), head(number, run));
    let mut text = side("A", of.a.number, &of.a.run) + &side("B", of.b.number, &of.b.run) + "\n";
    let (a, b) = (&of.a.run, &of.b.run);
    let some = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), duration);
    let row = |critical: bool, what: &str, a: Option<Duration>, b: Option<Duration>| {
        vec![mark(critical, paint), what.to_owned(), some(a), some(b), difference(a.unwrap_or_default(), b.unwrap_or_default(), paint)]
    };
    let sums = [("total", a.total, b.total), ("before the first step", a.before, b.before), ("longest chain", of.a.bound, of.b.bound)];
    let mut rows: Vec<Vec<String>> = sums.into_iter().map(|(what, a, b)| row(false, &paint.bold(what), Some(a), Some(b))).collect();
    rows.extend(of.steps.iter().map(|step| row(step.critical, &neutralise(&step.title), step.a, step.b)));
    text += &super::table(&["", "step", "A ", "B ", "B - A "], &rows, width, paint);
    text
}

/// `+1.2 s`, `-0.4 s`.
fn difference(a: Duration, b: Duration, paint: Paint) -> String {
    let between = duration(a.abs_diff(b));
    match b.cmp(&a) {
        std::cmp::Ordering::Greater => paint.bad(&format!("+{between}")),
        std::cmp::Ordering::Less => paint.good(&format!("-{between}")),
        std::cmp::Ordering::Equal => "0 ms".to_owned(),
    }
}

#[cfg(test)]
mod tests;
