//! A run as one page that needs nothing but itself: no script, no font, no picture from elsewhere.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::{duration, neutralise, plural};
use super::{facts, head, waited};
use crate::timings::{Row, Step, Timings};

/// Its colours and its layout, for light and for dark surroundings.
const STYLE: &str = include_str!("page.css");
/// About how many lines of time stand behind the bars.
const TICKS: u32 = 8;

/// The page.
#[must_use]
pub fn page(of: &Timings) -> String {
    let title = escape(&head(of.number, &of.run));
    let mut body = format!("<h1>{title}</h1>\n<dl>\n");
    let total = ("total", of.run.total, "what a person waited".to_owned());
    for (what, took, note) in std::iter::once(total).chain(facts(of)) {
        let _ = writeln!(body, "<div><dt>{what}</dt><dd>{}</dd><dd class=note>{note}</dd></div>", duration(took));
    }
    body.push_str("</dl>\n");
    body.push_str(&chart(of));
    body.push_str(&helps(of));
    let version = of.run.version.as_ref().map_or_else(String::new, |version| format!(" {}", escape(version)));
    let _ = writeln!(
        body,
        "<p class=note>Written by tstack{version}. A bar that is full and marked ● is on the critical path; its light part said what it waited for: point at it.</p>"
    );
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=content-security-policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// The Gantt chart: a row for each step.
fn chart(of: &Timings) -> String {
    let total = of.run.total;
    let mut text = String::from(
        "<table>\n<thead><tr><th>step<th class=number>start<th class=number>took<th class=number>slack<th class=time><div class=track>",
    );
    for at in ticks(total) {
        let _ = write!(text, "<span style=\"left:{}%\">{}</span>", percent(at, total), duration(at));
    }
    text.push_str("</div></thead>\n<tbody>\n");
    for row in &of.steps {
        text.push_str(&line(row, total));
    }
    text.push_str("</tbody>\n</table>\n");
    text
}

fn line(row: &Row, total: Duration) -> String {
    let Row { step, critical, slack } = row;
    let title = escape(&step.title);
    let (class, mark) = if *critical { (" class=critical", "● ") } else { ("", "") };
    let Some(started) = step.started else {
        return format!(
            "<tr class=skipped><td>{title}<td class=number>-<td class=number>-<td class=number><td>{}</tr>\n",
            step.state.word()
        );
    };
    let slack = slack.filter(|_| !critical).map(duration).unwrap_or_default();
    let mut text = format!(
        "<tr{class}><td title=\"{}\">{mark}{title}<td class=number>{}<td class=number>{}<td class=number>{slack}<td><div class=track>",
        escape(&step.id),
        duration(started),
        duration(step.took),
    );
    for at in ticks(total) {
        let _ = write!(text, "<i style=\"left:{}%\"></i>", percent(at, total));
    }
    let _ = write!(
        text,
        "<div class=\"bar {}\" style=\"left:{}%;width:{}%\" title=\"{}\">",
        step.state.word().replace(' ', "-"),
        percent(started, total),
        percent(step.took, total),
        escape(&tip(row, started))
    );
    for wait in &step.waits {
        let tip = format!("{}: {}, for {}", step.title, wait.reason, duration(wait.lasted));
        let left = percent(wait.at.saturating_sub(started), step.took);
        let _ = write!(text, "<b style=\"left:{left}%;width:{}%\" title=\"{}\"></b>", percent(wait.lasted, step.took), escape(&tip));
    }
    text.push_str("</div></div></tr>\n");
    text
}

/// What is said when one points at a bar.
fn tip(row: &Row, started: Duration) -> String {
    let Step { title, took, .. } = &row.step;
    let mut tip = format!("{title}: from {} to {}, {}", duration(started), duration(started + *took), duration(*took));
    if row.critical {
        tip.push_str(", on the critical path");
    } else if let Some(slack) = row.slack {
        let _ = write!(tip, ", could take {} longer", duration(slack));
    }
    let waited = waited(row);
    if !waited.is_empty() {
        let _ = write!(tip, "; {waited}");
    }
    tip
}

fn helps(of: &Timings) -> String {
    if of.help.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "<h2>What would help</h2>\n<p class=note>How much earlier it would have ended without it, had all else taken as long as it did.</p>\n<ul>\n",
    );
    for help in &of.help {
        let steps =
            if help.steps.len() > 1 { format!(" <span class=note>({})</span>", plural(help.steps.len(), "step")) } else { String::new() };
        let (saves, up_to) = (duration(help.saves), duration(help.up_to));
        let _ = write!(text, "<li><strong>{saves}</strong> {}{steps}", escape(&help.what));
        if saves != up_to {
            let _ = write!(text, ", <span class=note>up to {up_to} if what waited meanwhile waited for it</span>");
        }
        if let Some(advice) = help.advice {
            let _ = write!(text, "<br>{}", code(advice.sentence()));
        }
        text.push_str("</li>\n");
    }
    text + "</ul>\n"
}

/// Text with what stands between backticks as code.
fn code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(place, part)| if place % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) }).collect()
}

/// Moments for the lines of time: 1, 2 or 5 times a power of ten apart.
fn ticks(total: Duration) -> impl Iterator<Item = Duration> {
    let least = (total / TICKS).max(Duration::from_millis(1));
    let decades = (0..9).flat_map(|power| [1, 2, 5].map(|times| Duration::from_millis(times * 10_u64.pow(power))));
    let step = decades.into_iter().find(|step| *step >= least).unwrap_or(total);
    (0..=TICKS).map(move |place| step * place).take_while(move |at| *at <= total)
}

/// `12.345`: where a time stands in another.
fn percent(part: Duration, whole: Duration) -> String {
    let share = if whole.is_zero() { 0.0 } else { part.div_duration_f64(whole) * 100.0 };
    format!("{share:.3}")
}

/// Text of anybody as text of a page: in an element, and in an attribute between quotes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in neutralise(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_stays_text() {
        assert_eq!(escape("<b title=\"x\" 'y'>&\u{202e}\u{1b}[1m"), "&lt;b title=&quot;x&quot; &#39;y&#39;&gt;&amp;\\u{202e}");
    }

    #[test]
    fn lines_of_time_stand_at_round_moments() {
        let at = |ms| ticks(Duration::from_millis(ms)).map(duration).collect::<Vec<_>>().join(" ");
        assert_eq!(at(62_300), "0 ms 10.0 s 20.0 s 30.0 s 40.0 s 50.0 s 1 m 0 s");
        assert_eq!(at(4_100), "0 ms 1.0 s 2.0 s 3.0 s 4.0 s");
        assert_eq!(at(0), "0 ms");
    }
}
