//! Values of a trigger's metadata that KEDA refuses.

use super::target::{Trigger, triggers};
use super::triggers::SCALERS;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// A place, what is wrong there, and what to do.
type Fault<'a> = (Place<'a>, String, String);

/// Everything that can be read off one trigger.
pub(super) fn wrong(set: &Set, sink: &mut Sink) {
    for trigger in triggers(set) {
        let mut faults = listed(&trigger);
        faults.extend(match trigger.kind {
            "prometheus" => numbers(&trigger, &["threshold"], &["activationThreshold"]),
            "kafka" | "apache-kafka" => [numbers(&trigger, &["lagThreshold"], &["activationLagThreshold"]), kafka(&trigger)].concat(),
            "cron" => cron(&trigger),
            "cpu" | "memory" => on_pods(&trigger),
            _ => Vec::new(),
        });
        faults.extend(measured_as(&trigger));
        for (place, message, remedy) in faults {
            sink.at(&place, message, remedy);
        }
    }
}

/// Whether a value is filled in later, so that nothing can be said of it.
fn is_open(value: &str) -> bool {
    value.contains("${") || value.contains("{{")
}

/// Values that are not among those that KEDA takes, and keys that it refuses since they were removed.
fn listed<'a>(trigger: &Trigger<'a>) -> Vec<Fault<'a>> {
    let Some(known) = SCALERS.get(trigger.kind) else { return Vec::new() };
    let fault = |parameter: &super::triggers::Parameter| {
        let (place, value) = trigger.value(parameter.name)?;
        if parameter.removed {
            let instead = if parameter.name == "type" { "Set metricType of the trigger instead." } else { "Remove it." };
            return Some((place, format!("KEDA removed {} and refuses it", parameter.name), instead.to_owned()));
        }
        let fits = parameter.values.is_empty() || parameter.values.contains(&value) || is_open(value);
        (!fits).then(|| {
            (place, format!("{} is {value}, which KEDA refuses", parameter.name), format!("Write {}.", parameter.values.join(" or ")))
        })
    };
    known.iter().filter_map(fault).collect()
}

/// Thresholds: above 0, and from 0.
fn numbers<'a>(trigger: &Trigger<'a>, above: &[&str], from: &[&str]) -> Vec<Fault<'a>> {
    let fault = |key: &&str, least: bool| {
        let (place, value) = trigger.value(key).filter(|(_, value)| !is_open(value))?;
        let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let fits = number.is_some_and(|number| number > 0.0 || (least && number >= 0.0));
        let wanted = if least { "a number from 0" } else { "a number above 0" };
        (!fits).then(|| (place, format!("{key} is {value}, but must be {wanted}"), format!("Write {wanted}, in quotes.")))
    };
    above.iter().filter_map(|key| fault(key, false)).chain(from.iter().filter_map(|key| fault(key, true))).collect()
}

/// Settings that exclude each other, or need a topic.
fn kafka<'a>(trigger: &Trigger<'a>) -> Vec<Fault<'a>> {
    let on = |key: &str| trigger.value(key).filter(|(_, value)| *value == "true").map(|(place, _)| place);
    let has_topic = ["topic", "topicFromEnv"].iter().any(|key| trigger.value(key).is_some());
    let mut faults = Vec::new();
    if let Some(place) = on("limitToPartitionsWithLag") {
        for other in ["allowIdleConsumers", "ensureEvenDistributionOfPartitions"].into_iter().filter(|other| on(other).is_some()) {
            let why = format!("limitToPartitionsWithLag and {other} exclude each other, and KEDA refuses both");
            faults.push((place.clone(), why, "Keep one of the two.".to_owned()));
        }
    }
    for key in ["limitToPartitionsWithLag", "ensureEvenDistributionOfPartitions"].into_iter().filter(|_| !has_topic) {
        faults.extend(on(key).map(|place| (place, format!("{key} works on one topic, and none is given"), "Set topic.".to_owned())));
    }
    faults
}

/// A window of time.
fn cron<'a>(trigger: &Trigger<'a>) -> Vec<Fault<'a>> {
    let mut faults = Vec::new();
    for key in ["start", "end"] {
        let Some((place, value)) = trigger.value(key).filter(|(_, value)| !is_open(value)) else { continue };
        if let Some(why) = schedule_fault(value) {
            faults.push((
                place,
                format!("{key} is no schedule that KEDA reads: {why}"),
                "Write minute, hour, day, month, weekday: 0 8 * * 1-5.".into(),
            ));
        }
    }
    if let (Some((_, start)), Some((place, end))) = (trigger.value("start"), trigger.value("end"))
        && start == end
    {
        faults.push((place, "the window ends when it starts, and KEDA refuses that".into(), "Let end be later than start.".into()));
    }
    if let Some((place, zone)) = trigger.value("timezone").filter(|(_, zone)| !is_open(zone) && is_offset(zone)) {
        let remedy = "Write the name of a place, such as Europe/Berlin, or Etc/UTC.";
        faults.push((place, format!("{zone} is no name of a time zone, so KEDA cannot tell when the window is open"), remedy.into()));
    }
    if let Some((place, value)) = trigger.value("desiredReplicas").filter(|(_, value)| !is_open(value))
        && !value.trim().parse::<i64>().is_ok_and(|count| count != 0)
    {
        faults.push((
            place,
            format!("desiredReplicas is {value}, but must be a whole number other than 0"),
            "Write it in quotes: \"2\".".into(),
        ));
    }
    faults
}

