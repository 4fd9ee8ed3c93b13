//! The live view on a terminal: what ended scrolls up, what runs stays below with its reason.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::{measure_text_width, pad_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::event::{CheckOutcome, Event};
use crate::failure::FailureKind;

use super::failure::endings;
use super::plain::end_line;
use super::run::{Run, State};
use super::text::{neutralise, whole};
use super::{Paint, Renderer, duration};

/// How often the live rows are drawn again.
const TICK: Duration = Duration::from_millis(100);
/// Columns of a title at most; longer ones are cut.
const TITLE: usize = 48;
/// Columns of a duration: `59 m 59 s`.
const TOOK: usize = 9;

/// What the live view draws on; handed in, so that tests can look at it.
pub struct Screen {
    /// Where the live rows are drawn.
    pub target: ProgressDrawTarget,
    /// Where the text after the run goes: the same screen.
    pub after: Box<dyn Write + Send>,
    /// The time since the run began, the same as in `at`.
    pub now: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Rows and columns, asked for at every drawing since people resize windows.
    pub size: Arc<dyn Fn() -> (usize, usize) + Send + Sync>,
    /// Whether rows are drawn again between events, by a thread of the progress bar.
    pub ticking: bool,
}

/// Shows a run as a live view.
///
/// The cursor is never hidden, so nothing can leave a terminal without one. When it is dropped the live rows are taken
/// away; only while a panic unwinds they stay, for the progress bar then draws nothing.
pub struct Tty {
    bar: ProgressBar,
    after: Box<dyn Write + Send>,
    size: Arc<dyn Fn() -> (usize, usize) + Send + Sync>,
    run: Arc<Mutex<Run>>,
    paint: Paint,
    ticking: bool,
}

impl Tty {
    /// A view on `screen`.
    #[must_use]
    pub fn new(screen: Screen, paint: Paint) -> Self {
        let Screen { target, after, now, size, ticking } = screen;
        let run = Arc::new(Mutex::new(Run::default()));
        let rows = {
            let (run, size) = (Arc::clone(&run), Arc::clone(&size));
            move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
                let run = run.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = to.write_str(&live(&run, now(), size(), paint).join("\n"));
            }
        };
        // one bar that draws all rows: what is on screen is then one pure function of the run and the time
        let style = ProgressStyle::default_spinner();
        let style = style.clone().template("{live}").unwrap_or(style).with_key("live", rows);
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self { bar, after, size, run, paint, ticking }
    }
}

impl Renderer for Tty {
    fn on(&mut self, event: &Event, at: Duration) {
        let (line, ended) = {
            let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            run.on(event, at);
            let ended = if matches!(event, Event::PlanFinished { .. }) { endings(&run, self.paint) } else { String::new() };
            (scrolled(&run, event, (self.size)().1, self.paint), ended)
        };
        match event {
            Event::PlanStarted { .. } if self.ticking => self.bar.enable_steady_tick(TICK),
            Event::PlanFinished { .. } => {
                self.bar.finish_and_clear();
                if let Some(line) = line {
                    let _ = writeln!(self.after, "{line}");
                }
                if !ended.is_empty() {
                    let _ = write!(self.after, "\n{ended}");
                }
                let _ = self.after.flush();
                return;
            }
            _ => {}
        }
        if let Some(line) = line {
            self.bar.println(&line);
        }
        // draws when no thread ticks; with one this is the next tick's work
        if !self.ticking {
            self.bar.tick();
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        if !self.bar.is_finished() {
            self.bar.finish_and_clear();
        }
    }
}

/// How the columns of a row lie in `width`.
struct Columns {
    mark: usize,
    title: usize,
    width: usize,
}

impl Columns {
    fn of(run: &Run, width: usize, paint: Paint) -> Self {
        // the last column stays free: a character there makes some terminals wrap
        let width = width.saturating_sub(1);
        let longest = run.steps.iter().map(|step| measure_text_width(&step.title)).max().unwrap_or(0);
        let room = width.saturating_sub(paint.mark_width() + 2 + TOOK);
        Self { mark: paint.mark_width(), title: longest.min(TITLE).min(room.max(8)), width }
    }

