//! The place in an array file that holds its row count, and whether it can be changed.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::durable::publish;
use crate::error::{Error, Result};
use crate::format::detect::{read_claims, read_small};
use crate::format::{Format, Meta, Sidecar, npy};
use crate::fs::write_all_at;
use crate::shape::{Order, Shape};

/// The place that holds the row count.
#[derive(Debug)]
pub(super) enum Description {
    /// The current header of a `.npy` file.
    Header(Vec<u8>),
    /// The sidecar of a raw file.
    Sidecar(PathBuf),
}

/// The unit of atomic writes: a sector of any disk.
const SECTOR: usize = 512;

impl Description {
    /// The description of this file, if it has room for more rows.
    ///
    /// # Errors
    /// [`Error::CannotAppend`], [`Error::Io`], and the errors of opening it.
    pub(super) fn find(path: &Path, file: &mut File, meta: &Meta) -> Result<Self> {
        let refuse =
            |(reason, instead)| Err(Error::CannotAppend { path: path.to_owned(), reason, instead });
        if let Some(why) = reason_against(meta) {
            return refuse(why);
        }
        let sidecar = Sidecar::path_for(path);
        let own = match read_small(&sidecar)? {
            Some(bytes) => read_claims(&sidecar, &bytes, file)?.sidecar,
            None => None,
        };
        match meta.format {
            Format::Npy if own.is_some_and(|own| own.shape.is_some()) => refuse((
                "its sidecar repeats the shape, and header and sidecar cannot be changed in one step",
                "remove \"shape\" from the sidecar",
            )),
            Format::Npy => {
                let len = usize::try_from(meta.offset).unwrap_or(usize::MAX);
                let mut header = vec![0; len];
                std::io::Seek::rewind(file)
                    .and_then(|()| std::io::Read::read_exact(file, &mut header))
                    .map_err(Error::io("read", path))?;
                Ok(Self::Header(header))
            }
            Format::Raw if Sidecar::handmade_path_for(path).exists() => refuse((
                "its shape is in a hand-made sidecar, which is never rewritten",
                "write a sidecar of rowmill's own form (NAME.meta.json) and remove the hand-made one",
            )),
            Format::Raw => Ok(Self::Sidecar(sidecar)),
        }
    }

    /// Checks that this shape fits the description.
    ///
    /// # Errors
    /// [`Error::CannotAppend`].
    pub(super) fn check(&self, path: &Path, meta: &Meta, shape: &Shape) -> Result<()> {
        match self {
            Self::Header(header) => grown(path, header, meta, shape).map(drop),
            Self::Sidecar(_) => Ok(()),
        }
    }

    /// Writes this shape into the header or the sidecar, atomically.
    ///
    /// # Errors
    /// [`Error::CannotAppend`], [`Error::Io`]; the shape on disk is unknown then.
    pub(super) fn update(
        &mut self,
        path: &Path,
        file: &File,
        meta: &Meta,
        shape: &Shape,
    ) -> Result<()> {
        match self {
            Self::Header(header) => {
                let (new, changed) = grown(path, header, meta, shape)?;
                write_all_at(file, &new[changed.clone()], changed.start as u64)
                    .map_err(Error::io("write the header of", path))?;
                *header = new;
                Ok(())
            }
            Self::Sidecar(sidecar) => {
                let meta = Meta { shape: shape.clone(), ..meta.clone() };
                publish::write(sidecar, Sidecar::for_meta(&meta).to_json().as_bytes())
            }
        }
    }
}

/// Why rows cannot be appended to this array, however it is described, and what to do.
fn reason_against(meta: &Meta) -> Option<(&'static str, &'static str)> {
    let shape = &meta.shape;
    if shape.ndim() == 0 {
        return Some(("a 0-d array has no rows", "write a new array with one axis or more"));
    }
    if shape.row_len() == 0 {
        return Some(("its rows have no elements", "write a new array of the shape you want"));
    }
    // With one element per row both orders are the same, whatever the row count.
    (meta.order == Order::F && shape.row_len() > 1).then_some((
        "it is in Fortran order, where every row is spread over the whole file",
        "copy it to a new file in C order",
    ))
}

