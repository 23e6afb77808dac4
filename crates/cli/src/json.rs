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
pub(crate) struct Nested<'a, F> {
    pub(crate) dims: &'a [usize],
    pub(crate) value: F,
}

impl<F: Fn(usize) -> Number> Serialize for Nested<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part { dims: self.dims, first: 0, value: &self.value }.serialize(serializer)
    }
}

/// The cells from number `first` on, as many as fill these axes.
struct Part<'a, F> {
    dims: &'a [usize],
    first: usize,
    value: &'a F,
}

impl<F: Fn(usize) -> Number> Serialize for Part<'_, F> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_as_the_shape_says() {
        let json = |dims: &[usize]| {
            let value = |i| Number::from(i as u64);
            serde_json::to_string(&Nested { dims, value }).expect("plain")
        };
        assert_eq!(json(&[]), "0");
        assert_eq!(json(&[3]), "[0,1,2]");
        assert_eq!(json(&[2, 3]), "[[0,1,2],[3,4,5]]");
        assert_eq!(json(&[2, 1, 2]), "[[[0,1]],[[2,3]]]");
        assert_eq!(json(&[0]), "[]");
        assert_eq!(json(&[2, 0]), "[[],[]]");
    }
}
