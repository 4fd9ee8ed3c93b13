use std::collections::BTreeSet;

use super::*;
use crate::spec;

fn spec(text: &str) -> ServiceSpec {
    let text = format!("apiVersion: tstack.dev/v1alpha1\nkind: ServiceSpec\nmetadata: {{name: api}}\nspec: {{{text}}}\n");
    spec::read("service.yaml", text.as_bytes(), &[]).unwrap().0
}

/// Specifications that together reach every leaf of every tree.
fn forest() -> Vec<ServiceSpec> {
    let route = "routes: [{path: /api}]";
    let oidc = "oidc: {issuer: 'https://id.example.com', clientId: a, clientSecret: s}";
    [
        "workload: {image: 'x:1'}, routes: [], autoscale: {min: 0, kafka: {group: g, topic: t}}".to_owned(),
        route.to_owned(),
        format!("{route}, versions: [{{name: v1}}, {{name: v2}}], split: {{strategy: canary}}, rateLimit: {{}}, circuitBreaker: {{}}, tls: {{}}"),
        format!("{route}, rateLimit: {{scope: global}}, retry: {{}}, autoscale: {{cpu: {{}}}}, ipAllow: [10.0.0.0/8], client: {{idleTimeout: 5m}}"),
        format!("{route}, tls: {{}}, auth: {{{oidc}}}"),
        format!("{route}, auth: {{jwt: {{issuer: x, jwksConfigMap: keys}}}}"),
        format!("{route}, tls: {{}}, auth: {{basic: {{secret: users}}}}"),
        format!("{route}, tls: {{}}, auth: {{apiKey: {{secret: keys}}}}"),
        format!("{route}, auth: {{external: {{service: guard, port: 80}}}}"),
    ]
    .iter()
    .map(|text| spec(text))
    .collect()
}

#[test]
fn every_row_of_the_seeds_trees_is_answered_for_every_specification() {
    for spec in forest() {
        let all = decide(&spec);
        let of = |tree: usize| all.iter().filter(|d| d.tree == TREES[tree].0).count();
        // eight questions of seed 002, nine scenarios of seed 001, its three questions on logins after ours, and one on counting
        assert_eq!([of(0), of(1), of(2), of(3)], [8, 9, 4, 1]);
        assert!(all.iter().all(|d| !d.given_by.is_empty() && !d.then.is_empty() && !d.why.is_empty()), "{all:#?}");
    }
}

#[test]
fn every_leaf_is_reached() {
    let specs = forest();
    for (tree, rows) in TREES {
        for row in rows {
            let seen: BTreeSet<Answer> = specs.iter().map(|spec| (row.answer)(spec).answer).collect();
            let expected: &[Answer] = match (tree, row.question) {
                (_, "LLM/AI traffic?") => &[Answer::No],
                (_, "Must callers say who they are?") => &[Answer::Yes, Answer::No],
                ("How callers say who they are" | "Where requests are counted", _) => &[Answer::Yes, Answer::No, Answer::NotAsked],
                _ => &[Answer::Yes, Answer::No],
            };
            assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected, "{}", row.question);
        }
    }
}

#[test]
fn what_is_said_to_be_generated_is() {
    for spec in forest() {
        for decision in decide(&spec) {
            let row = TREES.iter().flat_map(|(_, rows)| rows.iter()).find(|row| row.question == decision.question).unwrap();
            let promised = match decision.answer {
                // a Certificate only where one is made, and Services only where a program is deployed
                Answer::Yes => row.kinds.0.first(),
                _ => None,
            };
            if let Some(kind) = promised {
                assert!(decision.objects.iter().any(|object| object.starts_with(&format!("{kind}/"))), "{decision:#?}");
            }
        }
    }
}

#[test]
fn the_way_to_each_method_is_the_seeds() {
    let path = |auth: &str| {
        let spec = spec(&format!("routes: [{{path: /api}}], tls: {{}}, auth: {{{auth}}}"));
        decide(&spec).iter().filter(|d| d.tree == TREES[2].0).map(|d| d.answer.word()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(path("oidc: {issuer: 'https://id.example.com', clientId: a, clientSecret: s}"), "yes, yes, not asked, not asked");
    assert_eq!(path("jwt: {issuer: x, jwksConfigMap: keys}"), "yes, no, yes, not asked");
    assert_eq!(path("basic: {secret: users}"), "yes, no, no, yes");
    assert_eq!(path("apiKey: {secret: keys}"), "yes, no, no, yes");
    assert_eq!(path("external: {service: guard, port: 80}"), "yes, no, no, no");
}
