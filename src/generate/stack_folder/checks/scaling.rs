//! The scaler: that it is ready, that its query has a value, and that pods come under load.

use super::super::local;
use super::{Caller, Checks, Plan, asked, request};
use crate::spec::{Action, Signal, Unit};
use crate::yaml::Map;

/// The most requests a second that a check sends.
const MOST: f64 = 2000.0;

pub(super) fn add(plan: &Plan<'_>, checks: &mut Checks) {
    let spec = plan.spec;
    let Some(scale) = &spec.autoscale else { return };
    let Signal::Keda(keda) = &scale.signal else { return };
    let mut fields = Map::new();
    fields.put("/spec/minReplicaCount", scale.min);
    fields.put("/spec/maxReplicaCount", scale.max);
    let mut body = Map::new();
    body.put("apiVersion", "keda.sh/v1alpha1");
    body.put("kind", "ScaledObject");
    body.put("namespace", &spec.namespace);
    body.put("name", spec.object_name("scaler"));
    body.put("type", "Ready");
    body.put("fields", fields);
    checks.add("scaler ready", "condition", body);
    if keda.cron.is_some() {
        checks.leave_out("scaling by the time of day");
    }
    let Some(prometheus) = local::prometheus(spec) else { return };
    let mut service = Map::new();
    service.put("namespace", "monitoring");
    service.put("name", "prometheus");
    service.put("port", 9090_u16);
    let mut body = Map::new();
    body.put("service", service);
    body.put("query", super::super::literal(&prometheus.query))
        .above("a query whose labels match nothing would never scale, and never say so");
    body.put("min", 0_u32);
    body.put("within", "90s");
    checks.add("scaler's query has a value", "promql", body);
    if prometheus.counts_gateway_requests {
        under_load(plan, &prometheus.threshold, checks);
    } else {
        checks.leave_out("pods under load: what raises the value of the query is not known");
    }
}

fn under_load(plan: &Plan<'_>, threshold: &str, checks: &mut Checks) {
    let spec = plan.spec;
    let (Some(scale), Ok(threshold)) = (&spec.autoscale, threshold.parse::<f64>()) else { return };
    if scale.min >= scale.max {
        checks.leave_out("pods under load: their number is fixed");
        return;
    }
    // a fifth more than one pod more bears: the HPA leaves up to a tenth unanswered
    let rate = (threshold * f64::from(scale.min + 1) * 1.2).ceil().max(1.0);
    if rate > MOST {
        checks.leave_out(format!("pods under load: {rate} requests a second are more than a check sends"));
        return;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a whole number from 1 to 2000")]
    let rate = rate as u32;
    let leads = |action: &Action| match action {
        Action::Forward { backends, .. } => backends.iter().filter(|b| b.weight > 0).all(|b| b.version.as_deref() == Some(&scale.version)),
        Action::Redirect(_) => false,
    };
    let target = spec.routes.iter().filter(|route| leads(&route.action)).find_map(|route| asked(spec, route).ok());
    let (Some(one), Caller::Anybody) = (target, &plan.caller) else {
        checks.leave_out("pods under load: no route is known on which enough requests reach the version that is scaled");
        return;
    };
    let mut headers = one.headers.clone();
    let users = match &spec.rate_limit {
        None => 1,
        Some(limit) if limit.unit == Unit::Minute => {
            headers.push((limit.user_header.clone(), "${user}".into()));
            // twice as many as would just not be limited
            u64::from(rate) * 60 * 2 / u64::from(limit.authenticated) + 20
        }
        Some(limit) => {
            checks.leave_out(format!(
                "pods under load: with limits a {} it is not known how many users are enough",
                limit.unit.as_str().to_lowercase()
            ));
            return;
        }
    };
    if users > 5000 {
        checks.leave_out("pods under load: the limits are so low that thousands of users would be needed");
        return;
    }
    let mut body = request(&plan.main_url(&one.path), &headers);
    if users > 1 {
        body.put("users", users);
    }
    body.put("requestsPerSecond", rate).behind("a fifth more than the fewest pods and one more bear");
    body.put("namespace", &spec.namespace);
    body.put("deployment", &scale.deployment);
    body.put("within", "3m");
    checks.add("pods follow the load", "autoscale", body).deep = true;
}
