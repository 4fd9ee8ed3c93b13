//! Which parameters of a stack are ports of this machine.

use super::resolve::open;
use super::{Folder, Overrides, overlay};
use crate::input::Collector;
use crate::yaml::{Data, Node};

/// The parameters that stand for host ports, by `cluster.ports` and `expose`, with the ports that they are, in the order of the file. A
/// port that is written as a number is nobody's parameter. What is wrong with the file [`super::resolve`] tells.
#[must_use]
pub fn port_parameters(folder: &Folder, overrides: &Overrides) -> Vec<(String, u16)> {
    let mut found = Collector::default();
    let Some(mut root) = open(folder, &mut found) else { return Vec::new() };
    overlay::apply(&mut root, overrides, &mut found);
    let places = [root.get("cluster").and_then(|cluster| cluster.get("ports")), root.get("expose")];
    let mut all: Vec<(String, u16)> = Vec::new();
    for entry in places.into_iter().flatten().flat_map(entries) {
        let reference = entry.get("host").and_then(Node::as_text);
        let Some(name) = reference.and_then(|text| text.strip_prefix("${")?.strip_suffix('}')) else { continue };
        let value = root.get("parameters").and_then(|parameters| parameters.get(name)).and_then(|node| node.to_value().as_u64());
        if let Some(port) = value.and_then(|port| u16::try_from(port).ok())
            && all.iter().all(|(known, _)| known != name)
        {
            all.push((name.to_owned(), port));
        }
    }
    all
}

fn entries(list: &Node) -> &[Node] {
    if let Data::List(entries) = &list.data { entries } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::shipped_folder;

    #[test]
    fn the_ports_of_the_task_api_are_its_two_parameters() {
        let folder = shipped_folder("task-api").unwrap();
        let mut overrides = Overrides { architecture: "amd64".into(), ..Overrides::default() };
        assert_eq!(port_parameters(&folder, &overrides), [("httpPort".to_owned(), 8080), ("httpsPort".to_owned(), 8443)]);
        overrides.set.push(("parameters.httpPort".into(), "8081".into()));
        assert_eq!(port_parameters(&folder, &overrides)[0].1, 8081);
    }

    #[test]
    fn a_number_is_no_parameter_and_garbage_has_none() {
        let folder = |text: &str| Folder { origin: "x".into(), files: [("stack.yaml".to_owned(), text.as_bytes().to_vec())].into() };
        let head = "apiVersion: tstack.dev/v1alpha1\nkind: Stack\nmetadata: {name: x}\nparameters: {a: 80, b: text}\n";
        for (rest, ports) in [
            ("expose: [{name: x, host: 8080}]\n", &[][..]),
            ("expose: [{name: x, host: \"${b}\"}, {name: y, host: \"${c}\"}, {name: z, host: \"1${a}\"}]\n", &[]),
            ("cluster: {ports: [{host: \"${a}\"}]}\nexpose: [{host: \"${a}\"}]\n", &[("a".to_owned(), 80)]),
            ("expose: 7\ncluster: []\n", &[]),
        ] {
            assert_eq!(port_parameters(&folder(&format!("{head}{rest}")), &Overrides::default()), ports, "{rest}");
        }
        assert_eq!(port_parameters(&Folder::default(), &Overrides::default()), []);
    }
}
