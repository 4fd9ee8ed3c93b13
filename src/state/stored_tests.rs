use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::plan::{Exposing, Made};
use crate::stack::ObjectId;
use crate::state::Target;

fn folder() -> (tempfile::TempDir, StateFolder) {
    let temp = tempfile::tempdir().unwrap();
    let folder = StateFolder::new(temp.path(), "x");
    folder.create().unwrap();
    (temp, folder)
}

/// A record as a run leaves it.
fn record() -> Record {
    let ids = vec![ObjectId::new("v1", "Service", "task-api", "task-api"), ObjectId::new("apps/v1", "Deployment", "task-api", "task-api")];
    Record {
        stack: "x".into(),
        source: "/home/a/x".into(),
        profiles: vec!["dev".into()],
        set: vec![("parameters.httpPort".into(), "8081".into())],
        target: Target::Kind { cluster: "tstack-x".into(), owner: "word".into(), network_made: true },
        created: jiff::Timestamp::UNIX_EPOCH,
        identity: Some("0d6b3b5e-7a0c-4c53-9d5e-3f0a8f8f8f8f".into()),
        made: vec![Made::Namespace { name: "task-api".into() }, Made::Objects { component: "task-api".into(), ids }],
        needs: BTreeMap::from([("task-api".into(), vec!["namespace".into()])]),
        verified: None,
        exposing: Exposing::Auto,
        ports: BTreeMap::from([("httpPort".into(), 8081)]),
        host_ports: vec![8081, 8443],
        remote_server: None,
        exported: vec![],
        trusted: vec![],
    }
}

/// The record as the tstack of yesterday wrote it.
fn version_1() -> Vec<u8> {
    let mut value = serde_json::to_value(record()).unwrap();
    value["version"] = 1.into();
    serde_json::to_vec_pretty(&value).unwrap()
}

#[track_caller]
fn whole(folder: &StateFolder) -> Record {
    match Stored::read(folder).unwrap() {
        Stored::Whole(record) => *record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let (_temp, folder) = folder();
    assert!(matches!(Stored::read(&folder).unwrap(), Stored::Absent));
    record().write(&folder).unwrap();
    assert_eq!(whole(&folder), record());
    let [first, copy] = [folder.record(), folder.record_copy()].map(|path| fs_err::read_to_string(path).unwrap());
    assert_eq!(first, copy);
    let value: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&value["version"], &value["stack"]), (&Value::from(2), &Value::from("x")));
    assert!(first.lines().nth(1).unwrap().starts_with("  \"digest\": \""), "{first}");
}

#[test]
fn no_truncation_and_no_flipped_bit_makes_another_record() {
    let text = written(&record()).unwrap().into_bytes();
    assert!(matches!(parsed(&text), Parsed::Record(read) if *read == record()));
    let damaged = |bytes: &[u8], what: &str| assert!(matches!(parsed(bytes), Parsed::Damaged(_)), "{what} is not seen");
    for length in 0..text.len() {
        damaged(&text[..length], &format!("the end after {length} bytes"));
    }
    let mut flipped = text.clone();
    for place in 0..text.len() {
        for bit in 0..8 {
            flipped[place] ^= 1 << bit;
            damaged(&flipped, &format!("bit {bit} of byte {place}"));
            flipped[place] ^= 1 << bit;
        }
    }
}

proptest! {
    #[test]
    fn what_was_not_written_is_not_believed(at in 0_usize..1200, garbage in prop::collection::vec(any::<u8>(), 1..600)) {
        let text = written(&record()).unwrap().into_bytes();
        let at = at.min(text.len());
        let mut changed = text.clone();
        let end = (at + garbage.len()).min(text.len());
        changed.splice(at..end, garbage);
        prop_assert!(changed == text || matches!(parsed(&changed), Parsed::Damaged(_) | Parsed::Newer(_)));
    }
}

