//! Array files to measure on: made fast, the same each time, removed at the end.

use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rowmill_core::{Array, AtomicFile, ByteOrder, Element, Order, RawSpec, Shape, bf16, f16, npy};
use rowmill_exec::Numeric;
use tempfile::TempDir;

use crate::{Error, Result};

/// A type that array files are made of.
pub(crate) trait Sample: Element {
    /// A value that is neither NaN, infinite nor subnormal; sums of an array do not overflow.
    fn sample(random: u64) -> Self;
}

/// A dtype that kernels are measured on.
pub(crate) trait Subject: Sample + Numeric {
    /// About half of the samples are above this.
    const MIDDLE: f64;
}

macro_rules! samples {
    ($($t:ty: |$random:ident| $sample:expr $(, middle $middle:expr)?;)*) => {$(
        impl Sample for $t {
            #[inline(always)]
            fn sample($random: u64) -> Self {
                $sample
            }
        }

        $(impl Subject for $t {
            const MIDDLE: f64 = $middle;
        })?
    )*};
}
samples! {
    f32: |r| (r >> 40) as Self / (1_u32 << 24) as Self, middle 0.5;
    f64: |r| (r >> 11) as Self / (1_u64 << 53) as Self, middle 0.5;
    i8: |r| r as Self;
    i16: |r| r as Self;
    i32: |r| r as Self, middle 0.0;
    i64: |r| (r >> 33) as Self, middle (1_u64 << 30) as f64;
    u8: |r| r as Self, middle 127.0;
    u16: |r| r as Self;
    u32: |r| r as Self;
    u64: |r| r >> 33;
    f16: |r| Self::from_bits(0x3800 | (r & 0x3ff) as u16), middle 0.75; // from 0.5 to 1
    bf16: |r| Self::from_bits(0x3f00 | (r & 0x7f) as u16); // from 0.5 to 1
    bool: |r| r & 1 == 1;
}

/// The random bits of one element: `SplitMix64` (Steele, Lea and Flood 2014) at a position, so that
/// threads may make pieces in any order. `fastrand` has no positions.
#[inline(always)]
fn random(index: u64) -> u64 {
    let mut z = index.wrapping_add(SEED).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const SEED: u64 = 20_261_121;

/// The layout of elements in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `.npy` in the byte order of this machine.
    Native,
    /// `.npy` in the other byte order.
    Foreign,
    /// `.npy` in Fortran order.
    Fortran,
    /// Raw, from this offset.
    Raw {
        /// In bytes.
        offset: usize,
    },
}

impl Layout {
    const fn byte_order(self) -> ByteOrder {
        match (self, ByteOrder::NATIVE) {
            (Self::Foreign, ByteOrder::Little) => ByteOrder::Big,
            (Self::Foreign, ByteOrder::Big) => ByteOrder::Little,
            (_, native) => native,
        }
    }

    /// A unique name for a file.
    pub(crate) fn name<T: Element>(self, dims: [usize; 2]) -> String {
        let [rows, cols] = dims;
        let dtype = T::DTYPE.descr(self.byte_order());
        let dtype = dtype.trim_start_matches(['<', '>', '|']);
        match self {
            Self::Native => format!("{dtype}-{rows}x{cols}.npy"),
            Self::Foreign => format!("{dtype}-{rows}x{cols}-foreign.npy"),
            Self::Fortran => format!("{dtype}-{rows}x{cols}-fortran.npy"),
            Self::Raw { offset } => format!("{dtype}-{rows}x{cols}-at-{offset}.dat"),
        }
    }

    fn header<T: Element>(self, shape: &Shape) -> Vec<u8> {
        let order = if self == Self::Fortran { Order::F } else { Order::C };
        match self {
            Self::Raw { offset } => vec![0; offset],
            _ => npy::write(T::DTYPE, self.byte_order(), order, shape),
        }
    }
}

/// The folder of all files of a run, removed with it.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

/// Elements that a thread makes at a time.
const PIECE: usize = 1 << 20;

impl Folder {
    /// In `dir`, for the binary of this name.
    pub(crate) fn new(dir: &Path, binary: &str) -> Result<Self> {
        let prefix = format!("rowmill-{binary}-");
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(dir);
        folder.map(Self).map_err(Error::io("make a folder in", dir))
    }

    /// A name in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes an array file here: see [`write()`].
    pub(crate) fn make<T: Sample>(
        &self,
        name: &str,
        dims: [usize; 2],
        layout: Layout,
    ) -> Result<DataFile> {
        let path = self.path(name);
        let spec = write::<T>(&path, dims, layout)?;
        Ok(DataFile { path, spec })
    }
}

