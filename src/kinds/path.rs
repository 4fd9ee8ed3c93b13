//! Where in an object a check is.

use std::fmt;

/// A place in an object, linked to the one around it: no text is made until a fault is found.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    above: Option<&'a Self>,
    part: Part<'a>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    /// The object itself, by its kind.
    Root(&'a str),
    Key(&'a str),
    Item(usize),
}

impl<'a> Path<'a> {
    pub(super) const fn root(kind: &'a str) -> Self {
        Self { above: None, part: Part::Root(kind) }
    }

    pub(super) const fn key(&'a self, key: &'a str) -> Self {
        Self { above: Some(self), part: Part::Key(key) }
    }

    pub(super) const fn item(&'a self, at: usize) -> Self {
        Self { above: Some(self), part: Part::Item(at) }
    }

    pub(super) const fn is_root(&self) -> bool {
        self.above.is_none()
    }

    /// The JSON pointer.
    pub(super) fn pointer(&self) -> String {
        let mut text = self.above.map_or_else(String::new, Self::pointer);
        match self.part {
            Part::Root(_) => {}
            Part::Key(key) => text.extend(["/", &key.replace('~', "~0").replace('/', "~1")]),
            Part::Item(at) => text.extend(["/", &at.to_string()]),
        }
        text
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(above) = self.above else { return Ok(()) };
        above.write(f)?;
        match self.part {
            Part::Root(_) => Ok(()),
            Part::Key(key) if key.contains(['.', '/']) => write!(f, "[{key}]"),
            Part::Key(key) if above.is_root() => f.write_str(key),
            Part::Key(key) => write!(f, ".{key}"),
            Part::Item(at) => write!(f, "[{at}]"),
        }
    }
}

/// In the words of the API server, as code: `spec.listeners[0].port`; the object itself is `the Gateway`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Part::Root(kind) = self.part {
            return write!(f, "the {kind}");
        }
        f.write_str("`")?;
        self.write(f)?;
        f.write_str("`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_said_as_the_api_server_says_it() {
        let root = Path::root("Gateway");
        let (spec, meta) = (root.key("spec"), root.key("metadata"));
        let listeners = spec.key("listeners");
        let first = listeners.item(0);
        assert_eq!((first.key("port").to_string().as_str(), root.to_string().as_str()), ("`spec.listeners[0].port`", "the Gateway"));
        let labels = meta.key("labels");
        let label = labels.key("a.b/c");
        assert_eq!((label.to_string().as_str(), label.pointer().as_str()), ("`metadata.labels[a.b/c]`", "/metadata/labels/a.b~1c"));
    }
}