/// `UTC+2`, `GMT-3`, `+02:00`: what the tz database does not know.
fn is_offset(zone: &str) -> bool {
    let rest = ["UTC", "GMT"].iter().find_map(|name| zone.strip_prefix(name)).unwrap_or(zone);
    rest.starts_with(['+', '-']) && rest != "+0" && rest != "-0"
}

/// The least and most of each field, as the library reads them that KEDA uses; Sunday is 0 and not 7.
const FIELDS: [(&str, u32, u32); 5] = [("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6)];
const NAMES: [&str; 19] =
    ["sun", "mon", "tue", "wed", "thu", "fri", "sat", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

fn schedule_fault(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().filter(|part| !part.contains('=')).collect();
    if fields.len() != FIELDS.len() {
        return Some(format!("it has {} fields and not 5", fields.len()));
    }
    let wrong = |(field, (name, least, most)): (&&str, (&str, u32, u32))| {
        let fits = |part: &str| {
            let named = NAMES.contains(&part.to_lowercase().as_str());
            named || ["*", "?"].contains(&part) || part.parse().is_ok_and(|number: u32| (least..=most).contains(&number))
        };
        let is_step = |step: Option<&str>| step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
        let mut items = field.split(',');
        let good = items.all(|item| {
            let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
            is_step(step) && range.splitn(2, '-').all(fits)
        });
        (!good).then(|| format!("the {name} {field} is not within {least} to {most}"))
    };
    fields.iter().zip(FIELDS).find_map(wrong)
}

/// cpu and memory: how they are measured must be said, and the value must fit it.
fn on_pods<'a>(trigger: &Trigger<'a>) -> Vec<Fault<'a>> {
    let kind = trigger.kind;
    let Some(how) = trigger.place.text_of("metricType") else {
        let old = trigger.value("type").is_some();
        let remedy = "Set metricType: Utilization for percent of the request, AverageValue for an amount.".to_owned();
        return if old {
            Vec::new()
        } else {
            vec![(trigger.place.clone(), format!("the {kind} trigger does not say how to measure"), remedy)]
        };
    };
    let Some((place, value)) = trigger.value("value").filter(|(_, value)| how == "Utilization" && !is_open(value)) else {
        return Vec::new();
    };
    if value.trim().parse::<u32>().is_ok_and(|percent| percent > 0) {
        return Vec::new();
    }
    vec![(
        place,
        format!("value is {value}, but Utilization is a whole number of percent"),
        "Write it without the percent sign: \"60\".".into(),
    )]
}

/// Utilization is a share of what a pod requests: nothing else has it.
fn measured_as<'a>(trigger: &Trigger<'a>) -> Option<Fault<'a>> {
    let place = trigger.place.get("metricType").filter(|place| place.text() == Some("Utilization"))?;
    let fits = ["cpu", "memory"].contains(&trigger.kind);
    let why = format!("Utilization is percent of a pod's request, which a {} trigger does not have", trigger.kind);
    (!fits).then(|| (place, why, "Write AverageValue or Value.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_the_library_of_keda_reads_them() {
        for good in ["0 8 * * *", "*/5 0-6 1,15 JAN-MAR mon-fri", "0 8 ? * 0", "TZ=Asia/Tokyo 0 8 * * *", "0/10 * * * *"] {
            assert_eq!(schedule_fault(good), None, "{good}");
        }
        for (bad, why) in [
            ("@daily", "it has 1 fields and not 5"),
            ("0 0 8 * * *", "it has 6 fields and not 5"),
            ("0 8 * * 7", "the weekday 7 is not within 0 to 6"),
            ("60 8 * * *", "the minute 60 is not within 0 to 59"),
            ("0 8 0 * *", "the day 0 is not within 1 to 31"),
            ("*/0 8 * * *", "the minute */0 is not within 0 to 59"),
        ] {
            assert_eq!(schedule_fault(bad).as_deref(), Some(why), "{bad}");
        }
    }

    #[test]
    fn an_offset_is_no_time_zone_but_a_place_is() {
        assert!(["UTC+2", "GMT-3", "+02:00", "-5"].iter().all(|zone| is_offset(zone)));
        assert!(!["Europe/Berlin", "UTC", "GMT+0", "Etc/GMT-3", "CET", "America/Port-au-Prince"].iter().any(|zone| is_offset(zone)));
    }
}
