//! In which order kinds are applied; deletion goes the other way.

use crate::stack::ObjectId;

/// What must be there before what. Within a rank the order does not matter to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Namespaces and definitions of kinds: nothing else is accepted before them.
    Ground,
    /// What workloads refer to when they start.
    Config,
    /// Everything that runs.
    Workload,
    /// What classes refer to: a controller whose class has lost its parameters may never let go of the class.
    Parameters,
    /// Classes: their controllers hold them until nothing uses them.
    Class,
    /// Custom resources: their definitions' controllers and webhooks come before them, and must outlive them for their finalizers.
    Custom,
    /// What stands in the way of other objects when its program does not run.
    Gate,
}

impl Rank {
    pub(super) const ALL: [Self; 7] = [Self::Ground, Self::Config, Self::Workload, Self::Parameters, Self::Class, Self::Custom, Self::Gate];

    /// The rank of an object, by its kind alone.
    pub(super) fn of(id: &ObjectId) -> Self {
        let group = id.group();
        match id.kind.as_str() {
            "Namespace" if group.is_empty() => Self::Ground,
            "CustomResourceDefinition" => Self::Ground,
            "ServiceAccount"
            | "ConfigMap"
            | "Secret"
            | "Service"
            | "PersistentVolume"
            | "PersistentVolumeClaim"
            | "LimitRange"
            | "ResourceQuota"
                if group.is_empty() =>
            {
                Self::Config
            }
            _ if matches!(group, "rbac.authorization.k8s.io" | "storage.k8s.io" | "scheduling.k8s.io" | "networking.k8s.io") => {
                Self::Config
            }
            "EnvoyProxy" if group == "gateway.envoyproxy.io" => Self::Parameters,
            "GatewayClass" if group == "gateway.networking.k8s.io" => Self::Class,
            _ if matches!(group, "admissionregistration.k8s.io" | "apiregistration.k8s.io") => Self::Gate,
            _ if matches!(group, "" | "apps" | "batch" | "autoscaling" | "policy") => Self::Workload,
            _ => Self::Custom,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_goes_before_its_class_and_that_before_its_parameters() {
        let rank = |api: &str, kind: &str| Rank::of(&ObjectId::new(api, kind, "x", "x"));
        let parameters = rank("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy");
        let class = rank("gateway.networking.k8s.io/v1", "GatewayClass");
        let gateway = rank("gateway.networking.k8s.io/v1", "Gateway");
        assert!(parameters < class && class < gateway, "deletion goes from the greatest to the least");
        assert_eq!(gateway, rank("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy"));
    }
}
