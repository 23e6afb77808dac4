//! JSON on stdout: one object, one line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::number::Number;

/// Writes an object and ends the line.
pub(crate) fn write(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

/// A path as text; what is no UTF-8 in it is replaced.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The path of the one file that was read, or a list of all.
pub(crate) fn paths(paths: &[PathBuf]) -> Paths<'_> {
    Paths(paths)
}

/// See [`paths`].
pub(crate) struct Paths<'a>(&'a [PathBuf]);

impl Serialize for Paths<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => path(one).serialize(serializer),
            many => serializer.collect_seq(many.iter().map(|p| path(p))),
        }
    }
}

/// A number of every cell of an answer, in lists within lists as its shape says; without axes, the
/// number alone. Written one by one, so that no list of millions is made for it.
pub(crate) struct Cells<'a> {
    dims: Vec<usize>,
    value: Box<dyn Fn(usize) -> Number + 'a>,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(dims: impl Into<Vec<usize>>, value: impl Fn(usize) -> Number + 'a) -> Self {
        Self { dims: dims.into(), value: Box::new(value) }
    }
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part { dims: &self.dims, first: 0, value: &*self.value }.serialize(serializer)
    }
}

/// The cells from number `first` on, as many as fill these axes.
struct Part<'a, V> {
    dims: &'a [usize],
    first: usize,
    value: &'a dyn Fn(usize) -> V,
}

impl<V: Serialize> Serialize for Part<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((&len, dims)) = self.dims.split_first() else {
            return (self.value)(self.first).serialize(serializer);
        };
        let step: usize = dims.iter().product();
        let mut list = serializer.serialize_seq(Some(len))?;
        for i in 0..len {
            let first = self.first + i * step;
            list.serialize_element(&Part { dims, first, value: self.value })?;
        }
        list.end()
    }
}

/// A list of numbers of every cell of an answer, likewise.
pub(crate) struct Lists<'a> {
    dims: Vec<usize>,
    list: Box<dyn Fn(usize) -> Vec<Number> + 'a>,
}

impl<'a> Lists<'a> {
    pub(crate) fn new(
        dims: impl Into<Vec<usize>>,
        list: impl Fn(usize) -> Vec<Number> + 'a,
    ) -> Self {
        Self { dims: dims.into(), list: Box::new(list) }
    }
}

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part { dims: &self.dims, first: 0, value: &*self.list }.serialize(serializer)
    }
}

/// An entry of an object: a statistic of every cell, or an option of the call.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Value<'a> {
    Cells(Cells<'a>),
    Lists(Lists<'a>),
    Floats(&'a [f64]),
    Flag(bool),
}

/// Entries of an object that have their names from what was asked for, in order.
pub(crate) struct Columns<'a>(pub(crate) Vec<(&'a str, Value<'a>)>);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_as_the_shape_says() {
        let json = |dims: &[usize]| {
            let value = |i| Number::from(i as u64);
            serde_json::to_string(&Cells::new(dims, value)).expect("plain")
        };
        assert_eq!(json(&[]), "0");
        assert_eq!(json(&[3]), "[0,1,2]");
        assert_eq!(json(&[2, 3]), "[[0,1,2],[3,4,5]]");
        assert_eq!(json(&[2, 1, 2]), "[[[0,1]],[[2,3]]]");
        assert_eq!(json(&[0]), "[]");
        assert_eq!(json(&[2, 0]), "[[],[]]");
    }
}
