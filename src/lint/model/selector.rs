//! Label selectors.

use super::Answer;
use crate::lint::place::Place;
use crate::yaml::{Data, Node};

/// The labels of something: those that are known, and whether there may be others.
#[derive(Clone, Debug, Default)]
pub struct Labels<'a> {
    known: Vec<(&'a str, &'a str)>,
    open: bool,
}

impl<'a> Labels<'a> {
    /// All labels of a map such as `metadata.labels`; none where there is no map.
    #[must_use]
    pub fn all(map: Option<&'a Node>) -> Self {
        let entries = if let Some(Node { data: Data::Map(entries), .. }) = map { entries.as_slice() } else { &[] };
        let known = entries.iter().filter_map(|(key, value)| Some((key.text.as_str(), value.as_text()?))).collect();
        Self { known, open: false }
    }

    /// One label is known, others may be there.
    #[must_use]
    pub fn at_least(key: &'a str, value: &'a str) -> Self {
        Self { known: vec![(key, value)], open: true }
    }

    /// The same labels and one more, unless it is there.
    #[must_use]
    pub fn with(mut self, key: &'a str, value: &'a str) -> Self {
        if self.get(key).is_none() {
            self.known.push((key, value));
        }
        self
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.known.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    /// Judges one value: `None` where the label is not there.
    fn judge(&self, key: &str, test: impl Fn(Option<&str>) -> bool) -> Answer {
        match self.get(key) {
            None if self.open => Answer::Unknown,
            value => Answer::of(test(value)),
        }
    }
}

/// Whether a selector (`matchLabels`, `matchExpressions`) selects labels. An empty one selects everything.
#[must_use]
pub fn selects(selector: &Place<'_>, labels: &Labels<'_>) -> Answer {
    let mut answer = Answer::Yes;
    for (key, value) in selector.get("matchLabels").into_iter().flat_map(|map| map.entries()) {
        answer = answer.and(labels.judge(key, |label| label == value.text()));
    }
    for expression in selector.get("matchExpressions").into_iter().flat_map(|list| list.items()) {
        let Some(key) = expression.text_of("key") else { continue };
        let values: Vec<&str> =
            expression.get("values").into_iter().flat_map(|list| list.items()).filter_map(|value| value.text()).collect();
        let one = match expression.text_of("operator") {
            Some("In") => labels.judge(key, |label| label.is_some_and(|label| values.contains(&label))),
            Some("NotIn") => labels.judge(key, |label| label.is_none_or(|label| !values.contains(&label))),
            Some("Exists") => labels.judge(key, |label| label.is_some()),
            Some("DoesNotExist") => labels.judge(key, |label| label.is_none()),
            _ => Answer::Unknown,
        };
        answer = answer.and(one);
    }
    answer
}
