//! A line that a program of the stack wrote, behind the name of who wrote it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Paint, neutralise};

/// `task-api  task-api-5d9-abcde api | GET /api/tasks 200`. `voice` tells whose colour it has; `width` is that of the longest name.
#[must_use]
pub fn log_line(component: &str, from: &str, time: Option<Timestamp>, text: &str, (voice, width): (usize, usize), paint: Paint) -> String {
    let name = paint.voice(voice, &format!("{component:width$}"));
    let time = time.map(|time| format!("{} ", time.to_zoned(TimeZone::UTC).strftime("%H:%M:%S%.3f"))).unwrap_or_default();
    format!("{} {name} {} {} {}\n", paint.dim(time.trim_end()), paint.dim(&neutralise(from)), paint.dim(paint.bar()), neutralise(text))
        .trim_start()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_who_and_what_and_cannot_control_the_terminal() {
        let time = "2026-11-22T03:14:15.926Z".parse().unwrap();
        let line = log_line("keda", "keda-operator-1 keda", Some(time), "one\u{1b}[2Jtwo\u{7}", (0, 8), Paint::default());
        assert_eq!(line, "03:14:15.926 keda     keda-operator-1 keda | onetwo\\x07\n");
        assert_eq!(log_line("a", "p", None, "x", (0, 1), Paint::default()), "a p | x\n");
    }
}
