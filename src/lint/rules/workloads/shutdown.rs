//! How pods stop.

use super::pods::Workload;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The pod is killed before its preStop hook is through.
pub(super) fn killed(set: &Set, sink: &mut Sink) {
    for workload in Workload::all(set) {
        let grace = workload.template.at("/spec/terminationGracePeriodSeconds");
        let seconds = grace.and_then(|grace| grace.number()).unwrap_or(30);
        for hook in workload.containers().filter_map(|container| container.at("/lifecycle/preStop")) {
            let Some((place, waits)) = sleep(&hook).filter(|(_, waits)| *waits >= seconds) else { continue };
            sink.at(
                &place,
                format!("the pod is killed {seconds} s after it is told to stop, and preStop alone waits {waits} s of them: the program gets no time to end"),
                format!("Set terminationGracePeriodSeconds above {waits}, with what the program needs."),
            );
        }
    }
}

/// How long a hook sleeps, where it does nothing else.
fn sleep<'a>(hook: &Place<'a>) -> Option<(Place<'a>, i64)> {
    if let Some(place) = hook.at("/sleep/seconds") {
        return Some((place.clone(), place.number()?));
    }
    let command = hook.at("/exec/command")?;
    let words: Vec<&str> = command.items().filter_map(|word| word.text()).flat_map(str::split_whitespace).collect();
    let at = words.iter().position(|word| *word == "sleep" || *word == "/bin/sleep")?;
    Some((command, words.get(at + 1)?.trim_end_matches('s').parse().ok()?))
}
