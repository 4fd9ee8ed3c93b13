//! Colours and characters by meaning.

use console::Style;

use crate::event::CheckOutcome;

/// Whether text is coloured, and whether it may go beyond ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Use colours.
    pub color: bool,
    /// Use `✓`, `✗`, `·`, `…` and `│`; else ASCII stands for them.
    pub unicode: bool,
}

impl Paint {
    /// As it should be.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.styled(Style::new().green(), text)
    }

    /// Failed.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.styled(Style::new().red().bold(), text)
    }

    /// Not yet, or worth a look.
    #[must_use]
    pub fn warn(self, text: &str) -> String {
        self.styled(Style::new().yellow(), text)
    }

    /// Something to type or to open.
    #[must_use]
    pub fn accent(self, text: &str) -> String {
        self.styled(Style::new().cyan(), text)
    }

    /// Beside the point.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.styled(Style::new().dim(), text)
    }

    /// A heading.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    /// One of several that are told apart, by its number; it comes again after six.
    #[must_use]
    pub fn voice(self, number: usize, text: &str) -> String {
        let style = Style::new();
        let styles = [
            style.clone().cyan(),
            style.clone().yellow(),
            style.clone().green(),
            style.clone().magenta(),
            style.clone().blue(),
            style.red(),
        ];
        let [style, ..] = &styles[number % styles.len()..] else { return text.to_owned() };
        self.styled(style.clone(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { style.force_styling(true).apply_to(text).to_string() } else { text.to_owned() }
    }

    /// The mark before what passed or failed, in its colour.
    #[must_use]
    pub fn mark(self, passed: bool) -> String {
        match (passed, self.unicode) {
            (true, true) => self.good("✓"),
            (true, false) => self.good("ok"),
            (false, true) => self.bad("✗"),
            (false, false) => self.bad("FAIL"),
        }
    }

    /// The mark before what was not made.
    #[must_use]
    pub fn skipped(self) -> String {
        self.dim(if self.unicode { "–" } else { "skip" })
    }

    /// The mark before a check, by how it came out.
    #[must_use]
    pub fn outcome(self, outcome: CheckOutcome<'_>) -> String {
        match outcome {
            CheckOutcome::Passed => self.mark(true),
            CheckOutcome::Failed => self.mark(false),
            CheckOutcome::Skipped(_) => self.skipped(),
        }
    }

    /// Columns of the widest mark.
    pub(super) const fn mark_width(self) -> usize {
        if self.unicode { 1 } else { 4 }
    }

    /// Stands where text was cut.
    pub(super) const fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// Stands between parts of a line.
    pub(super) const fn dot(self) -> &'static str {
        if self.unicode { "·" } else { "-" }
    }

    /// Stands before quoted lines.
    pub(super) const fn bar(self) -> &'static str {
        if self.unicode { "│" } else { "|" }
    }

    /// Cuts `text` to `width` columns.
    pub(super) fn cut(self, text: &str, width: usize) -> String {
        // a mark that is itself too wide would not fit
        let mark = if console::measure_text_width(self.ellipsis()) < width.max(2) { self.ellipsis() } else { "" };
        console::truncate_str(text, width, mark).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_asked_for_and_not_guessed() {
        assert_eq!(Paint { color: true, unicode: true }.mark(true), "\u{1b}[32m✓\u{1b}[0m");
        assert_eq!(Paint { color: false, unicode: true }.mark(true), "✓");
    }

    #[test]
    fn ascii_stands_in_where_the_locale_is_not_utf8() {
        let ascii = Paint::default();
        let all = [ascii.mark(true), ascii.mark(false), ascii.dot().into(), ascii.bar().into(), ascii.cut("abcdefgh", 5)].concat();
        assert!(all.is_ascii(), "{all}");
    }
}
