//! What would help: how much earlier a run would have ended without some of its steps, and what there is that does without them.
//!
//! Every number is the difference between two computed schedules: the run as it was, and the run with these steps at no time and all else
//! as long as it took. Steps that share two processors slow each other down, so that the true gain may differ; no sum of these is a gain.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::graph::Graph;
use super::run::{Outcome, Run, Step};
use crate::event::seconds;

/// How many single steps are named.
const SINGLE: usize = 3;
/// Less than this helps nobody.
const LEAST: Duration = Duration::from_millis(100);

/// One thing that would help.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Help {
    /// What would have to take no time: the title of a step, or what several have in common.
    pub what: String,
    /// The steps, by id.
    pub steps: Vec<String>,
    /// How long those of them that are on the critical path ran.
    #[serde(serialize_with = "seconds::serialize")]
    pub took: Duration,
    /// How much earlier the run would have ended, all else as long as it took.
    #[serde(serialize_with = "seconds::serialize")]
    pub saves: Duration,
    /// The same, had what waited meanwhile, off the critical path, waited for these steps, and so not at all.
    #[serde(serialize_with = "seconds::serialize")]
    pub up_to: Duration,
    /// What does without them; absent where nothing in tstack does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
}

/// What does without some steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// A node image that holds the stack's images.
    Bake,
    /// A registry nearby.
    Mirror,
    /// Nothing is to be done: they are kept.
    Kept,
    /// A finished stack, kept and restored.
    Snapshot,
}

impl Advice {
    /// As people read it.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Bake => "`tstack snapshot bake` makes a node image that holds them: none is pulled and loaded then.",
            Self::Mirror => "A mirror nearby shortens it: `--mirror HOST=ADDRESS`, or `mirrors` in the configuration.",
            Self::Kept => "They are kept in the cache: the next `up` takes them from there.",
            Self::Snapshot => "`tstack snapshot save` keeps the finished stack, and `up` restores it; that takes a time of its own.",
        }
    }
}

/// What would have helped a run that ended well: the most first, and last what stands for the whole of it.
pub(super) fn helps(run: &Run, graph: &Graph<'_>, path: &[usize]) -> Vec<Help> {
    if run.outcome != Outcome::Done {
        return Vec::new();
    }
    let least = LEAST.max(run.total / 100);
    // a wait off the path ends with something that no need names: it may be one of the steps that are taken away
    let waits = |step: &Step| step.id.starts_with("ready:") || step.id.starts_with("check:");
    let elastic: Vec<usize> = (0..run.steps.len()).filter(|place| waits(&run.steps[*place]) && !path.contains(place)).collect();
    let without = |what: &str, places: &[usize], advice: Option<Advice>| Help {
        what: what.to_owned(),
        steps: places.iter().map(|place| run.steps[*place].id.clone()).collect(),
        took: path.iter().filter(|place| places.contains(place)).map(|place| run.steps[*place].took).sum(),
        saves: graph.end().saturating_sub(graph.end_without(places, &[])),
        up_to: graph.end().saturating_sub(graph.end_without(places, &elastic)),
        advice,
    };
    let group = |what: &str, is: &dyn Fn(&Step) -> bool, advice: Option<Advice>| {
        let places: Vec<usize> = (0..run.steps.len()).filter(|place| is(&run.steps[*place])).collect();
        without(what, &places, advice)
    };
    let loaded: Vec<&String> = run.steps.iter().filter(|step| loads(step)).flat_map(|step| &step.needs).collect();
    let mut all = vec![
        group("the images, pulled and loaded into the node", &|s| loads(s) || pulls(s) && loaded.contains(&&s.id), Some(Advice::Bake)),
        group("all that was pulled", &pulls, Some(Advice::Mirror)),
        group("the programs of others", &|step| step.id.starts_with("program:"), Some(Advice::Kept)),
        group("every wait until something is ready", &|step| step.id.starts_with("ready:"), None),
        group("all checks", &|step| step.id.starts_with("check:"), None),
    ];
    // what loads images is told with the images, and what watches another step at work with that one
    let id = |place: usize| run.steps[place].beside.first().unwrap_or(&run.steps[place].id);
    let single: BTreeSet<&String> = path.iter().filter(|place| !loads(&run.steps[**place])).map(|place| id(*place)).collect();
    let mut single: Vec<Help> = single
        .into_iter()
        .map(|one| {
            let places: Vec<usize> = (0..run.steps.len()).filter(|place| run.steps[*place].id == *one || id(*place) == one).collect();
            let title = run.steps.iter().find(|step| step.id == *one).map_or(one, |step| &step.title);
            without(title, &places, None)
        })
        .collect();
    single.sort_by_key(|help| std::cmp::Reverse(help.saves));
    single.truncate(SINGLE);
    all.extend(single);
    all.retain(|help| help.saves >= least);
    all.sort_by_key(|help| std::cmp::Reverse(help.saves));
    if run.steps.iter().any(|step| step.id == "cluster" && step.title.starts_with("make the cluster")) {
        all.push(group("everything but the checks", &|step| !step.id.starts_with("check:"), Some(Advice::Snapshot)));
    }
    all
}

/// Whether a step puts images into nodes.
fn loads(step: &Step) -> bool {
    step.id == "images" || step.id.starts_with("images:")
}

/// Whether a step gets something from a registry.
fn pulls(step: &Step) -> bool {
    step.id.starts_with("pull:") || step.id.starts_with("chart:")
}