/// The header for this shape, as long as the old one, and the range of bytes that differ.
fn grown(
    path: &Path,
    header: &[u8],
    meta: &Meta,
    shape: &Shape,
) -> Result<(Vec<u8>, Range<usize>)> {
    let refuse = |reason| {
        let instead = "copy it to a new file, whose header has room for any number of rows";
        Err(Error::CannotAppend { path: path.to_owned(), reason, instead })
    };
    let Some(new) = npy::reshaped(header, meta.dtype, meta.byte_order, meta.order, shape) else {
        return refuse("its header has no room for a longer row count");
    };
    let differs = |(a, b): (&u8, &u8)| a != b;
    let start = header.iter().zip(&new).position(differs).unwrap_or(0);
    let end = header.iter().zip(&new).rposition(differs).map_or(start, |last| last + 1);
    if end > start && start / SECTOR != (end - 1) / SECTOR {
        return refuse("its header cannot be changed within one sector of the disk");
    }
    Ok((new, start..end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::{ByteOrder, DType};

    fn meta(dims: &[usize], order: Order) -> Meta {
        Meta {
            format: Format::Npy,
            dtype: DType::F32,
            byte_order: ByteOrder::NATIVE,
            order,
            shape: Shape::new(dims).expect("small"),
            offset: 128,
            columns: None,
            record: None,
        }
    }

    #[test]
    fn layouts_that_can_grow() {
        let cases: [(&[usize], Order, Option<&str>); 9] = [
            (&[], Order::C, Some("0-d")),
            (&[3, 0], Order::C, Some("no elements")),
            (&[0, 3], Order::C, None),
            (&[3], Order::C, None),
            (&[3], Order::F, None),
            (&[3, 1, 1], Order::F, None),
            (&[3, 2], Order::F, Some("Fortran")),
            (&[1, 5], Order::F, Some("Fortran")),
            (&[0, 5], Order::F, Some("Fortran")),
        ];
        for (dims, order, expected) in cases {
            let found = reason_against(&meta(dims, order));
            let fits = match (found, expected) {
                (Some((reason, _)), Some(word)) => reason.contains(word),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(fits, "{dims:?} {order:?}: {found:?}");
        }
    }

    #[test]
    fn headers_change_within_a_sector() {
        let path = Path::new("x.npy");
        let many = vec![1_000_000_000_usize; 2];
        for dims in [vec![0], vec![9, 3], vec![1; 64], many] {
            let old = meta(&dims, Order::C);
            let header = npy::write(old.dtype, old.byte_order, old.order, &old.shape);
            let mut longer = dims.clone();
            for rows in [1, 10, 99_999, 1 << 40] {
                longer[0] = dims[0] + rows;
                let Ok(shape) = Shape::new(&longer[..]) else { continue };
                let (new, changed) = grown(path, &header, &old, &shape).expect("room");
                assert_eq!(new, npy::write(old.dtype, old.byte_order, old.order, &shape));
                assert!(changed.end <= SECTOR && !changed.is_empty(), "{changed:?}");
            }
            let (same, none) = grown(path, &header, &old, &old.shape).expect("room");
            assert!(same == header && none.is_empty());
        }
    }

    #[test]
    fn full_headers_are_refused() {
        let old = meta(&[999, 4], Order::C);
        // As NumPy wrote them before it left room: 10 bytes, the dict, spaces to a multiple of 16.
        let dict = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999, 4), }";
        let mut header = [b"\x93NUMPY\x01\x00\x46\x00", &dict[..]].concat();
        header.resize(79, b' ');
        header.push(b'\n');
        let fits = |rows| {
            let shape = Shape::new([rows, 4]).expect("small");
            grown(Path::new("x.npy"), &header, &old, &shape).map(drop)
        };
        fits(99_999_999_999).expect("eight more digits");
        let full = fits(999_999_999_999).expect_err("no room").to_string();
        assert!(full.contains("no room") && full.contains("copy it"), "{full}");
    }
}