/// Makes an array file, and returns its description. Elements depend on their position only. The
/// file is written in large pieces, as any program would, and is on disk and in the page cache at
/// the end.
pub(crate) fn write<T: Sample>(path: &Path, dims: [usize; 2], layout: Layout) -> Result<RawSpec> {
    let shape = Shape::new(dims).map_err(rowmill_exec::Error::kernel)?;
    let header = layout.header::<T>(&shape);
    let swap = layout.byte_order() != ByteOrder::NATIVE;
    let (len, size) = (shape.len(), size_of::<T>());
    let bytes = (header.len() + len * size) as u64;
    let target = AtomicFile::create(path)?;
    target.allocate(bytes).map_err(|error| no_room(path, bytes, error))?;
    let file = Mutex::new(target.file());
    let write = |at: usize, bytes: &[u8]| {
        // A lock is poisoned by a panic, which ends the run by itself.
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at as u64))?;
        file.write_all(bytes)
    };
    let next = AtomicUsize::new(0);
    let work = || -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(PIECE * size);
        loop {
            let start = next.fetch_add(PIECE, Ordering::Relaxed);
            if start >= len {
                return Ok(());
            }
            let piece = start..len.min(start + PIECE);
            let elements: Vec<T> = piece.map(|i| T::sample(random(i as u64))).collect();
            bytes.clear();
            bytes.extend_from_slice(T::bytes(&elements));
            if swap {
                bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            }
            write(header.len() + start * size, &bytes)?;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let written = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = all.into_iter().map(|thread| {
            let panicked = |_| Err(std::io::Error::other("a thread panicked"));
            thread.join().unwrap_or_else(panicked)
        });
        joined.fold(write(0, &header), std::io::Result::and)
    });
    written.map_err(Error::io("write", path))?;
    target.publish()?;
    let offset = header.len() as u64;
    Ok(RawSpec::new(T::DTYPE, shape).offset(offset).byte_order(layout.byte_order()))
}

fn no_room(path: &Path, bytes: u64, error: rowmill_core::Error) -> Error {
    match error {
        rowmill_core::Error::Io { source, .. } if is_full(source.kind()) => {
            Error::NoRoom { path: path.to_owned(), bytes }
        }
        other => other.into(),
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// An array file that is removed when dropped.
#[derive(Debug)]
pub(crate) struct DataFile {
    path: PathBuf,
    spec: RawSpec,
}

impl DataFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The array in a raw file, or its bytes as elements of another type of the same size.
    pub(crate) fn open_raw<T: Element>(&self) -> Result<Array<T>> {
        let mut spec = self.spec.clone();
        spec.dtype = T::DTYPE;
        Ok(Array::open_raw(&self.path, &spec)?)
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        // A file that cannot be removed now is removed with the folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_the_same_in_every_layout() {
        let folder = Folder::new(&std::env::temp_dir(), "test").expect("a place for files");
        let dims = [PIECE / 500, 501];
        let make = |layout: Layout| {
            folder.make::<f32>(&layout.name::<f32>(dims), dims, layout).expect("room for a file")
        };
        let native = make(Layout::Native);
        let x = Array::<f32>::open(native.path()).expect("just made");
        assert_eq!(x.shape().dims(), dims);
        let x = x.as_slice().expect("in place");
        assert_eq!(x.last(), Some(&f32::sample(random(x.len() as u64 - 1))));
        assert!(x.iter().all(|v| (0.0..1.0).contains(v)));

        let foreign = make(Layout::Foreign);
        let y = Array::<f32>::open(foreign.path()).expect("just made");
        assert_ne!(y.meta().byte_order, ByteOrder::NATIVE);
        assert_eq!(y.get(&[2000, 7]).expect("inside"), x[2000 * 501 + 7]);
        let odd = make(Layout::Raw { offset: 129 });
        let y = odd.open_raw::<f32>().expect("just made");
        assert!(y.as_slice().is_none());
        assert_eq!(y.get(&[2000, 7]).expect("inside"), x[2000 * 501 + 7]);
        let fortran = make(Layout::Fortran);
        let y = Array::<f32>::open(fortran.path()).expect("just made");
        assert_eq!(y.get(&[7, 1]).expect("inside"), x[dims[0] + 7]);

        let path = native.path().to_owned();
        drop(native);
        assert!(!path.exists());
        let path = folder.0.path().to_owned();
        drop((foreign, odd, fortran, folder));
        assert!(!path.exists());
    }

    #[test]
    fn half_of_the_samples_are_above_the_middle() {
        fn check<T: Subject>() {
            let above = (0..1000).filter(|&i| T::to_f64(T::sample(random(i))) > T::MIDDLE);
            assert!((450..550).contains(&above.count()), "{}", T::DTYPE);
        }
        check::<f32>();
        check::<f64>();
        check::<i32>();
        check::<i64>();
        check::<u8>();
        check::<f16>();
    }
}
