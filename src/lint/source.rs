//! From texts to the objects and commands in them, and to what is wrong with the texts.

mod bytes;
mod document;
mod form;
pub(super) mod segment;
mod syntax;

use super::command::{Command, commands};
use super::set::{ReadFault, Set, Source, Surroundings};
use crate::yaml::{self, Data, Node, Pos, YamlError};

pub use form::Form;
pub(super) use segment::Segment;

/// A text to read.
#[derive(Clone, Debug)]
pub struct Input {
    /// The file as people know it; `-` for standard input.
    pub file: String,
    /// What it holds, as it lies on disk.
    pub bytes: Vec<u8>,
    /// How it is written.
    pub form: Form,
    /// Whether it was asked for by its name, and not found in a folder: then it must hold objects.
    pub named: bool,
}

impl Input {
    /// A text whose form shows in its name, or else in what it holds.
    #[must_use]
    pub fn new(file: impl Into<String>, bytes: Vec<u8>, named: bool) -> Self {
        let file = file.into();
        let form = Form::of(&file, &bytes);
        Self { file, bytes, form, named }
    }
}

/// What texts hold.
#[derive(Debug, Default)]
pub struct Reading {
    sources: Vec<Source>,
    segments: Vec<Segment>,
    documents: Vec<Node>,
    commands: Vec<Command>,
    faults: Vec<ReadFault>,
    /// What was left out and why: `docker-compose.yaml: no Kubernetes objects`.
    pub notes: Vec<String>,
}

impl Reading {
    /// Reads texts, all of them together one set.
    #[must_use]
    pub fn of(inputs: Vec<Input>) -> Self {
        let mut reading = Self::default();
        for input in inputs {
            reading.take(input);
        }
        reading
    }

    /// A reading of documents that somebody else has read; the place of each tells its source.
    #[must_use]
    pub fn of_documents(sources: Vec<Source>, documents: Vec<Node>) -> Self {
        let segments = sources.iter().enumerate().flat_map(|(at, source)| segment::split(&source.text, Form::Yaml, at)).collect();
        Self { sources, segments, documents, ..Self::default() }
    }

    /// How many objects there are.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.documents.len()
    }

    /// The set that the texts make.
    #[must_use]
    pub fn into_set(self, surroundings: Surroundings) -> Set {
        Set::new(self.sources, self.documents, surroundings)
            .with_commands(self.commands)
            .with_faults(self.faults)
            .with_segments(self.segments)
    }

    fn take(&mut self, input: Input) {
        let source = self.sources.len();
        let text = match bytes::text(&input.bytes) {
            Ok(text) => text,
            Err(broken) => {
                self.sources.push(Source { file: input.file, text: broken.readable });
                self.fault("TS101", Pos { source, ..broken.pos }, broken.message, broken.remedy);
                return;
            }
        };
        let (before, faults) = (self.documents.len(), self.faults.len());
        for segment in segment::split(&text, input.form, source) {
            match segment.form {
                Form::Shell => self.commands.extend(commands(&segment)),
                _ => self.read(&input, segment),
            }
        }
        let silent = self.documents.len() == before && self.faults.len() == faults;
        if silent && input.named && input.form == Form::Yaml && !self.notes.last().is_some_and(|note| note.starts_with(&input.file)) {
            let start = Pos { source, line: 1, column: 1 };
            let what = if text.trim().is_empty() { "the file is empty" } else { "the file holds no document, only comments" };
            self.fault("TS106", start, what, "Name files that hold Kubernetes objects.");
        }
        self.sources.push(Source { file: input.file, text });
    }

    fn read(&mut self, input: &Input, segment: Segment) {
        let place = |pos: Pos| segment.place(pos);
        match yaml::parse_nodes(&segment.text) {
            Ok(nodes) => self.objects(nodes.into_iter().map(|node| node.moved(&place)), input),
            // what is wrong with one document says nothing about the next
            Err(_) => {
                for (first, text) in segment::documents(&segment.text) {
                    let below = |pos: Pos| place(Pos { line: pos.line + first, ..pos });
                    match yaml::parse_nodes(text) {
                        Ok(nodes) => self.objects(nodes.into_iter().map(|node| node.moved(&below)), input),
                        Err(error) => self.broken(text, &error, first, &segment, input),
                    }
                }
            }
        }
        self.segments.push(segment);
    }

    fn broken(&mut self, text: &str, error: &YamlError, first: usize, segment: &Segment, input: &Input) {
        // prose shows parts of objects, with dots for what is left out
        if input.form == Form::Markdown && !text.contains("apiVersion:") {
            return;
        }
        let said = syntax::said(&segment.text, text, error);
        let pos = segment.place(Pos { source: 0, line: said.line + first, column: said.column });
        self.fault(said.rule, pos, said.message, said.remedy);
    }

    /// Takes what is an object, and says what is none.
    fn objects(&mut self, nodes: impl Iterator<Item = Node>, input: &Input) {
        for node in nodes {
            let known = document::sort(&node, &input.file);
            match known {
                document::Sort::Object => self.documents.push(node),
                document::Sort::List => {
                    if let Data::Map(entries) = node.data
                        && let Some((_, items)) = entries.into_iter().find(|(key, _)| key.text == "items")
                        && let Data::List(items) = items.data
                    {
                        self.objects(items.into_iter(), input);
                    }
                }
                document::Sort::Other(what) if !input.named && input.form == Form::Yaml => {
                    let note = format!("{}: left out, it is {what}", input.file);
                    if self.notes.last() != Some(&note) {
                        self.notes.push(note);
                    }
                }
                // a document may show parts of objects, and files of other programs
                document::Sort::Other(_) if input.form != Form::Yaml => {}
                document::Sort::Other(what) => self.fault(
                    "TS103",
                    node.pos,
                    format!("this is no Kubernetes object but {what}"),
                    "Name the files that hold the objects.",
                ),
                document::Sort::Broken(_)
                    if input.form != Form::Yaml && ["apiVersion", "kind"].iter().all(|key| node.get(key).is_none()) => {}
                document::Sort::Broken(message) => self.fault(
                    "TS103",
                    node.pos,
                    message,
                    "Begin each document with `apiVersion` and `kind`, as in `apiVersion: v1` and `kind: Service`.",
                ),
            }
        }
    }

    fn fault(&mut self, rule: &'static str, pos: Pos, message: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(ReadFault { rule, pos, message: message.into(), remedy: remedy.into() });
    }
}

#[cfg(test)]
mod tests;
