//! From a JSON body to what it says about a task, with everything wrong found at once.

use serde_json::Value;

use super::problem::{Fault, Place};
use crate::task::{Change, Draft};

/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 1000;
/// Members a client may send back as it got them; they are ignored.
const READ_ONLY: [&str; 4] = ["id", "created_at", "updated_at", "version"];
/// More faults than anyone reads are not worth answering.
const MAX_FAULTS: usize = 20;

/// Reads a whole task: what is left out takes its default, and a title is a must.
///
/// # Errors
/// Everything that is wrong with `body`.
pub fn whole(body: &Value) -> Result<Draft, Vec<Fault>> {
    let (change, mut faults) = read(body);
    if body.is_object() && body.get("title").is_none() {
        faults.insert(0, fault("title", "is required"));
    }
    checked(faults)?;
    Ok(Draft {
        title: change.title.unwrap_or_default(),
        description: change.description.unwrap_or_default(),
        done: change.done.unwrap_or_default(),
    })
}

/// Reads part of a task, as a JSON merge patch (RFC 7396): `null` brings the default back.
///
/// # Errors
/// Everything that is wrong with `body`.
pub fn part(body: &Value) -> Result<Change, Vec<Fault>> {
    let (change, faults) = read(body);
    checked(faults).map(|()| change)
}

fn read(body: &Value) -> (Change, Vec<Fault>) {
    let mut change = Change::default();
    let mut faults = Vec::new();
    let Value::Object(members) = body else {
        let place = Place::Pointer(String::new());
        return (change, vec![Fault { place, message: "must be an object".to_owned() }]);
    };
    for (name, value) in members {
        let outcome = match name.as_str() {
            "title" => title(value).map(|title| change.title = Some(title)),
            "description" => description(value).map(|text| change.description = Some(text)),
            "done" => done(value).map(|done| change.done = Some(done)),
            other if READ_ONLY.contains(&other) => Ok(()),
            _ => Err("is not a member of a task".to_owned()),
        };
        faults.extend(outcome.err().map(|message| fault(name, message)));
    }
    (change, faults)
}

fn title(value: &Value) -> Result<String, String> {
    let title = value.as_str().ok_or("must be a string")?.trim();
    if !(1..=MAX_TITLE).contains(&title.chars().count()) {
        Err(format!("must have 1 to {MAX_TITLE} characters"))
    } else if title.contains(char::is_control) {
        Err("must be a single line".to_owned())
    } else {
        Ok(title.to_owned())
    }
}

fn description(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) if text.chars().count() <= MAX_DESCRIPTION => Ok(text.clone()),
        Value::String(_) => Err(format!("must have at most {MAX_DESCRIPTION} characters")),
        _ => Err("must be a string".to_owned()),
    }
}

fn done(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(done) => Ok(*done),
        _ => Err("must be true or false".to_owned()),
    }
}

fn fault(member: &str, message: impl Into<String>) -> Fault {
    let member = member.replace('~', "~0").replace('/', "~1");
    Fault { place: Place::Pointer(format!("/{member}")), message: message.into() }
}

fn checked(mut faults: Vec<Fault>) -> Result<(), Vec<Fault>> {
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn places(faults: &[Fault]) -> Vec<&str> {
        faults.iter().map(place).collect()
    }

    fn place(fault: &Fault) -> &str {
        match &fault.place {
            Place::Pointer(pointer) => pointer,
            Place::Parameter(name) => name,
        }
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let body = json!({ "title": "", "description": 1, "done": "yes", "a/b~": 1, "id": 7 });
        let faults = whole(&body).unwrap_err();
        assert_eq!(places(&faults), ["/a~1b~0", "/description", "/done", "/title"]);
        assert_eq!(places(&whole(&json!([])).unwrap_err()), [""]);
        assert_eq!(places(&whole(&json!({ "nope": 1 })).unwrap_err()), ["/title", "/nope"]);
    }

    #[test]
    fn a_part_keeps_what_it_leaves_out_and_null_is_the_default() {
        assert_eq!(part(&json!({})), Ok(Change::default()));
        let nulls = part(&json!({ "description": null, "done": null })).unwrap();
        let reset = Change { title: None, description: Some(String::new()), done: Some(false) };
        assert_eq!(nulls, reset);
        assert_eq!(places(&part(&json!({ "title": null })).unwrap_err()), ["/title"]);
    }

    #[test]
    fn lengths_count_characters_and_faults_are_bounded() {
        let title = |length| json!({ "title": "ß".repeat(length) });
        assert!(whole(&title(MAX_TITLE)).is_ok());
        assert!(whole(&title(MAX_TITLE + 1)).is_err());
        let noise: serde_json::Map<_, _> = (0..99).map(|n| (n.to_string(), json!(1))).collect();
        assert_eq!(whole(&noise.into()).unwrap_err().len(), MAX_FAULTS);
    }

    proptest! {
        #[test]
        fn what_is_accepted_keeps_the_limits(title in any::<String>(), description in any::<String>()) {
            let body = json!({ "title": title, "description": description });
            if let Ok(draft) = whole(&body) {
                prop_assert_eq!(&draft.title, title.trim());
                prop_assert!((1..=MAX_TITLE).contains(&draft.title.chars().count()));
                prop_assert!(!draft.title.contains(char::is_control));
                prop_assert_eq!(draft.description, description);
            } else {
                let title = title.trim();
                prop_assert!(title.is_empty() || title.contains(char::is_control));
            }
        }
    }
}
