//! Commands that stand beside objects: in the ```` ```bash ```` blocks of a document, or in a script.

use super::source::Segment;
use crate::yaml::Pos;

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What is typed, lines that end in `\` joined by a blank; comment lines are left out.
    pub text: String,
    /// Where it begins.
    pub pos: Pos,
}

/// The commands of a text.
pub(super) fn commands(segment: &Segment) -> Vec<Command> {
    if segment.flat {
        let pos = segment.place(Pos { source: 0, line: 1, column: 1 });
        return vec![Command { text: segment.text.trim().to_owned(), pos }];
    }
    let mut all: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for (at, line) in segment.text.lines().enumerate() {
        let said = line.trim();
        let said = said.strip_prefix("$ ").unwrap_or(said);
        if !goes_on && (said.is_empty() || said.starts_with('#')) {
            continue;
        }
        let (said, more) = said.strip_suffix('\\').map_or((said, false), |said| (said.trim_end(), true));
        if let Some(begun) = all.last_mut().filter(|_| goes_on) {
            begun.text.extend([" ", said]);
        } else {
            let column = line.chars().take_while(|c| c.is_whitespace()).count() + 1;
            all.push(Command { text: said.to_owned(), pos: segment.place(Pos { source: 0, line: at + 1, column }) });
        }
        goes_on = more;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::source::{Form, segment};

    #[test]
    fn a_command_may_go_over_several_lines() {
        let text = "```sh\n# install it\nhelm install eg oci://x \\\n  --version v1\n\n  $ kubectl get pods\n```\n";
        let segment = segment::split(text, Form::Markdown, 0).remove(0);
        let all: Vec<_> = commands(&segment).into_iter().map(|c| (c.text, c.pos.line, c.pos.column)).collect();
        assert_eq!(all, [("helm install eg oci://x --version v1".to_owned(), 3, 1), ("kubectl get pods".to_owned(), 6, 3)]);
    }
}
