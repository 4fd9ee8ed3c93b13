//! An object's tree as values of CEL, without a copy of it.

use std::sync::{Arc, OnceLock};

use cel::ExecutionError;
use cel::common::traits::{self, Container, Indexer, Iterable, Sizer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelNull, CelString, Type};
use cel::common::value::{CowVal, Val};

use crate::yaml::{Data, Key, Node};

/// A node as a value.
pub(super) fn value(node: &Node) -> Box<dyn Val + '_> {
    match &node.data {
        Data::Null => Box::new(CelNull),
        Data::Bool(b) => Box::new(CelBool::from(*b)),
        Data::Number(n) => match n.as_i64() {
            Some(whole) => Box::new(CelInt::from(whole)),
            None => Box::new(CelDouble::from(n.as_f64().unwrap_or_default())),
        },
        Data::Text(t) => Box::new(CelString::from(t.as_str())),
        Data::List(items) => Box::new(List { items, values: OnceLock::new() }),
        Data::Map(entries) => Box::new(Map { entries, keys: OnceLock::new() }),
    }
}

/// A list of nodes; its values are made when they are first asked for.
#[derive(Debug)]
struct List<'v> {
    items: &'v [Node],
    values: OnceLock<Vec<Box<dyn Val + 'v>>>,
}

impl<'v> List<'v> {
    fn values(&self) -> &[Box<dyn Val + 'v>] {
        self.values.get_or_init(|| self.items.iter().map(value).collect())
    }
}

/// A map of nodes, or an object: CEL reads both alike.
#[derive(Debug)]
struct Map<'v> {
    entries: &'v [(Key, Node)],
    keys: OnceLock<Vec<CelString<'v>>>,
}

impl<'v> Map<'v> {
    fn find(&self, key: &str) -> Option<&'v Node> {
        let at = |name: &str| self.entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
        // Kubernetes writes `__namespace__` for a field whose name is a word of CEL
        at(key).or_else(|| at(key.strip_prefix("__")?.strip_suffix("__")?))
    }
}

/// Whether every value of one is in the other at the same place.
fn same_items(list: &dyn Iterable, other: &dyn Val) -> bool {
    let Some(others) = other.as_iterable() else { return false };
    let (mut values, mut others) = (list.iter(), others.iter());
    loop {
        match (values.next(), others.next()) {
            (Some(this), Some(other)) if this.equals(other) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

impl Val for List<'_> {
    fn get_type(&self) -> &Type {
        CelList::cel_type()
    }

    fn cel_type() -> &'static Type {
        CelList::cel_type()
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_iterable<'b, 'w>(&'b self) -> Option<&'b (dyn Iterable + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.get_type() == self.get_type() && same_items(self, other)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(List { items: self.items, values: OnceLock::new() })
    }
}

impl Container for List<'_> {
    fn contains(&self, wanted: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.values().iter().any(|value| value.equals(wanted)))
    }
}

impl Indexer for List<'_> {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let at = index.downcast_ref::<CelInt>().ok_or_else(|| unexpected(index, "int"))?;
        let node = usize::try_from(*at.inner()).ok().and_then(|at| self.items.get(at));
        node.map(|node| CowVal::from(value(node))).ok_or_else(|| ExecutionError::no_such_key(&at.inner().to_string()))
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Iterable for List<'_> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn traits::Iterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        Box::new(Values(self.values().iter()))
    }
}

impl Sizer for List<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.items.len()).unwrap_or(i64::MAX))
    }
}

impl Val for Map<'_> {
    fn get_type(&self) -> &Type {
        CelMap::cel_type()
    }

    fn cel_type() -> &'static Type {
        CelMap::cel_type()
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_iterable<'b, 'w>(&'b self) -> Option<&'b (dyn Iterable + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let (Some(size), Some(others)) = (other.as_sizer(), other.as_indexer()) else { return false };
        let same = |(key, node): &(Key, Node)| {
            others.get(&CelString::from(key.text.as_str())).is_ok_and(|other| value(node).equals(other.as_ref()))
        };
        other.get_type() == self.get_type() && size.size() == self.size() && self.entries.iter().all(same)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(Map { entries: self.entries, keys: OnceLock::new() })
    }
}

impl Container for Map<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(key.downcast_ref::<CelString>().is_some_and(|key| self.find(key.inner()).is_some()))
    }
}

impl Indexer for Map<'_> {
    fn get<'b, 'w>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let key = key.downcast_ref::<CelString>().ok_or_else(|| unexpected(key, "string"))?;
        let node = self.find(key.inner());
        node.map(|node| CowVal::from(value(node))).ok_or_else(|| ExecutionError::NoSuchKey(Arc::new(key.inner().to_owned())))
    }

    fn steal<'w>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Iterable for Map<'_> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn traits::Iterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        let keys = self.keys.get_or_init(|| self.entries.iter().map(|(key, _)| CelString::from(key.text.as_str())).collect());
        Box::new(Keys(keys.iter()))
    }
}

impl Sizer for Map<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.entries.len()).unwrap_or(i64::MAX))
    }
}

/// An iterator as CEL wants it.
struct Values<'b, 'v>(std::slice::Iter<'b, Box<dyn Val + 'v>>);

impl<'b, 'v: 'w, 'w> traits::Iterator<'b, 'w> for Values<'b, 'v> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'w)> {
        self.0.next().map(AsRef::as_ref)
    }
}

/// The same of keys.
struct Keys<'b, 'v>(std::slice::Iter<'b, CelString<'v>>);

impl<'b, 'v: 'w, 'w> traits::Iterator<'b, 'w> for Keys<'b, 'v> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'w)> {
        self.0.next().map(|key| key as &(dyn Val + 'w))
    }
}

fn unexpected(got: &dyn Val, want: &str) -> ExecutionError {
    ExecutionError::UnexpectedType { got: got.get_type().name().to_owned(), want: want.to_owned() }
}