    /// `✓ install keda 2.21.0     12.4 s  the detail as far as it fits`.
    fn row(&self, mark: &str, title: &str, took: &str, detail: &str, paint: Paint) -> String {
        let title = paint.cut(title, self.title);
        let mark = pad_str(mark, self.mark, console::Alignment::Left, None);
        let title = pad_str(&title, self.title, console::Alignment::Left, None);
        let head = format!("{mark} {title} {}", paint.dim(&format!("{took:>TOOK$}")));
        let left = self.width.saturating_sub(measure_text_width(&head) + 2);
        // a detail of a few letters says nothing
        let line = if detail.is_empty() || left < 6 { head } else { format!("{head}  {}", paint.dim(&paint.cut(detail, left))) };
        paint.cut(line.trim_end(), self.width)
    }
}

/// The line that an event leaves behind, if any.
fn scrolled(run: &Run, event: &Event, width: usize, paint: Paint) -> Option<String> {
    let columns = Columns::of(run, width, paint);
    let cut = |line: String| paint.cut(&line, columns.width);
    Some(match event {
        Event::StepDone { id, took } => columns.row(&paint.mark(true), run.title(id), &duration(*took), "", paint),
        Event::StepFailed { id, took, failure } => {
            let mark = if failure.kind == FailureKind::Cancelled { paint.warn("!") } else { paint.mark(false) };
            columns.row(&mark, run.title(id), &duration(*took), &neutralise(&failure.what), paint)
        }
        Event::CheckDone { report, .. } => {
            let detail = match report.outcome() {
                CheckOutcome::Passed => neutralise(&report.seen),
                CheckOutcome::Failed => format!("expected {}, seen {}", neutralise(&report.expected), neutralise(&report.seen)),
                CheckOutcome::Skipped(reason) => neutralise(reason),
            };
            let title = format!("check {}", neutralise(&report.name));
            let took = if report.skipped.is_some() { String::new() } else { duration(report.took) };
            columns.row(&paint.outcome(report.outcome()), &title, &took, &detail, paint)
        }
        Event::StepNote { id, text } => cut(format!(
            "{} {}: {}",
            pad_str(&paint.warn("!"), columns.mark, console::Alignment::Left, None),
            run.title(id),
            neutralise(text)
        )),
        Event::Note { text } => cut(neutralise(text)),
        Event::LeftOut { what, reason } => {
            columns.row(&paint.skipped(), &neutralise(what), "", &format!("left out: {}", neutralise(reason)), paint)
        }
        Event::Cancelling => cut(paint.warn("cancelling: no new step starts, running steps end")),
        Event::PlanFinished { done, failed, skipped, took } => cut(paint.dim(&end_line(*done, *failed, *skipped, *took))),
        _ => return None,
    })
}

/// The live rows: each running step with the time that it runs and what it waits for, and the count below.
fn live(run: &Run, now: Duration, (rows, width): (usize, usize), paint: Paint) -> Vec<String> {
    let columns = Columns::of(run, width, paint);
    let running = run.running();
    // never more than the window holds: rows that scrolled away cannot be taken back
    let shown = running.len().min(rows.saturating_sub(3).max(1));
    let mark = paint.accent(spinner(now, paint));
    let mut lines: Vec<String> = running[..shown]
        .iter()
        .map(|(_, title, since, reason)| columns.row(&mark, title, &whole(now.saturating_sub(*since)), reason, paint))
        .collect();
    let ended = run.count(|state| matches!(state, State::Done));
    let failed = run.count(|state| matches!(state, State::Failed(_)));
    let mut parts = vec![format!("{ended}/{} done", run.steps.len())];
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if running.len() > shown {
        parts.push(format!("{} more running", running.len() - shown));
    }
    if run.cancelled {
        parts.push("cancelling".into());
    }
    parts.push(whole(now));
    let count = format!("{}{}", " ".repeat(columns.mark + 1), parts.join(&format!(" {} ", paint.dot())));
    lines.push(paint.dim(&paint.cut(&count, columns.width)));
    lines
}

fn spinner(now: Duration, paint: Paint) -> &'static str {
    const BRAILLE: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
    const ASCII: [&str; 4] = ["|", "/", "-", "\\"];
    let frames: &[&'static str] = if paint.unicode { &BRAILLE } else { &ASCII };
    let frame = usize::try_from(now.as_millis() / TICK.as_millis()).unwrap_or(0);
    frames[frame % frames.len()]
}

#[cfg(test)]
mod tests;