#[test]
fn whatever_happens_to_one_file_the_other_has_the_record() {
    let (_temp, folder) = folder();
    for damage in [&b""[..], b"{", b"\0\0\0\0", b"{\n  \"digest\": \"0"] {
        record().write(&folder).unwrap();
        files::write_private(&folder.record(), damage).unwrap();
        let Stored::ByCopy(read, damaged) = Stored::read(&folder).unwrap() else { panic!("{damage:?} is not seen") };
        assert_eq!(*read, record());
        assert!(damaged.healed().starts_with(&format!("{} (", folder.record().display())), "{}", damaged.healed());
        assert!(damaged.healed().ends_with("was damaged: the record is taken from its copy."), "{}", damaged.healed());

        read.write(&folder).unwrap();
        files::write_private(&folder.record_copy(), damage).unwrap();
        assert_eq!(whole(&folder), record());
    }
    fs_err::remove_file(folder.record()).unwrap();
    record().write(&folder).unwrap();
    fs_err::remove_file(folder.record()).unwrap();
    let Stored::ByCopy(read, damaged) = Stored::read(&folder).unwrap() else { panic!("it is not healed") };
    assert_eq!(
        (*read, damaged.healed()),
        (record(), format!("{} was gone: the record is taken from its copy.", folder.record().display()))
    );
}

#[test]
fn a_crash_between_the_two_files_leaves_the_newer_one() {
    let (_temp, folder) = folder();
    record().write(&folder).unwrap();
    let newer = Record { identity: None, ..record() };
    files::write_private(&folder.record(), written(&newer).unwrap().as_bytes()).unwrap();
    assert_eq!(whole(&folder), newer);
}

#[test]
fn a_record_of_yesterday_is_read_and_written_as_one_of_today() {
    let (_temp, folder) = folder();
    files::write_private(&folder.record(), &version_1()).unwrap();
    let read = whole(&folder);
    assert_eq!(read, record());
    read.write(&folder).unwrap();
    assert!(fs_err::read_to_string(folder.record()).unwrap().contains("\"version\": 2"));
    // what says that it is of today and has no digest is none
    let without = String::from_utf8(version_1()).unwrap().replace("\"version\": 1", "\"version\": 2");
    assert!(matches!(parsed(without.as_bytes()), Parsed::Damaged(why) if why == "it has no digest"));
}

#[test]
fn a_newer_record_is_refused_and_says_so() {
    let (_temp, folder) = folder();
    files::write_private(&folder.record(), br#"{"version": 3, "future": true}"#).unwrap();
    let failure = Record::read(&folder).unwrap_err();
    assert!(failure.what.ends_with("is of a newer tstack"), "{}", failure.what);
    assert_eq!(failure.why, ["it has version 3, this tstack knows 2"]);
}

#[test]
fn two_damaged_files_are_a_failure_that_names_both_and_what_they_still_say() {
    let (_temp, folder) = folder();
    let context = Target::Context { kubeconfig: "/home/a/.kube/config".into(), context: "staging".into() };
    Record { target: context, ..record() }.write(&folder).unwrap();
    let text = fs_err::read_to_string(folder.record()).unwrap();
    files::write_private(&folder.record(), &text.as_bytes()[..text.len() - 20]).unwrap();
    files::write_private(&folder.record_copy(), b"").unwrap();
    let Stored::Damaged(damaged) = Stored::read(&folder).unwrap() else { panic!("they are believed") };
    assert_eq!(damaged.ran(), Some(Ran::OnContext));
    let failure = damaged.failure();
    assert_eq!(failure.what, "the record of `x` is damaged, and nothing is guessed");
    assert_eq!(failure.why[0], format!("{}: it ends too early", folder.record().display()));
    assert_eq!(failure.why[1], format!("{}: it is empty", folder.record_copy().display()));
    assert!(failure.why[2].ends_with("stack x, provider context, context staging, kubeconfig /home/a/.kube/config"), "{}", failure.why[2]);
    assert!(failure.hints[0].contains("--context CONTEXT") && failure.hints[1].contains("--forget"), "{:?}", failure.hints);
    damaged.set_aside();
    assert_eq!(fs_err::read(broken(&folder.record())).unwrap(), text.as_bytes()[..text.len() - 20]);
}
