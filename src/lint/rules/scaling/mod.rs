//! TS4xx: autoscaling: KEDA's ScaledObject, HorizontalPodAutoscaler, VerticalPodAutoscaler.

mod address;
mod bounds;
mod kafka;
mod metrics;
mod promql;
mod query;
mod resources;
mod target;
mod targets;
mod triggers;
mod users;
mod values;
mod vertical;

use crate::lint::finding::Severity::{Error, Note, Warning};
use crate::lint::rule::Rule;

pub(super) use target::Scaled;
use target::Trigger;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS401", "scale-target-missing", Error, targets::missing),
    Rule::new("TS402", "scaled-twice", Error, targets::scaled_twice),
    Rule::new("TS403", "idle-not-below-least", Error, bounds::idle_not_below),
    Rule::new("TS404", "scale-to-zero-behind-route", Warning, targets::zero_behind_route).in_production(Error),
    Rule::new("TS405", "replicas-beside-autoscaler", Warning, targets::replicas_written),
    Rule::new("TS406", "no-request-to-measure-against", Error, resources::no_request),
    Rule::new("TS407", "vertical-and-horizontal", Error, vertical::beside_horizontal),
    Rule::new("TS408", "vpa-mode-auto", Warning, vertical::mode_auto),
    Rule::new("TS410", "unknown-trigger", Error, triggers::unknown),
    Rule::new("TS411", "trigger-metadata-missing", Error, triggers::missing),
    Rule::new("TS412", "trigger-metadata-ignored", Warning, triggers::ignored),
    Rule::new("TS413", "trigger-metadata-value", Error, values::wrong),
    Rule::new("TS414", "trigger-refused", Error, triggers::refused),
    Rule::new("TS415", "trigger-authentication-missing", Error, triggers::authentication_missing),
    Rule::new("TS416", "zero-by-cpu-alone", Error, bounds::zero_by_cpu),
    Rule::new("TS417", "fallback-without-effect", Error, bounds::fallback),
    Rule::new("TS418", "scaler-name-too-long", Error, bounds::name_too_long),
    Rule::new("TS419", "timing-without-effect", Note, bounds::timing),
    Rule::new("TS420", "metric-without-label", Error, metrics::without_label),
    Rule::new("TS421", "service-label-not-scraped", Warning, metrics::service_label),
    Rule::new("TS422", "query-unreadable", Error, query::unreadable),
    Rule::new("TS423", "query-of-many-series", Warning, query::many_series),
    Rule::new("TS424", "empty-answer-is-zero", Note, query::empty_is_zero),
    Rule::new("TS425", "trigger-address", Error, address::wrong),
    Rule::new("TS426", "no-such-route-cluster", Error, metrics::no_such_cluster),
    Rule::new("TS427", "more-consumers-than-partitions", Warning, kafka::more_consumers),
    Rule::new("TS428", "threshold-above-user-limit", Note, users::above_limit),
];
