//! TS4xx: autoscaling: KEDA's ScaledObject, HorizontalPodAutoscaler, VerticalPodAutoscaler.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
