//! A plan: steps in an order in which each comes after what it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::Step;
use crate::host::Without;

/// A graph of steps that has no cycle, in an order that is the same every time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    steps: Vec<Step>,
    /// What of the stack has no place on what it runs on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<Without>,
}

/// Why steps make no plan. Always a defect of ours, since stacks are checked before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Two steps have one id.
    #[error("two steps are called `{0}`")]
    Duplicate(String),
    /// A step needs one that is not in the plan.
    #[error("step `{step}` needs `{needs}`, which is not in the plan")]
    Unknown {
        /// The step.
        step: String,
        /// What it needs.
        needs: String,
    },
    /// Steps need each other.
    #[error("these steps need each other: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
}

impl Plan {
    /// Orders steps: each after what it needs, ties in the order given.
    ///
    /// # Errors
    /// When an id is double, a need is not in the plan, or there is a cycle.
    pub fn new(steps: Vec<Step>) -> Result<Self, PlanError> {
        let mut ids = BTreeSet::new();
        for step in &steps {
            if !ids.insert(step.id.as_str()) {
                return Err(PlanError::Duplicate(step.id.clone()));
            }
        }
        for step in &steps {
            if let Some(needs) = step.follows().find(|need| !ids.contains(need.as_str())) {
                return Err(PlanError::Unknown { step: step.id.clone(), needs: needs.clone() });
            }
        }
        let mut open: Vec<Step> = steps;
        let mut done: BTreeSet<String> = BTreeSet::new();
        let mut ordered = Vec::with_capacity(open.len());
        while !open.is_empty() {
            let Some(next) = open.iter().position(|step| step.follows().all(|need| done.contains(need))) else {
                return Err(PlanError::Cycle(cycle(&open)));
            };
            let step = open.remove(next);
            done.insert(step.id.clone());
            ordered.push(step);
        }
        Ok(Self { steps: ordered, left_out: Vec::new() })
    }

    /// The plan of a stack of which something has no place there.
    #[must_use]
    pub fn without(self, left_out: Vec<Without>) -> Self {
        Self { left_out, ..self }
    }

    /// What of the stack has no place on what it runs on.
    #[must_use]
    pub fn left_out(&self) -> &[Without] {
        &self.left_out
    }

    /// Whether a step cannot go on where another one fails: it needs it, or something that is made beside it.
    #[must_use]
    pub fn falls_with(&self, step: &str, failed: &str) -> bool {
        let mut fallen = BTreeSet::from([failed]);
        for one in &self.steps {
            if one.needs.iter().chain(&one.beside).any(|id| fallen.contains(id.as_str())) {
                fallen.insert(&one.id);
            }
        }
        step != failed && fallen.contains(step)
    }

    /// The steps, each after what it needs.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The one text form, compared in snapshots and shown by `tstack plan`: a line a step, `title (cause) <- needs`.
    #[must_use]
    pub fn text(&self) -> String {
        let number: BTreeMap<&str, usize> = self.steps.iter().enumerate().map(|(i, step)| (step.id.as_str(), i + 1)).collect();
        let mut text = String::new();
        for step in &self.steps {
            let _ = write!(text, "{:>3}. {}  ({})", number[step.id.as_str()], step.title, step.cause);
            for (word, ids) in [("<-", &step.needs), ("after", &step.after), ("beside", &step.beside)] {
                if !ids.is_empty() {
                    let mut numbers: Vec<usize> = ids.iter().map(|id| number[id.as_str()]).collect();
                    numbers.sort_unstable();
                    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                    let _ = write!(text, "  {word} {}", numbers.join(", "));
                }
            }
            if step.lane.is_some() {
                text.push_str("  in turn");
            }
            text.push('\n');
        }
        for Without { what, reason } in &self.left_out {
            let _ = writeln!(text, "  without {what}: {reason}");
        }
        text
    }
}

/// One cycle among steps of which none can run.
fn cycle(open: &[Step]) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut at = &open[0];
    loop {
        if let Some(start) = path.iter().position(|id| *id == at.id) {
            path.push(at.id.clone());
            return path.split_off(start);
        }
        path.push(at.id.clone());
        // every open step has an open need, else it could run
        match open.iter().find(|step| at.follows().any(|id| *id == step.id)) {
            Some(next) => at = next,
            None => return path,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::Action;

    fn step(id: &str, needs: &[&str]) -> Step {
        let step = Step::new(id, format!("do {id}"), Action::CreateAuthority).because("asked");
        step.needs(needs.iter().map(|n| (*n).to_owned()))
    }

    #[test]
    fn steps_come_after_what_they_need_and_keep_their_order_otherwise() {
        let plan = Plan::new(vec![step("c", &["b"]), step("a", &[]), step("b", &["a"]), step("d", &[])]).unwrap();
        assert_eq!(plan.text(), "  1. do a  (asked)\n  2. do b  (asked)  <- 1\n  3. do c  (asked)  <- 2\n  4. do d  (asked)\n");
    }

    #[test]
    fn a_cycle_is_shown_as_its_path() {
        let error = Plan::new(vec![step("a", &["c"]), step("b", &["a"]), step("c", &["b"])]).unwrap_err();
        assert_eq!(error.to_string(), "these steps need each other: a -> c -> b -> a");
    }

    #[test]
    fn what_is_needed_must_be_in_the_plan() {
        let error = Plan::new(vec![step("a", &["z"])]).unwrap_err();
        assert_eq!(error.to_string(), "step `a` needs `z`, which is not in the plan");
        assert_eq!(Plan::new(vec![step("a", &[]), step("a", &[])]).unwrap_err().to_string(), "two steps are called `a`");
    }

    proptest! {
        #[test]
        fn every_order_respects_every_need(edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..40)) {
            // edges from higher to lower numbers only: no cycles
            let steps: Vec<Step> = (0..12)
                .rev()
                .map(|i| {
                    let needs: BTreeSet<String> = edges.iter().filter(|(a, b)| *a == i && b < a).map(|(_, b)| b.to_string()).collect();
                    Step { needs: needs.into_iter().collect(), ..step(&i.to_string(), &[]) }
                })
                .collect();
            let plan = Plan::new(steps).unwrap();
            for (place, step) in plan.steps().iter().enumerate() {
                for need in &step.needs {
                    let earlier = plan.steps()[..place].iter().any(|s| s.id == *need);
                    prop_assert!(earlier);
                }
            }
        }
    }
}
