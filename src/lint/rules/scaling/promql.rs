//! A small reader of PromQL: what a query selects, how many series it answers with, and where it cannot be read.
//!
//! Own code, for the crates that read PromQL bring a parser generator of twenty crates with them. It takes more than Prometheus does
//! (types of arguments are not checked but for ranges): what it refuses is wrong, what it takes may be.

/// A query, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// What it selects, in the order of the text.
    pub(crate) selectors: Vec<Selector>,
    /// How many series its answer has.
    pub(crate) answer: Answer,
}

/// `http_requests_total{service="task-api"}[2m]`
#[derive(Debug, Default)]
pub(crate) struct Selector {
    /// The name of the metric; empty where only labels say it.
    pub(crate) metric: String,
    /// What the labels must be.
    pub(crate) matchers: Vec<Matcher>,
}

/// `service="task-api"`
#[derive(Debug)]
pub(crate) struct Matcher {
    /// The label.
    pub(crate) label: String,
    /// `=`, `!=`, `=~`, `!~`
    pub(crate) op: String,
    /// What it is compared with.
    pub(crate) value: String,
}

/// How many series an expression has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// A number.
    Scalar,
    /// At most one.
    #[default]
    One,
    /// The buckets of one histogram.
    Buckets,
    /// As many as there are label values.
    Many,
    /// Points over time of one series.
    RangeOfOne,
    /// Points over time of many series.
    Range,
}

/// Why a query cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The character where, from 1.
    pub(crate) at: usize,
    /// What is wrong.
    pub(crate) message: String,
}

/// Reads a query.
pub(crate) fn read(text: &str) -> Result<Query, Fault> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0, query: Query::default() };
    reader.query.answer = reader.expression()?;
    match reader.peek() {
        Token::End => Ok(reader.query),
        _ => Err(reader.fault("the query should end here")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Number(String),
    Text(String),
    Mark(&'static str),
    End,
}

/// How deep a query may nest: each level is a call of this reader, and a hostile one has a million.
const DEEPEST: usize = 100;
const MARKS: [&str; 23] =
    ["==", "!=", "=~", "!~", ">=", "<=", "(", ")", "{", "}", "[", "]", ",", "+", "-", "*", "/", "%", "^", "=", ">", "<", "@"];
/// Joins of two sides, weakest last; how strong they are counts nothing here.
const JOINS: [&str; 12] = ["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<="];
const WORD_JOINS: [&str; 4] = ["and", "or", "unless", "atan2"];
const AGGREGATIONS: [&str; 14] = [
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "quantile",
    "topk",
    "bottomk",
    "count_values",
    "limitk",
    "limit_ratio",
];
const SEVERAL: [&str; 5] = ["topk", "bottomk", "count_values", "limitk", "limit_ratio"];
/// Functions of a range: `rate(x)` without `[1m]` is refused.
const OF_RANGES: [&str; 13] = [
    "rate",
    "irate",
    "increase",
    "delta",
    "idelta",
    "deriv",
    "changes",
    "resets",
    "avg_over_time",
    "sum_over_time",
    "max_over_time",
    "min_over_time",
    "count_over_time",
];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let chars: Vec<char> = text.chars().collect();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let (start, c) = (at, chars[at]);
        let rest = |from: usize, test: &dyn Fn(char) -> bool| chars[from..].iter().take_while(|c| test(**c)).count();
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let token = if c == '#' {
            at += rest(at, &|c| c != '\n');
            continue;
        } else if c.is_ascii_alphabetic() || c == '_' || c == ':' {
            at += rest(at, &|c| c.is_ascii_alphanumeric() || "_:".contains(c));
            Token::Word(chars[start..at].iter().collect())
        } else if c.is_ascii_digit() || c == '.' {
            at += rest(at, &|c| c.is_ascii_alphanumeric() || c == '.');
            if chars[at - 1] == 'e' && chars.get(at).is_some_and(|c| "+-".contains(*c)) {
                at += 1 + rest(at + 1, &|c| c.is_ascii_digit());
            }
            Token::Number(chars[start..at].iter().collect())
        } else if "\"'`".contains(c) {
            let mut value = String::new();
            at += 1;
            loop {
                let Some(next) = chars.get(at) else {
                    return Err(Fault { at: start + 1, message: format!("the text that begins with {c} does not end") });
                };
                at += 1;
                match *next {
                    '\\' if c != '`' => {
                        value.extend(chars.get(at));
                        at += 1;
                    }
                    next if next == c => break,
                    next => value.push(next),
                }
            }
            Token::Text(value)
        } else {
            let here: String = chars[at..(at + 2).min(chars.len())].iter().collect();
            let Some(mark) = MARKS.into_iter().find(|mark| here.starts_with(mark)) else {
                // a colon stands in a subquery: `[1h:5m]`
                return Err(Fault { at: at + 1, message: format!("{c} has no meaning here") });
            };
            at += mark.len();
            Token::Mark(mark)
        };
        all.push((start, token));
    }
    all.push((chars.len(), Token::End));
    Ok(all)
}

