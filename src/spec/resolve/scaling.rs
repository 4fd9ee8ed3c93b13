//! Scaling and disruption.

use std::collections::BTreeMap;

use super::super::file::{AutoscaleFile, Cron, DisruptionBudgetFile, PrometheusFile};
use super::super::model::{Action, Autoscale, Budget, Keda, Prometheus, ServiceSpec, Signal};
use super::Context;

impl Context<'_> {
    pub(super) fn autoscale(&mut self, spec: &mut ServiceSpec) {
        let Some(file) = self.file.autoscale.as_ref() else { return };
        let signal = self.signal(file, spec);
        let version = file.version.clone().unwrap_or_else(|| spec.versions[0].name.clone());
        if !self.known_version(&version, &spec.versions, "/autoscale/version") {
            return;
        }
        if file.deployment.is_some() && spec.deployed {
            let hint = "leave it out; `version` says which one is scaled";
            self.wrong_key("/autoscale/deployment", "the Deployments are those of `workload`", hint);
        }
        let index = spec.versions.iter().position(|v| v.name == version).unwrap_or_default();
        if self.file.versions.get(index).is_some_and(|v| v.replicas.is_some()) {
            let hint = "leave it out; `autoscale.min` and `max` are its bounds";
            self.wrong_key(
                &format!("/versions/{index}/replicas"),
                format!("the number of pods of `{version}` belongs to its scaler"),
                hint,
            );
        }
        let deployment = file.deployment.clone().unwrap_or_else(|| spec.versions[index].service.clone());
        let (min, max) = self.bounds(file, spec, signal.as_ref());
        let Some(signal) = signal else { return };
        if let Some(workload) = &mut spec.versions[index].workload {
            workload.replicas = None;
        }
        let scale_down_after = file.scale_down_after.unwrap_or(300);
        spec.autoscale = Some(Autoscale { version, deployment, min, max, scale_down_after, signal });
    }

    fn bounds(&mut self, file: &AutoscaleFile, spec: &ServiceSpec, signal: Option<&Signal>) -> (u32, u32) {
        let production = self.is_production() && spec.gateway.is_some();
        let max = file.max.unwrap_or(10);
        let min = file.min.unwrap_or(if production { 2 } else { 1 }.min(max));
        if min > max {
            self.wrong(
                "/autoscale/min",
                format!("the fewest pods ({min}) are more than the most ({max})"),
                "make `max` larger, or `min` smaller",
            );
        }
        if min == 0 && spec.gateway.is_some() {
            let hint = "with no pod left a request is answered 503 and starts none: make `min` 1 or more";
            self.wrong("/autoscale/min", "a service that is called over HTTP cannot be scaled to 0", hint);
        } else if min == 0 && matches!(signal, Some(Signal::Cpu(_))) {
            self.wrong("/autoscale/min", "with no pod left there is no processor whose use could rise", "make `min` 1 or more");
        } else if min == 1 && production {
            let hint = "leave `min` out for 2, or give more";
            self.wrong("/autoscale/min", "one pod serves nobody while it restarts; profile `production` has at least 2", hint);
        }
        if let Some(Signal::Keda(keda)) = signal {
            self.pods(keda, max);
        }
        (min, max)
    }

    /// Whether the most pods are right for what asks for them.
    fn pods(&mut self, keda: &Keda, max: u32) {
        if let Some(cron) = keda.cron.as_ref().filter(|cron| cron.replicas > max) {
            let message = format!("{} pods are asked for, and there may be {max}", cron.replicas);
            self.wrong("/autoscale/cron/replicas", message, "make `max` larger");
        }
        if let Some(partitions) = keda.kafka.as_ref().and_then(|kafka| kafka.partitions).filter(|partitions| max > *partitions) {
            let message = format!("of {max} pods {} would have no partition to read", max - partitions);
            self.warn("/autoscale/kafka/partitions", message, "make `max` at most the number of partitions");
        }
    }

    fn signal(&mut self, file: &AutoscaleFile, spec: &ServiceSpec) -> Option<Signal> {
        let keda = file.prometheus.is_some() || file.kafka.is_some() || file.cron.is_some();
        if let Some(cpu) = file.cpu {
            if keda {
                let hint = "two scalers of one Deployment undo each other's work: keep `cpu` or the others";
                self.wrong_key("/autoscale/cpu", "`cpu` is scaled by Kubernetes itself, the others by KEDA", hint);
            }
            for (key, given) in [("polling", file.polling.is_some()), ("cooldown", file.cooldown.is_some())] {
                if given {
                    self.wrong_key(&format!("/autoscale/{key}"), format!("`{key}` is KEDA's, and `cpu` does without KEDA"), "leave it out");
                }
            }
            return Some(Signal::Cpu(cpu));
        }
        if !keda {
            let hint = "add one of `prometheus` (`{}` counts requests at the gateway), `kafka`, `cron` and `cpu`";
            self.wrong_key("/autoscale", "`autoscale` says no signal", hint);
            return None;
        }
        if let Some(cron) = &file.cron {
            self.cron(cron);
        }
        Some(Signal::Keda(Box::new(Keda {
            polling: file.polling.unwrap_or(15),
            cooldown: file.cooldown.unwrap_or(300),
            prometheus: file.prometheus.as_ref().map(|p| self.prometheus(p, spec)),
            kafka: file.kafka.clone(),
            cron: file.cron.clone(),
        })))
    }

    fn prometheus(&mut self, file: &PrometheusFile, spec: &ServiceSpec) -> Prometheus {
        let ours = || {
            let version = self.file.autoscale.as_ref().and_then(|a| a.version.clone());
            gateway_query(spec, version.as_deref().unwrap_or(&spec.versions[0].name))
        };
        if file.query.is_none() && spec.gateway.is_none() {
            let hint = "add a `query` with one number as its answer";
            self.wrong_key("/autoscale/prometheus", "without routes there are no requests at the gateway to count", hint);
        }
        Prometheus {
            server: file.server.clone().unwrap_or_else(|| "http://prometheus.monitoring.svc.cluster.local:9090".into()),
            query: file.query.clone().unwrap_or_else(ours),
            counts_gateway_requests: file.query.is_none(),
            threshold: file.threshold.unwrap_or(50.0).to_string(),
        }
    }

    fn cron(&mut self, cron: &Cron) {
        for (key, text) in [("start", &cron.start), ("end", &cron.end)] {
            if let Some(why) = check_cron(text) {
                let hint = "minute, hour, day, month and day of the week, as in `0 8 * * 1-5`";
                self.wrong(&format!("/autoscale/cron/{key}"), format!("`{text}` is not a time: {why}"), hint);
            }
        }
        if cron.start == cron.end {
            self.wrong("/autoscale/cron/end", "it ends when it begins", "give another `end`");
        }
    }

    pub(super) fn budgets(&mut self, spec: &ServiceSpec) -> Vec<Budget> {
        let file = self.file.disruption_budget.clone();
        let given = file.is_some();
        let DisruptionBudgetFile { min_available, selector } = file.unwrap_or_default();
        if !spec.deployed {
            if given && selector.is_empty() {
                let hint = "add `selector` with the labels of the pods";
                self.wrong_key("/disruptionBudget", "without `workload` the labels of the pods are not known", hint);
            }
            let version = spec.versions[0].name.clone();
            let min_available = min_available.unwrap_or(1);
            return if given { vec![Budget { version, min_available, selector }] } else { Vec::new() };
        }
        if !selector.is_empty() {
            self.wrong_key("/disruptionBudget/selector", "the labels are those of `workload`", "leave it out");
        }
        let keep = min_available.unwrap_or(1);
        let mut all = Vec::new();
        for (index, version) in spec.versions.iter().enumerate() {
            let scaled = spec.autoscale.as_ref().filter(|a| a.version == version.name).map(|a| a.min);
            let pods = scaled.or_else(|| version.workload.as_ref().and_then(|w| w.replicas)).unwrap_or(1);
            if pods > keep {
                let selector = labels(&spec.name, &version.name);
                all.push(Budget { version: version.name.clone(), min_available: keep, selector });
            } else if given && index == 0 {
                let message = format!("{keep} of {pods} pods must stay: no node could ever be emptied");
                self.wrong_key("/disruptionBudget", message, "have more pods, or leave `disruptionBudget` out");
            }
        }
        all
    }
}

