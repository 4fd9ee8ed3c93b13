//! What of Envoy's arguments is changed, since Envoy runs outside of the network of its Envoy Gateway.
//!
//! The xDS server is reached through a Unix socket that the launcher carries, and Envoy's own admin interface is a Unix socket
//! too: no port of it can be reached by another user of the machine.

use std::path::Path;

use serde_json::{Value, json};

/// What one launcher asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Launch {
    /// The Gateway that the Envoy is for, `namespace/name`; of merged Gateways, their class.
    pub cluster: String,
    /// The arguments as Envoy gets them.
    pub args: Vec<String>,
}

/// The Gateway that arguments are for.
pub(super) fn cluster(args: &[String]) -> Result<&str, String> {
    value(args, "--service-cluster").ok_or_else(|| "Envoy's arguments name no --service-cluster".to_owned())
}

/// The arguments that Envoy Gateway gave, as our Envoy gets them.
pub(super) fn adapt(args: &[String], admin: &Path, xds: &Path) -> Result<Launch, String> {
    let cluster = cluster(args)?.to_owned();
    let given = value(args, "--config-yaml").ok_or("Envoy's arguments hold no --config-yaml")?;
    let mut bootstrap: Value = serde_saphyr::from_str(given).map_err(|e| format!("Envoy's bootstrap cannot be read: {e}"))?;
    bootstrap["admin"]["address"] = json!({"pipe": {"path": admin, "mode": 0o600}});
    let clusters = bootstrap.pointer_mut("/static_resources/clusters").and_then(Value::as_array_mut);
    let xds_cluster = clusters.into_iter().flatten().find(|one| one["name"] == "xds_cluster");
    let xds_cluster = xds_cluster.ok_or("Envoy's bootstrap holds no cluster `xds_cluster`")?;
    // a path has no name to resolve
    xds_cluster["type"] = json!("STATIC");
    let endpoints = xds_cluster.pointer_mut("/load_assignment/endpoints").and_then(Value::as_array_mut);
    let hosts = endpoints.into_iter().flatten().filter_map(|one| one["lb_endpoints"].as_array_mut()).flatten();
    for host in hosts {
        host["endpoint"]["address"] = json!({"pipe": {"path": xds}});
    }
    let text = serde_json::to_string(&bootstrap).map_err(|e| e.to_string())?;

    let mut out = Vec::new();
    let mut rest = args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--config-yaml" => {
                rest.next();
                out.extend(["--config-yaml".to_owned(), text.clone()]);
            }
            // where the launcher would look for the port that there is none of
            "--admin-address-path" => drop(rest.next()),
            _ => out.push(arg.clone()),
        }
    }
    // two Envoys of one user would else share memory under one number
    out.push("--disable-hot-restart".to_owned());
    Ok(Launch { cluster, args: out })
}

fn value<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == name)?;
    args.get(at + 1).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Vec<String> {
        let bootstrap = r"
admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 0 }
static_resources:
  clusters:
  - connect_timeout: 10s
    load_assignment:
      cluster_name: xds_cluster
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 0.0.0.0, port_value: 18000 } } }
    name: xds_cluster
    type: STRICT_DNS
";
        let args = ["--service-cluster", "task-api/gateway", "--config-yaml", bootstrap, "--concurrency", "1"];
        let last = ["--admin-address-path", "/run/1/admin-address.txt", "--", "--run-id", "1"];
        args.into_iter().chain(last).map(str::to_owned).collect()
    }

    #[test]
    fn envoy_gets_sockets_in_the_place_of_ports() {
        let launch = adapt(&given(), "/s/a.sock".as_ref(), "/s/x.sock".as_ref()).unwrap();
        assert_eq!(launch.cluster, "task-api/gateway");
        let bootstrap: Value = serde_json::from_str(&launch.args[3]).unwrap();
        assert_eq!(bootstrap["admin"]["address"], json!({"pipe": {"path": "/s/a.sock", "mode": 384}}));
        let xds = &bootstrap["static_resources"]["clusters"][0];
        assert_eq!(xds["type"], "STATIC");
        assert_eq!(xds["connect_timeout"], "10s");
        let endpoint = &xds["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        assert_eq!(endpoint["address"], json!({"pipe": {"path": "/s/x.sock"}}));
        assert!(!launch.args[3].contains("socket_address"), "{}", launch.args[3]);
    }

    #[test]
    fn what_differs_between_two_runs_of_envoy_gateway_is_left_out() {
        let launch = adapt(&given(), "/s/a".as_ref(), "/s/x".as_ref()).unwrap();
        assert_eq!(launch.args[4..], ["--concurrency", "1", "--disable-hot-restart"]);
    }

    #[test]
    fn a_bootstrap_without_its_xds_cluster_is_refused() {
        let mut args = given();
        args[3] = "static_resources: { clusters: [] }".to_owned();
        let refused = adapt(&args, "/s/a".as_ref(), "/s/x".as_ref());
        assert_eq!(refused, Err("Envoy's bootstrap holds no cluster `xds_cluster`".to_owned()));
    }
}
