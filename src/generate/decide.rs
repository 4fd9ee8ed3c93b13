//! Why a specification becomes these objects: every question of the seeds' decision trees, with the answer of this specification.
//!
//! Where a seed is wrong, the row says what is right; `docs/generate.md` lists the sources.

mod access;
mod needs;
mod policies;

use serde::Serialize;

use super::objects;
use crate::spec::ServiceSpec;

/// A question, what this specification answers, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The tree to which the question belongs.
    pub tree: &'static str,
    /// The question.
    pub question: &'static str,
    /// The answer.
    pub answer: Answer,
    /// The field that gave it, with its value: `spec.tls: selfSigned`.
    pub given_by: String,
    /// What is generated or left out because of it.
    pub then: String,
    /// The objects that hold it; none where nothing is generated.
    pub objects: Vec<String>,
    /// Why that is right.
    pub why: &'static str,
    /// What a widely copied form of this rule says wrongly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<&'static str>,
}

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// An earlier answer settled it.
    NotAsked,
}

impl Answer {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NotAsked => "not asked",
        }
    }

    const fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    /// An answer to a question that is asked only after another one was answered.
    const fn asked(asked: bool, yes: bool) -> Self {
        if asked { Self::of(yes) } else { Self::NotAsked }
    }
}

/// A row of a tree.
struct Row {
    question: &'static str,
    why: &'static str,
    instead_of: Option<&'static str>,
    /// The kinds of the objects that hold what a yes generates, and what a no generates.
    kinds: (&'static [&'static str], &'static [&'static str]),
    answer: fn(&ServiceSpec) -> Given,
}

/// What a specification answers.
struct Given {
    answer: Answer,
    by: String,
    then: String,
}

/// An answer, the field that gave it, and what follows.
fn given(answer: Answer, by: impl Into<String>, then: impl Into<String>) -> Given {
    Given { answer, by: by.into(), then: then.into() }
}

/// Every tree with its rows.
const TREES: [(&str, &[Row]); 4] = [
    ("What the service needs", needs::ROWS),
    ("Which policy holds it", policies::ROWS),
    ("How callers say who they are", access::LOGIN),
    ("Where requests are counted", access::COUNTING),
];

/// Every decision about a specification, in the order of the trees.
#[must_use]
pub fn decide(spec: &ServiceSpec) -> Vec<Decision> {
    let all = objects(spec);
    let mut decisions = Vec::new();
    for (tree, rows) in TREES {
        for row in rows {
            let Given { answer, by, then } = (row.answer)(spec);
            let kinds = match answer {
                Answer::Yes => row.kinds.0,
                Answer::No => row.kinds.1,
                Answer::NotAsked => &[],
            };
            let of_kind = all.iter().filter(|object| kinds.contains(&object.id.kind.as_str()));
            decisions.push(Decision {
                tree,
                question: row.question,
                answer,
                given_by: by,
                then,
                objects: of_kind.map(|object| format!("{}/{}", object.id.kind, object.id.name)).collect(),
                why: row.why,
                instead_of: row.instead_of,
            });
        }
    }
    decisions
}

#[cfg(test)]
mod tests;
