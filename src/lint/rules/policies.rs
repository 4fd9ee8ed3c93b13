//! TS3xx: Envoy Gateway's policies: BackendTrafficPolicy, ClientTrafficPolicy, EnvoyProxy, Backend.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