/// The labels of the pods of a version.
pub(crate) fn labels(name: &str, version: &str) -> BTreeMap<String, String> {
    [("app.kubernetes.io/name", name), ("app.kubernetes.io/version", version)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Requests a second that the gateway sends to a version: Envoy counts them for each rule that leads there.
fn gateway_query(spec: &ServiceSpec, version: &str) -> String {
    let routes = spec.http_routes();
    let mut clusters = Vec::new();
    for route in &routes {
        let leads = |action: &Action| match action {
            Action::Forward { backends, .. } => backends.iter().any(|b| b.version.as_deref() == Some(version)),
            Action::Redirect(_) => false,
        };
        let rules: Vec<String> =
            route.rules.iter().enumerate().filter(|(_, rule)| leads(&rule.route.action)).map(|(i, _)| i.to_string()).collect();
        if rules.len() == route.rules.len() && !rules.is_empty() {
            clusters.push(format!("httproute/{}/{}/rule/.*", spec.namespace, route.name));
        } else if !rules.is_empty() {
            clusters.push(format!("httproute/{}/{}/rule/({})", spec.namespace, route.name, rules.join("|")));
        }
    }
    format!("sum(rate(envoy_cluster_upstream_rq_total{{envoy_cluster_name=~\"{}\"}}[1m]))", clusters.join("|"))
}

/// Says what is wrong with a time of a cron trigger.
fn check_cron(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(' ').collect();
    let ranges = [("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("day of the week", 0, 6)];
    if parts.len() != ranges.len() {
        return Some(format!("it has {} parts and not 5", parts.len()));
    }
    for (part, (what, low, high)) in parts.iter().zip(ranges) {
        let in_range = |n: &str| n.parse::<u32>().is_ok_and(|n| (low..=high).contains(&n));
        let one = |item: &str| {
            let (base, step) = item.split_once('/').map_or((item, None), |(base, step)| (base, Some(step)));
            let step_good = step.is_none_or(|s| s.parse::<u32>().is_ok_and(|n| n > 0));
            let base_good = base == "*" || base.split_once('-').map_or_else(|| in_range(base), |(a, b)| in_range(a) && in_range(b));
            step_good && base_good
        };
        if !part.split(',').all(one) {
            return Some(format!("`{part}` is no {what} from {low} to {high}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_five_parts_within_their_ranges() {
        for good in ["0 8 * * 1-5", "*/15 * * * *", "0,30 6-18/2 1 1 0"] {
            assert_eq!(check_cron(good), None, "{good}");
        }
        assert_eq!(check_cron("0 8 * *").unwrap(), "it has 4 parts and not 5");
        assert_eq!(check_cron("0 24 * * *").unwrap(), "`24` is no hour from 0 to 23");
    }
}
