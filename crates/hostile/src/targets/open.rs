//! `open`: a whole array file with its sidecars, opened and read.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rowmill_core::{
    AnyArray, Array, ArrayMut, Backend, CowArray, Element, Error, OpenOptions, Result, Source,
    TileBuffer, match_array,
};
use rowmill_exec::{Counts, Engine, MinMax, NanPolicy, Numeric, Sum};
use tempfile::TempDir;

use crate::{Target, check_error};

/// Takes the bytes as several files, separated by lines of two dashes:
///
/// ```text
/// npy, or any other name for a raw file
/// --
/// rowmill's own sidecar, or nothing for none
/// --
/// a hand-made sidecar, or nothing for none
/// --
/// the array file
/// ```
///
/// Without three such lines, the bytes are a `.npy` file. It is opened on both backends, which must
/// agree in every message and element. It is opened for writing, which must keep every byte, and
/// copy-on-write. If it opens, it is scanned.
///
/// The bound includes the scratch buffers of an engine, a few blocks of 512 KiB.
pub const OPEN: Target = Target { name: "open", fixed: 8 << 20, per_byte: 160, run };

/// The separator between the files.
const SEPARATOR: &[u8] = b"\n--\n";

fn run(bytes: &[u8]) {
    in_folder(|folder| {
        let path = unpack(folder, bytes);
        let before = fs::read(&path).expect("just written");
        check_reading(&path);
        check_writing(&path);
        assert!(fs::read(&path).expect("still exists") == before, "opening changed the file");
    });
}

/// Runs `work` in an empty folder, one per thread.
pub(super) fn in_folder(work: impl FnOnce(&Path)) {
    thread_local! {
        static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
    }
    let folder = FOLDER.take().unwrap_or_else(|| tempfile::tempdir().expect("a folder"));
    for name in ["x.npy", "x.dat", "x.npy.meta.json", "x.dat.meta.json", "x_meta.json"] {
        let _ = fs::remove_file(folder.path().join(name));
    }
    work(folder.path());
    FOLDER.set(Some(folder));
}

/// Writes the files, and returns the path of the array file.
fn unpack(folder: &Path, bytes: &[u8]) -> PathBuf {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("a small file");
        path
    };
    let Some([name, own, handmade, data]) = parts(bytes) else { return write("x.npy", bytes) };
    let name = if name == b"npy" { "x.npy" } else { "x.dat" };
    if !own.is_empty() {
        write(&format!("{name}.meta.json"), own);
    }
    if !handmade.is_empty() {
        write("x_meta.json", handmade);
    }
    write(name, data)
}

fn parts(bytes: &[u8]) -> Option<[&[u8]; 4]> {
    let mut rest = bytes;
    let mut next = || {
        let at = rest.windows(SEPARATOR.len()).position(|w| w == SEPARATOR)?;
        let part = &rest[..at];
        rest = &rest[at + SEPARATOR.len()..];
        Some(part)
    };
    let (name, own, handmade) = (next()?, next()?, next()?);
    Some([name, own, handmade, rest])
}

fn check_reading(path: &Path) {
    let [mapped, positioned] = [Backend::Mapped, Backend::Positioned].map(|backend| {
        let opened = OpenOptions::new().backend(backend).open_any(path);
        opened.map(|array| {
            let seen = match_array!(
                &array,
                x => format!("{} {}", edge_elements(x), scan(x));
                complex x => edge_elements(x)
            );
            (array.meta().clone(), seen)
        })
    });
    match (mapped, positioned) {
        (Ok(mapped), Ok(positioned)) => assert_eq!(mapped, positioned),
        (Err(mapped), Err(positioned)) => {
            check_error(&mapped);
            assert_eq!(mapped.to_string(), positioned.to_string());
        }
        (mapped, positioned) => panic!("mapped: {mapped:?}, positioned: {positioned:?}"),
    }
}

/// The first and the last elements as text: both ends of the array, whatever its layout.
pub(super) fn edge_elements<T: Element>(x: &Array<T>) -> String {
    const EDGE: usize = 16;
    let (rows, row_len) = (x.shape().rows(), x.shape().row_len());
    let mut buffer = TileBuffer::new();
    let mut text = String::new();
    for rows in [0..rows.min(EDGE), rows - rows.min(EDGE)..rows] {
        for cols in [0..row_len.min(EDGE), row_len - row_len.min(EDGE)..row_len] {
            let tile = x.tile(rows.clone(), cols, &mut buffer).expect("inside the array");
            for i in 0..tile.rows() {
                text += &format!("{:?}", tile.row(i));
            }
        }
    }
    text
}

/// The answers of a scan, as text.
fn scan<T: Numeric>(x: &Array<T>) -> String {
    static ENGINE: LazyLock<Engine> =
        LazyLock::new(|| Engine::builder().workers(1).build().expect("an engine"));
    let text = |result: rowmill_exec::Result<String>| match result {
        Ok(text) => text,
        Err(error) => {
            check_error(&error);
            error.to_string()
        }
    };
    let counts = ENGINE.reduce(x, (Counts::all(), Sum::all().nan(NanPolicy::Skip)));
    let range = ENGINE.reduce(x, MinMax::all().nan(NanPolicy::Skip));
    let counts = text(counts.map(|answer| format!("{answer:?}")));
    let range = text(range.map(|answer| format!("{answer:?}")));
    format!("{counts} {range}")
}

/// Opens the file for writing and copy-on-write, without changing anything.
fn check_writing(path: &Path) {
    fn open<T: Element>(path: &Path) -> Result<()> {
        let x = ArrayMut::<T>::open(path)?;
        x.close()?;
        let x = CowArray::<T>::open(path)?;
        let (rows, mut buffer) = (x.shape().rows(), TileBuffer::new());
        x.rows(rows - rows.min(1)..rows, &mut buffer)?;
        Ok(())
    }
    fn same<T: Element>(_: &Array<T>, path: &Path) -> Result<()> {
        open::<T>(path)
    }
    // A file that is mapped cannot be opened for writing.
    match OpenOptions::new().backend(Backend::Positioned).open_any(path) {
        Ok(array) => {
            let opened: Result<()> = match_array!(&array, x => same(x, path));
            opened.expect("a readable file opens for writing");
        }
        // Any type will do, because opening fails before the dtype is compared.
        Err(expected) => {
            let found = open::<f32>(path).expect_err("an unreadable file does not open");
            let same = found.to_string() == expected.to_string();
            assert!(same || matches!(found, Error::DTypeMismatch { .. }), "{found}");
        }
    }
    let _: Result<AnyArray> = rowmill_core::open(path);
}
