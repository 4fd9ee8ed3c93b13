//! A questionnaire that ends in a specification. It asks only what follows from what was answered before, and takes no answer with which
//! the specification would be wrong.

mod questions;
mod write;

use std::collections::BTreeMap;

use crate::spec;

/// What was answered so far, by the key of the question; what was not asked has its default.
#[derive(Clone, Debug, Default)]
struct Answers(BTreeMap<&'static str, String>);

impl Answers {
    fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn yes(&self, key: &str) -> bool {
        self.get(key) == "yes"
    }

    fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == value
    }

    fn number(&self, key: &str) -> u64 {
        self.get(key).parse().unwrap_or_default()
    }

    /// The words of a list.
    fn list(&self, key: &str) -> Vec<&str> {
        self.get(key).split([',', ' ']).filter(|word| !word.is_empty()).collect()
    }
}

/// A question.
struct Question {
    key: &'static str,
    text: &'static str,
    /// One line beside the question.
    help: &'static str,
    /// What `?` tells.
    more: &'static str,
    takes: Takes,
    default: fn(&Answers) -> String,
    /// Whether it follows from the answers before it.
    asked: fn(&Answers) -> bool,
}

/// What an answer may be.
enum Takes {
    /// `yes` or `no`.
    YesNo,
    /// One of these words.
    One(&'static [&'static str]),
    /// A whole number.
    Number,
    /// Any text that the specification takes.
    Text,
    /// Words with commas or blanks between them; `none` for no word.
    List,
}

/// What is asked next, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The question.
    pub question: &'static str,
    /// One line of help, with the words that are possible where there are but a few.
    pub help: String,
    /// What an empty line means.
    pub default: String,
}

/// What came of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was taken; the next question is another one.
    Taken,
    /// It was not taken, and why.
    Refused(String),
    /// It asked for the longer explanation.
    Explained(&'static str),
}

/// The questionnaire while it goes on.
#[derive(Debug)]
pub struct Dialogue {
    answers: Answers,
    /// The places of the questions that were answered, in order.
    answered: Vec<usize>,
}

impl Default for Dialogue {
    fn default() -> Self {
        Self { answers: Self::filled(&Answers::default(), &[]), answered: Vec::new() }
    }
}

impl Dialogue {
    /// Every answer that was given, and the default of every question that was not answered and follows from those before it.
    fn filled(given: &Answers, answered: &[usize]) -> Answers {
        let mut answers = Answers::default();
        for (place, question) in questions::ALL.iter().enumerate() {
            if !(question.asked)(&answers) {
                continue;
            }
            let kept = given.0.get(question.key).filter(|_| answered.contains(&place));
            let value = kept.cloned().unwrap_or_else(|| (question.default)(&answers));
            answers.0.insert(question.key, value);
        }
        answers
    }

    /// The place of the next question.
    fn place(&self) -> Option<usize> {
        let after = self.answered.last().map_or(0, |last| last + 1);
        (after..questions::ALL.len()).find(|place| (questions::ALL[*place].asked)(&self.answers))
    }

    /// What is to be asked; `None` when all is answered.
    #[must_use]
    pub fn prompt(&self) -> Option<Prompt> {
        let question = &questions::ALL[self.place()?];
        let words = match question.takes {
            Takes::YesNo => "yes or no".to_owned(),
            Takes::One(words) => words.join(", "),
            Takes::List => "several with commas between them, or none".to_owned(),
            Takes::Number | Takes::Text => String::new(),
        };
        let help = [question.help, words.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        Some(Prompt { question: question.text, help, default: (question.default)(&self.answers) })
    }

    /// Takes a line.
    pub fn take(&mut self, line: &str) -> Reply {
        let Some(place) = self.place() else { return Reply::Taken };
        let question = &questions::ALL[place];
        let answer = match line.trim() {
            "?" => return Reply::Explained(question.more),
            "<" | "back" => {
                if self.answered.pop().is_none() {
                    return Reply::Refused("this is the first question".into());
                }
                // the answer that is given again is not lost: it is the default no more, but all others stay
                self.answers = Self::filled(&self.answers, &self.answered);
                return Reply::Taken;
            }
            "" => (question.default)(&self.answers),
            text => match understood(&question.takes, text) {
                Ok(answer) => answer,
                Err(why) => return Reply::Refused(why),
            },
        };
        let mut with = self.answers.clone();
        with.0.insert(question.key, answer);
        let mut answered = self.answered.clone();
        answered.push(place);
        let with = Self::filled(&with, &answered);
        match spec::read("the specification", write::text(&with).as_bytes(), &[]) {
            Ok(_) => {
                (self.answers, self.answered) = (with, answered);
                Reply::Taken
            }
            Err(findings) => {
                let said: Vec<String> = findings
                    .list()
                    .iter()
                    .map(|f| f.hint.as_ref().map_or_else(|| f.message.clone(), |hint| format!("{}; {hint}", f.message)))
                    .collect();
                Reply::Refused(said.join("\n"))
            }
        }
    }

    /// The specification as it is answered, with comments.
    #[must_use]
    pub fn specification(&self) -> String {
        write::text(&self.answers)
    }
}

/// An answer in its one spelling, or why it is none.
fn understood(takes: &Takes, text: &str) -> Result<String, String> {
    let word = text.to_lowercase();
    match takes {
        Takes::YesNo => match word.as_str() {
            "y" | "yes" | "true" => Ok("yes".into()),
            "n" | "no" | "false" => Ok("no".into()),
            _ => Err(format!("`{text}` is neither `yes` nor `no`")),
        },
        Takes::One(words) => {
            let fits = |known: &&&str| known.to_lowercase().starts_with(&word);
            match words.iter().filter(fits).collect::<Vec<_>>()[..] {
                [one] => Ok((*one).to_owned()),
                // a word that is the beginning of another one is meant as it stands
                _ => words
                    .iter()
                    .find(|known| known.to_lowercase() == word)
                    .map(|known| (*known).to_owned())
                    .ok_or_else(|| format!("`{text}` is not one of: {}", words.join(", "))),
            }
        }
        Takes::Number => text.parse::<u32>().map(|n| n.to_string()).map_err(|_| format!("`{text}` is not a whole number")),
        Takes::List if word == "none" => Ok(String::new()),
        Takes::Text | Takes::List => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
