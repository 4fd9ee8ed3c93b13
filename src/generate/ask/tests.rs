use proptest::prelude::*;

use super::*;
use crate::spec::ServiceSpec;

/// Gives these answers by the key of their question, and the default to all others.
fn answered(answers: &[(&str, &str)]) -> Dialogue {
    let mut dialogue = Dialogue::default();
    while let Some(place) = dialogue.place() {
        let key = questions::ALL[place].key;
        let answer = answers.iter().find(|(known, _)| *known == key).map_or("", |(_, answer)| *answer);
        assert_eq!(dialogue.take(answer), Reply::Taken, "{key}: {answer}\n{}", dialogue.specification());
    }
    dialogue
}

fn read(text: &str) -> ServiceSpec {
    spec::read("service.yaml", text.as_bytes(), &[]).unwrap().0
}

/// The model without what tells one text from another.
fn model(text: &str) -> ServiceSpec {
    ServiceSpec { digest: String::new(), ..read(text) }
}

#[test]
fn answers_make_the_specification_that_they_say() {
    let dialogue = answered(&[
        ("name", "orders"),
        ("description", "what people buy: and \"pay\""),
        ("image", "ghcr.io/example/orders:1.2.3"),
        ("paths", "/orders, /carts"),
        ("versions", "2"),
        ("share", "canary"),
        ("percent", "25"),
        ("authenticated", "60"),
        ("breaker", "n"),
        ("login", "y"),
        ("audience", "orders-api"),
        ("scale", "req"),
        ("max", "4"),
    ]);
    let by_hand = "
apiVersion: tstack.dev/v1alpha1
kind: ServiceSpec
metadata: {name: orders, description: 'what people buy: and \"pay\"'}
spec:
  workload: {image: 'ghcr.io/example/orders:1.2.3'}
  versions: [{name: v1}, {name: v2}]
  split: {strategy: canary, percent: 25}
  tls: {}
  routes: [{path: /orders}, {path: /carts}]
  rateLimit: {authenticated: 60}
  healthCheck: {active: {}, passive: {}}
  retry: {}
  auth: {jwt: {issuer: 'https://id.example.com', audiences: [orders-api], jwksUri: 'https://id.example.com/jwks.json'}}
  autoscale: {max: 4, prometheus: {}}
";
    assert_eq!(model(&dialogue.specification()), model(by_hand));
}

#[test]
fn only_what_follows_is_asked() {
    let asked = |answers: &[(&str, &str)]| answered(answers).answered.iter().map(|place| questions::ALL[*place].key).collect::<Vec<_>>();
    let worker = asked(&[("called", "no"), ("scale", "nothing")]);
    assert_eq!(worker, ["name", "description", "profile", "deploy", "image", "port", "health", "called", "versions", "scale", "replicas"]);
    let open = asked(&[("limit", "no"), ("breaker", "no"), ("scale", "cpu"), ("tls", "no")]);
    for key in ["userHeader", "parallel", "sso", "jwt", "certificate", "threshold", "percent"] {
        assert!(!open.contains(&key), "{key}");
    }
}

#[test]
fn a_bad_answer_is_refused_with_the_reason_and_asked_again() {
    let mut dialogue = Dialogue::default();
    let before = dialogue.prompt();
    let Reply::Refused(why) = dialogue.take("Task_API") else { panic!("it was taken") };
    assert!(why.contains("a name of lower case letters"), "{why}");
    assert_eq!(dialogue.prompt(), before);
    for line in ["", "", "prod", "maybe"] {
        if let Reply::Refused(why) = dialogue.take(line) {
            assert_eq!(why, "`maybe` is neither `yes` nor `no`");
        }
    }
    assert_eq!(dialogue.answers.get("profile"), "production");
    assert!(matches!(dialogue.take("?"), Reply::Explained(more) if more.contains("Deployment")));
}

#[test]
fn back_goes_back_and_later_answers_follow_the_new_one() {
    let mut dialogue = Dialogue::default();
    assert!(matches!(dialogue.take("<"), Reply::Refused(_)));
    assert_eq!(dialogue.take("one"), Reply::Taken);
    assert_eq!(dialogue.prompt().unwrap().default, "the service one");
    assert_eq!(dialogue.take("back"), Reply::Taken);
    assert_eq!(dialogue.prompt().unwrap().question, "What is the service called?");
    assert_eq!(dialogue.take("two"), Reply::Taken);
    assert_eq!(dialogue.prompt().unwrap().default, "the service two");
}

#[test]
fn a_login_without_https_is_refused_where_it_is_asked_for() {
    let mut dialogue = Dialogue::default();
    while let Some(place) = dialogue.place() {
        let answer = match questions::ALL[place].key {
            "tls" | "jwt" => "no",
            "login" => "yes",
            "internal" => {
                let Reply::Refused(why) = dialogue.take("yes") else { panic!("it was taken") };
                assert!(why.contains("would be sent in plain HTTP"), "{why}");
                return;
            }
            _ => "",
        };
        assert_eq!(dialogue.take(answer), Reply::Taken);
    }
    panic!("it was never asked");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever is answered, refusals included, the end is a specification that reads back.
    #[test]
    fn every_way_through_ends_in_a_good_specification(picks in prop::collection::vec(0_usize..8, 80)) {
        let mut dialogue = Dialogue::default();
        let mut picks = picks.into_iter().chain(std::iter::repeat(0));
        while let Some(place) = dialogue.place() {
            let pick = picks.next().unwrap();
            let line = match questions::ALL[place].takes {
                Takes::YesNo => ["", "yes", "no", "y", "n", "x", "yes", "no"][pick].to_owned(),
                Takes::One(words) => if pick == 0 { String::new() } else { words[pick % words.len()].to_owned() },
                Takes::Number => ["", "1", "2", "0", "3", "70", "-1", "4294967295"][pick].to_owned(),
                Takes::Text => ["", "a", "x y", "/a", "https://a.example.com", "${a}", "x:1", "\"#"][pick].to_owned(),
                Takes::List => ["", "/a", "none", "a.example.com, b.example.com", "/a,/b", "10.0.0.0/8", "https://a.example.com", "*"][pick].to_owned(),
            };
            if dialogue.take(&line) != Reply::Taken {
                prop_assert_eq!(dialogue.take(""), Reply::Taken, "the default of {}\n{}", questions::ALL[place].key, dialogue.specification());
            }
        }
        let text = dialogue.specification();
        prop_assert!(spec::read("x", text.as_bytes(), &[]).is_ok(), "{}", text);
    }
}