struct Reader {
    tokens: Vec<(usize, Token)>,
    at: usize,
    /// How many parts are open around the one that is read.
    depth: usize,
    query: Query,
}

impl Reader {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].1
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { at: self.tokens[self.at].0 + 1, message: message.into() }
    }

    fn takes(&mut self, mark: &'static str) -> bool {
        let found = *self.peek() == Token::Mark(mark);
        if found {
            self.next();
        }
        found
    }

    fn wants(&mut self, mark: &'static str) -> Result<(), Fault> {
        if self.takes(mark) { Ok(()) } else { Err(self.fault(format!("a {mark} is missing"))) }
    }

    fn takes_word(&mut self, words: &[&str]) -> Option<String> {
        let Token::Word(word) = self.peek() else { return None };
        let word = word.to_lowercase();
        words.contains(&word.as_str()).then(|| {
            self.next();
            word
        })
    }

    fn expression(&mut self) -> Result<Answer, Fault> {
        let mut left = self.part()?;
        loop {
            let sets = match self.peek() {
                Token::Mark(mark) if JOINS.contains(mark) => {
                    self.next();
                    None
                }
                Token::Word(_) => match self.takes_word(&WORD_JOINS) {
                    Some(word) => Some(word),
                    None => return Ok(left),
                },
                _ => return Ok(left),
            };
            let _ = self.takes_word(&["bool"]);
            if self.takes_word(&["on", "ignoring"]).is_some() {
                self.labels()?;
                if self.takes_word(&["group_left", "group_right"]).is_some() && *self.peek() == Token::Mark("(") {
                    self.labels()?;
                }
            }
            let right = self.part()?;
            left = match sets.as_deref() {
                Some("or") => left.max(right),
                Some("and" | "unless") => left,
                // a vector of one series finds at most one partner
                _ if left == Answer::One || right == Answer::One => Answer::One,
                _ => left.max(right),
            };
        }
    }

    fn part(&mut self) -> Result<Answer, Fault> {
        if self.depth == DEEPEST {
            return Err(self.fault(format!("the query is nested more than {DEEPEST} deep")));
        }
        self.depth += 1;
        let answer = self.one_part();
        self.depth -= 1;
        answer
    }

    fn one_part(&mut self) -> Result<Answer, Fault> {
        if self.takes("-") || self.takes("+") {
            return self.part();
        }
        let start = self.at;
        let mut answer = match self.next() {
            Token::Number(_) | Token::Text(_) => Answer::Scalar,
            Token::Mark("(") => {
                let inner = self.expression()?;
                self.wants(")")?;
                inner
            }
            Token::Mark("{") => {
                self.at -= 1;
                self.selector(String::new())?
            }
            Token::Word(word) => self.named(word)?,
            Token::End => return Err(self.fault("something is missing at the end")),
            Token::Mark(mark) => {
                self.at = start;
                return Err(self.fault(format!("a value should stand here and not {mark}")));
            }
        };
        while let Some(next) = self.suffix(answer)? {
            answer = next;
        }
        Ok(answer)
    }

    /// `[5m]`, `[1h:5m]`, `offset 5m`, `@ end()`.
    fn suffix(&mut self, answer: Answer) -> Result<Option<Answer>, Fault> {
        if self.takes("[") {
            if !matches!(self.peek(), Token::Number(_)) {
                return Err(self.fault("a length of time should stand in the brackets, such as 1m"));
            }
            while !self.takes("]") {
                if !matches!(self.next(), Token::Number(_) | Token::Word(_) | Token::Mark("+" | "-" | "*" | "/")) {
                    return Err(self.fault("a ] is missing"));
                }
            }
            return Ok(Some(if answer <= Answer::One { Answer::RangeOfOne } else { Answer::Range }));
        }
        if self.takes_word(&["offset"]).is_some() {
            self.takes("-");
            return match self.next() {
                Token::Number(_) => Ok(Some(answer)),
                _ => Err(self.fault("a length of time should stand after offset")),
            };
        }
        if self.takes("@") {
            self.takes("-");
            if let Token::Word(_) = self.next() {
                self.wants("(")?;
                self.wants(")")?;
            }
            return Ok(Some(answer));
        }
        Ok(None)
    }

    fn named(&mut self, word: String) -> Result<Answer, Fault> {
        let lower = word.to_lowercase();
        if AGGREGATIONS.contains(&lower.as_str()) && (*self.peek() == Token::Mark("(") || matches!(self.peek(), Token::Word(_))) {
            return self.aggregation(&lower);
        }
        if *self.peek() == Token::Mark("(") {
            return self.call(&lower);
        }
        if ["inf", "nan"].contains(&lower.as_str()) {
            return Ok(Answer::Scalar);
        }
        self.selector(word)
    }

    fn aggregation(&mut self, name: &str) -> Result<Answer, Fault> {
        let mut grouping = self.grouping()?;
        self.arguments()?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        Ok(if SEVERAL.contains(&name) { Answer::Many } else { grouping.unwrap_or(Answer::One) })
    }

    /// `by (..)` or `without (..)`: what it leaves.
    fn grouping(&mut self) -> Result<Option<Answer>, Fault> {
        let Some(word) = self.takes_word(&["by", "without"]) else { return Ok(None) };
        let labels = self.labels()?;
        Ok(Some(match labels.as_slice() {
            [] if word == "by" => Answer::One,
            [label] if word == "by" && label == "le" => Answer::Buckets,
            _ => Answer::Many,
        }))
    }

    fn labels(&mut self) -> Result<Vec<String>, Fault> {
        self.wants("(")?;
        let mut all = Vec::new();
        while !self.takes(")") {
            let (Token::Word(label) | Token::Text(label)) = self.next() else {
                return Err(self.fault("names of labels should stand in these parentheses"));
            };
            all.push(label);
            self.takes(",");
        }
        Ok(all)
    }

    fn arguments(&mut self) -> Result<Vec<Answer>, Fault> {
        self.wants("(")?;
        let mut all = Vec::new();
        while !self.takes(")") {
            all.push(self.expression()?);
            if !self.takes(",") && *self.peek() != Token::Mark(")") {
                return Err(self.fault("a ) is missing"));
            }
        }
        Ok(all)
    }

    fn call(&mut self, name: &str) -> Result<Answer, Fault> {
        let start = self.at;
        let arguments = self.arguments()?;
        if OF_RANGES.contains(&name) && arguments.iter().all(|argument| *argument < Answer::RangeOfOne) {
            self.at = start;
            return Err(self.fault(format!("{name} looks at a stretch of time, and none is given: {name}(metric[1m])")));
        }
        Ok(match name {
            "scalar" | "time" | "pi" => Answer::Scalar,
            "vector" | "absent" | "absent_over_time" => Answer::One,
            "histogram_quantile" | "histogram_fraction" if arguments.contains(&Answer::Buckets) => Answer::One,
            _ => match arguments.into_iter().max() {
                Some(Answer::Buckets) => Answer::Buckets,
                Some(Answer::Many | Answer::Range) => Answer::Many,
                _ => Answer::One,
            },
        })
    }

    fn selector(&mut self, metric: String) -> Result<Answer, Fault> {
        let mut selector = Selector { metric, matchers: Vec::new() };
        if self.takes("{") {
            while !self.takes("}") {
                let (Token::Word(label) | Token::Text(label)) = self.next() else {
                    self.at -= 1;
                    return Err(self.fault("the name of a label or a } should stand here"));
                };
                let op = match self.peek() {
                    Token::Mark(op @ ("=" | "!=" | "=~" | "!~")) => (*op).to_owned(),
                    Token::Mark("," | "}") if selector.metric.is_empty() => {
                        selector.metric = label;
                        self.takes(",");
                        continue;
                    }
                    _ => return Err(self.fault(format!("=, !=, =~ or !~ should stand after {label}"))),
                };
                self.next();
                let Token::Text(value) = self.peek().clone() else { return Err(self.fault("a value in quotes should stand here")) };
                self.next();
                selector.matchers.push(Matcher { label, op, value });
                if !self.takes(",") && *self.peek() != Token::Mark("}") {
                    return Err(self.fault("a comma or } is missing"));
                }
            }
        }
        if let Some(name) = selector.matchers.iter().find(|matcher| matcher.label == "__name__" && matcher.op == "=") {
            selector.metric.clone_from(&name.value);
        }
        self.query.selectors.push(selector);
        Ok(Answer::Many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_selects_is_read_with_its_labels() {
        let query = read(r#"sum(rate(http_requests_total{service="task-api", code!~"5.."}[2m])) / on() group_left scalar(up)"#).unwrap();
        let labels: Vec<_> = query.selectors[0].matchers.iter().map(|m| format!("{}{}{}", m.label, m.op, m.value)).collect();
        assert_eq!(
            (query.selectors[0].metric.as_str(), labels),
            ("http_requests_total", vec!["service=task-api".into(), "code!~5..".into()])
        );
        assert_eq!(query.selectors[1].metric, "up");
    }

    #[test]
    fn how_many_series_a_query_answers_with() {
        for (text, answer) in [
            ("sum(rate(x[1m]))", Answer::One),
            ("sum by (pod) (rate(x[1m]))", Answer::Many),
            ("sum(rate(x[1m])) by (pod)", Answer::Many),
            ("sum by () (x)", Answer::One),
            ("sum without (pod) (x)", Answer::Many),
            ("topk(3, x)", Answer::Many),
            ("x", Answer::Many),
            (r#"{__name__="x"} offset 5m"#, Answer::Many),
            ("max_over_time(sum(x)[1h:5m])", Answer::One),
            ("sum(x) or vector(0)", Answer::One),
            ("sum(x) or on() vector(0)", Answer::One),
            ("x / 2", Answer::Many),
            ("100 * (1 - avg(x))", Answer::One),
            ("histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))", Answer::One),
            ("x[5m]", Answer::Range),
            ("42", Answer::Scalar),
            ("count(up == bool 1) > 0 # busy", Answer::One),
            ("sum(x) - 1e-3", Answer::One),
        ] {
            assert_eq!(read(text).map(|query| query.answer), Ok(answer), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where_and_why() {
        for (text, at, message) in [
            ("sum(rate(x[1m])", 16, "a ) is missing"),
            ("sum(rate(x[1m])))", 17, "the query should end here"),
            ("sum(rate(x{a=b}[1m]))", 14, "a value in quotes should stand here"),
            (r#"x{a="b}"#, 5, "the text that begins with \" does not end"),
            ("sum(rate(x))", 9, "rate looks at a stretch of time, and none is given: rate(metric[1m])"),
            ("sum(x) /", 9, "something is missing at the end"),
            ("", 1, "something is missing at the end"),
            ("sum(rate(x[]))", 12, "a length of time should stand in the brackets, such as 1m"),
            ("a && b", 3, "& has no meaning here"),
            (r#"x{a:"b"}"#, 5, "=, !=, =~ or !~ should stand after a:"),
        ] {
            let fault = read(text).unwrap_err();
            assert_eq!((fault.at, fault.message.as_str()), (at, message), "{text}");
        }
    }

    #[test]
    fn a_query_that_is_nested_without_an_end_is_a_fault_and_no_crash() {
        assert!(read(&format!("{}x{}", "(".repeat(90), ")".repeat(90))).is_ok());
        for open in ["(", "-", "sum(", "x + ("] {
            let fault = read(&open.repeat(100_000)).unwrap_err();
            assert_eq!(fault.message, "the query is nested more than 100 deep", "{open}");
        }
    }
}
