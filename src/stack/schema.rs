//! The stack file as a type of file: its header and its JSON Schema.

use serde_json::Value;

use super::StackFile;
use crate::input::FileType;

/// Stack files.
pub(super) static STACK_FILE: FileType<StackFile> = FileType::new("Stack", "stack file");

/// The schema for editors, as `stacks/stack.schema.json` has it: wherever a number or a boolean stands, `${parameter}` may too.
#[must_use]
pub fn schema() -> Value {
    STACK_FILE.schema()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Collector;
    use crate::yaml;

    fn findings(file: &str) -> String {
        let mut found = Collector::default();
        found.source("stack.yaml", file);
        STACK_FILE.read(&yaml::parse(file).unwrap(), &mut found);
        found.finish(()).unwrap_err().to_string()
    }

    #[test]
    fn every_wrong_key_and_type_is_found_at_once_in_words() {
        let file = "\
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {descripton: x}
parameters: {list: [1]}
cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
components:
- name: keda
  helm: {chart: x, version: 1.10, namespace: keda, values: [1]}
  need: [x]
- {images: x, name: tls, certificate: {namespace: a, secret: b, commonName: c, issuer: lets-encrypt}}
checks: [{name: c, rateLimit: {url: x, requests: 5000000000, perMinute: -1}}]
profiles: {small: 1}
";
        insta::assert_snapshot!(findings(file), @r#"
        stack.yaml:3:1: `metadata` needs the key `name`
          metadata: {descripton: x}
          ^
          hint: Lower case letters, digits and `-`, at most 40 characters; the cluster is called `tstack-<name>`

        stack.yaml:3:12: `metadata` has no key `descripton`
          metadata: {descripton: x}
                     ^
          hint: did you mean `description`?

        stack.yaml:4:20: `parameters.list` must be `true` or `false` or a number or a text, found a list
          parameters: {list: [1]}
                             ^

        stack.yaml:5:26: `cluster.ports[0].host` must be 1 to 65535, found 99999
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                   ^

        stack.yaml:5:39: `cluster.ports[0].node` must be 30000 to 32767, found 80
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                                ^

        stack.yaml:5:61: `cluster.minimum.cpus` must be a whole number, found the text `two`
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                                                      ^

        stack.yaml:5:74: `cluster.minimum.memory` must be a text, found the number 4
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                                                                   ^
          hint: put the value in quotes

        stack.yaml:8:29: `components.keda.helm.version` must be a text, found the number 1.1
            helm: {chart: x, version: 1.10, namespace: keda, values: [1]}
                                      ^
          hint: put the value in quotes

        stack.yaml:8:60: `components.keda.helm.values` must be a map, found a list
            helm: {chart: x, version: 1.10, namespace: keda, values: [1]}
                                                                     ^

        stack.yaml:9:3: `components.keda` has no key `need`
            need: [x]
            ^
          hint: did you mean `needs`?

        stack.yaml:10:12: `components.tls.images` must be a list, found the text `x`
          - {images: x, name: tls, certificate: {namespace: a, secret: b, commonName: c, issuer: lets-encrypt}}
                     ^

        stack.yaml:10:88: `components.tls.certificate.issuer` must be `cert-manager` or `tstack`, found the text `lets-encrypt`
          - {images: x, name: tls, certificate: {namespace: a, secret: b, commonName: c, issuer: lets-encrypt}}
                                                                                                 ^

        stack.yaml:11:50: `checks.c.rateLimit.requests` must be 1 to 10000, found 5000000000
          checks: [{name: c, rateLimit: {url: x, requests: 5000000000, perMinute: -1}}]
                                                           ^

        stack.yaml:11:73: `checks.c.rateLimit.perMinute` must be 0 to 4294967295, found -1
          checks: [{name: c, rateLimit: {url: x, requests: 5000000000, perMinute: -1}}]
                                                                                  ^

        stack.yaml:12:19: `profiles.small` must be a map, found the number 1
          profiles: {small: 1}
                            ^

        15 errors
        "#);
    }

    #[test]
    fn a_file_that_is_no_map_is_named_as_such() {
        insta::assert_snapshot!(findings("- a\n"), @r#"
        stack.yaml:1:1: the stack file must be a map, found a list
          - a
          ^

        1 error
        "#);
    }

    /// `TSTACK_UPDATE_SCHEMA=1 cargo test --lib schema` writes it anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the switch and the file belong to this test alone")]
    fn the_committed_schema_is_the_schema_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/stack.schema.json");
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("TSTACK_UPDATE_SCHEMA").is_some() {
            fs_err::write(path, &text).unwrap();
        }
        let committed = fs_err::read_to_string(path).unwrap_or_default();
        assert!(committed == text, "stacks/stack.schema.json is stale: run `TSTACK_UPDATE_SCHEMA=1 cargo test --lib schema`");
    }

    #[test]
    fn editors_accept_a_reference_where_a_number_stands() {
        let file = "{apiVersion: a, kind: b, metadata: {name: c}, components: [], cluster: {ports: [{host: '${p}', node: 30000}]}}";
        let value = yaml::parse(file).unwrap().to_value();
        let validator = jsonschema::options().offline().build(&schema()).unwrap();
        assert!(validator.is_valid(&value));
        assert!(!STACK_FILE.is_valid(&value));
    }
}
