//! `timings`: where the time of the last runs went.

use std::path::Path;

use super::session::Setup;
use crate::failure::{Failure, FailureKind};
use crate::state::{Journal, StateFolder};
use crate::timings::{self, Comparison, Run, Timings};
use crate::world::files;

/// What the user asked for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Every run.
    All,
    /// One run, counted from the last; where no number is given the last `up`, or where there is none, the last run.
    One(Option<usize>),
    /// Two, each the number of a run, or a file whose last `up` is meant.
    Two([String; 2]),
}

/// What is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// Every run, the last first.
    All(Vec<Timings>),
    /// One run.
    One(Box<Timings>),
    /// What differs between two.
    Two(Box<Comparison>),
}

/// Reads the runs of the cluster `name`, or of a file, and tells where their time went.
///
/// # Errors
/// Of kind preflight where nothing is recorded, of kind usage where what was asked for is not there.
pub fn timings(setup: &Setup, name: &str, file: Option<&Path>, asked: &Asked) -> Result<Told, Failure> {
    let recorded = || file.map_or_else(|| of_cluster(setup, name), of_file);
    Ok(match asked {
        Asked::All => {
            let runs = recorded()?;
            Told::All(runs.iter().rev().enumerate().map(|(place, run)| Timings::of(run, place + 1)).collect())
        }
        Asked::One(number) => Told::One(Box::new(pick(&recorded()?, *number)?)),
        Asked::Two([a, b]) => {
            let find = |which: &str| match which.parse() {
                Ok(number) => pick(&recorded()?, Some(number)),
                Err(_) => pick(&of_file(Path::new(which))?, None),
            };
            Told::Two(Box::new(Comparison::of(&find(a)?, &find(b)?)))
        }
    })
}

fn of_cluster(setup: &Setup, name: &str) -> Result<Vec<Run>, Failure> {
    let folder = StateFolder::new(&setup.state, name);
    let runs = timings::runs(&Journal::read(&folder)?.unwrap_or_default());
    if runs.is_empty() {
        return Err(Failure::preflight(format!("no run of `{name}` is recorded"))
            .why(format!("{} holds none; `down` removes it with all else of the stack", folder.journal().display()))
            .hint("`tstack up` records one.")
            .hint("To keep a run: `tstack up --output json > run.jsonl`, and then `tstack timings --file run.jsonl`."));
    }
    Ok(runs)
}

fn of_file(path: &Path) -> Result<Vec<Run>, Failure> {
    let bytes = files::read_if_there(path).map_err(|failure| Failure { kind: FailureKind::Usage, ..failure })?;
    let hint = "It takes a journal.jsonl, or what `tstack up --output json` wrote.";
    let Some(bytes) = bytes else { return Err(Failure::usage(format!("there is no file {}", path.display())).hint(hint)) };
    let text = String::from_utf8_lossy(&bytes);
    let runs = timings::runs(&text);
    if runs.is_empty() {
        let lines = text.lines().count();
        let why = format!("none of its {lines} lines is the beginning of a plan");
        return Err(Failure::usage(format!("{} holds no run", path.display())).why(why).hint(hint));
    }
    Ok(runs)
}

/// The run of that number, counted from the last.
fn pick(runs: &[Run], number: Option<usize>) -> Result<Timings, Failure> {
    let last_up = runs.iter().rev().position(|run| run.verb == "up").map_or(1, |place| place + 1);
    let number = number.unwrap_or(last_up);
    let run = number.checked_sub(1).and_then(|place| runs.iter().rev().nth(place));
    run.map(|run| Timings::of(run, number)).ok_or_else(|| {
        let recorded = if runs.len() == 1 { "one run is".to_owned() } else { format!("{} runs are", runs.len()) };
        Failure::usage(format!("there is no run {number}"))
            .why(format!("{recorded} recorded; 1 is the last"))
            .hint("`tstack timings --list` shows them.")
    })
}
