//! Specifications: what is generated from them passes the real API server.

use std::collections::{BTreeMap, BTreeSet};

use tstack::generate;
use tstack::ops::{Wanted, check_server};
use tstack::spec::{self, ServiceSpec, arbitrary};
use tstack::stack::Object;

use super::Stack;
use crate::support::client::runtime;
use crate::support::{holds, part};

/// How many specifications are made.
const COUNT: u32 = 60;
/// Kinds that some of them must need: then they are spread over what can be asked for.
const KINDS: [&str; 14] = [
    "BackendTrafficPolicy",
    "Certificate",
    "ClientTrafficPolicy",
    "Deployment",
    "EnvoyProxy",
    "Gateway",
    "HTTPRoute",
    "HorizontalPodAutoscaler",
    "Issuer",
    "Namespace",
    "PodDisruptionBudget",
    "ScaledObject",
    "SecurityPolicy",
    "Service",
];

pub(super) fn what_is_generated_passes_the_api_server(stack: &Stack) {
    part("the API server and what is generated");
    for template in generate::templates() {
        let spec = read(template.name, generate::template(template.name).unwrap());
        let wrong = refused(stack, &[(template.name.to_owned(), spec)]);
        holds(&format!("template {}", template.name), wrong.is_empty(), || wrong.join("\n"));
    }
    let specs: Vec<(String, ServiceSpec)> = (0..COUNT)
        .map(|seed| {
            let text = arbitrary::specification(&bytes(seed), "api", "apis").to_string();
            (format!("specification {seed}:\n{text}\n"), read("service.yaml", &text))
        })
        .collect();
    let kinds: BTreeSet<String> =
        specs.iter().flat_map(|(_, spec)| generate::objects(spec)).map(|document| document.id.kind.clone()).collect();
    let missing: Vec<&&str> = KINDS.iter().filter(|kind| !kinds.contains(**kind)).collect();
    holds(&format!("{COUNT} made specifications need {} kinds", kinds.len()), missing.is_empty(), || format!("none needs {missing:?}"));
    let wrong = refused(stack, &specs);
    holds("the API server takes all of their objects", wrong.is_empty(), || wrong.join("\n"));
}

fn read(name: &str, text: &str) -> ServiceSpec {
    spec::read(name, text.as_bytes(), &[]).unwrap_or_else(|findings| panic!("{findings}\n{text}")).0
}

/// Bytes that are the same in every run, of every length up to 160.
fn bytes(seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(40 + (seed as usize * 7) % 120).collect()
}

/// What the API server refuses of the specifications' objects.
fn refused(stack: &Stack, specs: &[(String, ServiceSpec)]) -> Vec<String> {
    let mut objects = Vec::new();
    let mut origins = BTreeMap::new();
    for (title, spec) in specs {
        for document in generate::objects(spec) {
            origins.insert(objects.len(), title);
            objects.push(Object::new(document.value()));
        }
    }
    let report = runtime().block_on(check_server(&stack.setup, &stack.name, &Wanted::Own, &objects)).unwrap();
    let told: BTreeSet<&String> = report.verdicts.iter().flat_map(|verdict| &verdict.warnings).collect();
    for warning in told {
        println!("        it warns: {warning}");
    }
    let verdicts = report.verdicts.iter().enumerate();
    let refusals = verdicts.filter_map(|(at, verdict)| Some((at, verdict, verdict.refusal.as_ref()?)));
    refusals.map(|(at, verdict, refusal)| format!("{}, {}: {}", origins[&at], verdict.object, refusal.why.join("; "))).collect()
}
