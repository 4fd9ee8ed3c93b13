//! One request for each route, the certificate, and the way from HTTP to HTTPS.

use super::{Asked, Caller, Checks, Plan, asked, request};
use crate::yaml::{Item, Map};

pub(super) fn add(plan: &Plan<'_>, checks: &mut Checks) {
    let spec = plan.spec;
    let Some(gateway) = &spec.gateway else {
        checks.leave_out("the service itself: nobody calls it over HTTP");
        return;
    };
    let mut known: Vec<Asked> = Vec::new();
    for route in &spec.routes {
        match asked(spec, route) {
            Ok(one) => known.push(one),
            Err(why) => checks.leave_out(why),
        }
    }
    checks.first_path = known.first().map(|one| one.path.clone());
    match &plan.caller {
        Caller::Unknown => checks.leave_out("answers: on this machine requests come from an address that `ipAllow` may or may not hold"),
        Caller::Refused => {
            for one in known.iter().filter(|one| one.forwards) {
                refused(plan, one, "without a token", checks);
            }
            checks.leave_out("requests that pass: only the issuer can sign a token");
        }
        Caller::Demo(..) => {
            if let Some(first) = known.iter().find(|one| one.forwards) {
                refused(plan, first, "without credentials", checks);
            }
        }
        Caller::Anybody => {}
    }
    if matches!(plan.caller, Caller::Anybody | Caller::Demo(..)) {
        for one in &known {
            answered(plan, one, spec.redirects_to_https(), checks);
        }
    }
    if let Some(tls) = &spec.tls {
        secure(plan, known.first(), checks);
        let mut body = Map::new();
        body.put("address", "localhost:${httpsPort}");
        let names = tls.dns_names.iter().chain(&tls.ip_addresses);
        body.put("names", names.map(Item::new).collect::<Vec<_>>());
        checks.add("certificate names", "tls", body);
    }
    let mut body = Map::new();
    body.put("apiVersion", "gateway.networking.k8s.io/v1");
    body.put("kind", "Gateway");
    body.put("namespace", &spec.namespace);
    body.put("name", &gateway.name);
    body.put("type", "Programmed");
    checks.add("gateway programmed", "condition", body);
}

/// The second scheme, once: either it answers too, or it leads to the first.
fn secure(plan: &Plan<'_>, first: Option<&Asked>, checks: &mut Checks) {
    let Some(first) = first else { return };
    if plan.spec.redirects_to_https() {
        let mut body = request(&Plan::url(&first.path, false), &first.headers);
        body.put("status", 301_u16);
        checks.add("plain HTTP leads to HTTPS", "http", body);
    } else if matches!(plan.caller, Caller::Anybody | Caller::Demo(..)) {
        answered(plan, first, true, checks);
    }
}

/// A request that is answered as the route says.
fn answered(plan: &Plan<'_>, one: &Asked, secure: bool, checks: &mut Checks) {
    let mut headers = one.headers.clone();
    match &plan.caller {
        Caller::Demo(name, value) => headers.push((name.clone(), value.clone())),
        _ => headers.extend(plan.unique_user().filter(|(name, _)| !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)))),
    }
    let mut body = request(&Plan::url(&one.path, secure), &headers);
    if one.status != 200 {
        body.put("status", one.status);
    }
    if !one.json.is_empty() {
        let mut values = Map::new();
        for (pointer, value) in &one.json {
            values.put(pointer, value.clone());
        }
        body.put("json", values);
    }
    let scheme = if secure { "https" } else { "http" };
    checks.add(format!("{} over {scheme}", one.path), "http", body);
}

fn refused(plan: &Plan<'_>, one: &Asked, how: &str, checks: &mut Checks) {
    let mut body = request(&plan.main_url(&one.path), &one.headers);
    body.put("status", 401_u16);
    checks.add(format!("{} {how}", one.path), "http", body);
}
