//! From the bytes of a file to a specification with every default filled in.

mod access;
mod gateway;
mod parts;
mod paths;
mod routes;
mod scaling;
mod traffic;
mod versions;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::file::{Profile, ServiceFile, SpecFile};
use super::model::ServiceSpec;
use crate::input::{Collector, FileType, Finding, Findings, Parameters, assign};
use crate::yaml::{Node, Pos};

static SERVICE_SPEC: FileType<SpecFile> = FileType::new("ServiceSpec", "specification");

/// The schema for editors, as `stacks/service.schema.json` has it: wherever a number or a boolean stands, `${parameter}` may too.
#[must_use]
pub fn schema() -> Value {
    SERVICE_SPEC.schema()
}

/// Reads a specification; `settings` are paths and values laid over the file, such as `parameters.limit` and `5`. What is unusual but not
/// wrong comes beside it.
///
/// # Errors
/// Everything that is wrong, at least one finding.
pub fn read(name: &str, bytes: &[u8], settings: &[(String, String)]) -> Result<(ServiceSpec, Vec<Finding>), Findings> {
    let mut found = Collector::default();
    let spec = open(name, bytes, settings, &mut found);
    let (spec, warnings) = found.finish_with_warnings(spec)?;
    // reading ends early only with a finding; should that ever not hold, the person still gets an error and not a panic
    spec.map(|spec| (spec, warnings)).ok_or_else(|| {
        let mut found = Collector::default();
        let source = found.source(name, "");
        found.into_findings(Pos { source, line: 1, column: 1 }, "the specification could not be read; this is a defect of tstack")
    })
}

fn open(name: &str, bytes: &[u8], settings: &[(String, String)], found: &mut Collector) -> Option<ServiceSpec> {
    let mut root = SERVICE_SPEC.open(name, bytes, found)?;
    for (path, value) in settings {
        assign(&mut root, path, value, "the specification", found);
    }
    let parameters = Parameters::of(&root, &[], found);
    parameters.fill_file(&mut root, found);
    let file = SERVICE_SPEC.read(&root, found)?;
    let digest = digest(&root);
    Some(Context { root: &root, file: &file.spec, name: &file.metadata.name, found }.resolve(&file, digest))
}

/// What tells the specification from any other, whatever its comments and order of words.
fn digest(root: &Node) -> String {
    let sorted = |value: Value| {
        let mut value = value;
        value.sort_all_objects();
        value.to_string()
    };
    let parts: String = ["metadata", "spec"].iter().filter_map(|key| root.get(key)).map(|node| sorted(node.to_value())).collect();
    let bytes = Sha256::digest(parts.as_bytes());
    bytes.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// What is resolved, where its parts are written, and what was found.
struct Context<'a> {
    root: &'a Node,
    file: &'a ServiceFile,
    name: &'a str,
    found: &'a mut Collector,
}

impl Context<'_> {
    /// The place of a value below `spec`.
    fn at(&self, pointer: &str) -> Pos {
        self.root.value_pos_at(&format!("/spec{pointer}"))
    }

    /// The place of a key below `spec`.
    fn key(&self, pointer: &str) -> Pos {
        self.root.pos_at(&format!("/spec{pointer}"))
    }

    /// Takes a finding at a value below `spec`, with its remedy.
    fn wrong(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let at = self.at(pointer);
        self.found.hint(at, message, hint);
    }

    /// Takes a finding at a key below `spec`, with its remedy.
    fn wrong_key(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let at = self.key(pointer);
        self.found.hint(at, message, hint);
    }

    /// Takes what is unusual but not wrong.
    fn warn(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let at = self.at(pointer);
        self.found.warn(at, message, hint);
    }

    fn is_production(&self) -> bool {
        self.file.profile == Profile::Production
    }

    /// Whether a key is written, below `spec`.
    fn is_given(&self, pointer: &str) -> bool {
        let mut node = self.root.get("spec");
        for part in pointer.split('/').skip(1) {
            node = node.and_then(|n| n.get(part));
        }
        node.is_some()
    }

    fn resolve(&mut self, file: &SpecFile, digest: String) -> ServiceSpec {
        let namespace = file.metadata.namespace.clone().unwrap_or_else(|| file.metadata.name.clone());
        let versions = self.versions();
        let split = self.split(&versions);
        let routes = self.routes(&versions, split.as_ref());
        self.only_with_routes();
        let gateway = (!self.file.routes.is_empty()).then(|| self.gateway(&namespace));
        let tls = self.tls();
        let rate_limit = self.rate_limit(gateway.as_ref());
        let (active_health_check, passive_health_check) = self.health_check();
        let mut spec = ServiceSpec {
            name: file.metadata.name.clone(),
            description: file.metadata.description.clone(),
            digest,
            profile: self.file.profile,
            deployed: self.file.workload.is_some(),
            hosts: self.file.hosts.clone(),
            auth: self.auth(&routes, rate_limit.as_ref()),
            ip_allow: self.ip_allow(),
            cors: self.cors(),
            client: self.client(),
            circuit_breaker: self.circuit_breaker(),
            retry: self.retry(&routes),
            timeout: self.file.timeout.clone(),
            budgets: Vec::new(),
            autoscale: None,
            namespace,
            versions,
            split,
            gateway,
            tls,
            routes,
            rate_limit,
            active_health_check,
            passive_health_check,
        };
        self.exposed(&spec);
        self.fits(&spec);
        self.autoscale(&mut spec);
        spec.budgets = self.budgets(&spec);
        spec
    }
}
