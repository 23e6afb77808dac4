//! Files written, changed, locked and replaced.

use std::fs;
use std::path::Path;

use crate::common::layouts::every_layout;
use crate::common::value::{Kind, Value};
use crate::common::{encode, names, two_workers, write_npy};
use rowmill::file::{ByteOrder, Format, Order, RawSpec, Sidecar};
use rowmill::view::{SliceSource, TileBuffer};
use rowmill::{
    Array, ArrayMut, CowArray, CreateOptions, DType, Engine, Error, FileError, Normalize, Shape,
    Source, f16, map_elements, open,
};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// All elements of an array file, in C order.
fn elements<T: Value>(path: &Path) -> Vec<T> {
    let x = Array::<T>::open(path).expect("opened");
    let mut buffer = TileBuffer::new();
    x.rows(0..x.shape().rows(), &mut buffer).expect("all rows").to_vec()
}

/// Whether the elements are equal, including NaN and signs of zeros.
fn same<T: Value>(a: &[T], b: &[T]) -> bool {
    T::bytes(a) == T::bytes(b)
}

#[test]
fn every_layout_round_trips() {
    fn check<T: Value>() {
        for dims in [&[][..], &[5], &[0, 3], &[3, 0], &[7, 3], &[70, 19], &[3, 4, 5], &[1, 33, 2]] {
            let values = T::many(dims.iter().product(), Kind::Special, 3);
            let folder = folder();
            let mut buffer = TileBuffer::new();
            for source in every_layout(folder.path(), &values, dims) {
                let (rows, cols) = (source.shape().rows(), source.shape().row_len());
                let all = source.rows(0..rows, &mut buffer).expect("all rows");
                assert!(same(all, &values), "{} {dims:?} {}", T::DTYPE, source.name);
                // The same for any part of it.
                let (some, part) = (rows / 3..rows - rows / 4, cols / 3..cols - cols / 5);
                let tile = source.tile(some.clone(), part.clone(), &mut buffer).expect("a tile");
                assert_eq!((tile.rows(), tile.cols()), (some.len(), part.len()));
                for (row, got) in some.zip(tile.iter_rows()) {
                    let expected = &values[row * cols + part.start..row * cols + part.end];
                    assert!(same(got, expected), "{} {dims:?} {}", T::DTYPE, source.name);
                }
            }
        }
    }
    check::<bool>();
    check::<u8>();
    check::<i16>();
    check::<f16>();
    check::<u32>();
    check::<f32>();
    check::<i64>();
    check::<f64>();
}

#[test]
fn rows_are_written_in_every_layout() {
    fn check<T: Value>() {
        let dims = [9, 4, 3];
        let (old, new) = (T::many(108, Kind::Any, 1), T::many(108, Kind::Special, 2));
        let mut expected = old.clone();
        expected[2 * 12..5 * 12].copy_from_slice(&new[2 * 12..5 * 12]);
        expected[96..].copy_from_slice(&new[96..]);
        for order in [Order::C, Order::F] {
            for byte_order in [ByteOrder::Little, ByteOrder::Big] {
                for offset in [0, 5, 64] {
                    let folder = folder();
                    let path = folder.path().join("x.dat");
                    let mut bytes = vec![0xee; offset];
                    bytes.extend(encode(&old, &dims, order, byte_order));
                    fs::write(&path, &bytes).expect("written");
                    let spec = RawSpec::new(T::DTYPE, Shape::new(dims).expect("a shape"))
                        .offset(offset as u64)
                        .order(order)
                        .byte_order(byte_order);
                    let mut x = ArrayMut::<T>::open_raw(&path, &spec).expect("opened");
                    x.write_rows(2, &new[2 * 12..5 * 12]).expect("rows 2 to 5");
                    x.write_rows(8, &new[96..]).expect("the last row");
                    let mut buffer = TileBuffer::new();
                    assert!(same(x.rows(0..9, &mut buffer).expect("all"), &expected));
                    x.flush_rows(2..5).expect("flushed");
                    // A partial row is refused, and changes nothing.
                    let partial = x.write_rows(0, &new[..7]);
                    assert!(matches!(
                        partial,
                        Err(FileError::PartialRow { found: 7, row_len: 12 })
                    ));
                    let outside = x.write_rows(8, &new[..24]);
                    assert!(matches!(outside, Err(FileError::RowRange { end: 10, rows: 9, .. })));
                    x.close().expect("closed");
                    let mut wanted = vec![0xee; offset];
                    wanted.extend(encode(&expected, &dims, order, byte_order));
                    let found = fs::read(&path).expect("the file");
                    assert!(found == wanted, "{} {order:?} {byte_order:?} {offset}", T::DTYPE);
                }
            }
        }
    }
    check::<bool>();
    check::<i8>();
    check::<u16>();
    check::<f16>();
    check::<f32>();
    check::<i64>();
}

#[test]
fn in_place_rows_need_the_native_layout() {
    let folder = folder();
    let cases =
        [("big.npy", Order::C, ByteOrder::Big), ("fortran.npy", Order::F, ByteOrder::Little)];
    for (name, order, byte_order) in cases {
        let path = folder.path().join(name);
        write_npy(&path, &[1_i32, 2, 3, 4], &[2, 2], order, byte_order);
        let mut x = ArrayMut::<i32>::open(&path).expect("opened");
        let refused = x.rows_mut(0..1).expect_err("another layout").to_string();
        assert!(refused.contains("write_rows"), "{refused}");
    }
    let path = folder.path().join("bool.npy");
    write_npy(&path, &[true, false], &[2], Order::C, ByteOrder::NATIVE);
    let mut x = ArrayMut::<bool>::open(&path).expect("opened");
    assert!(matches!(x.rows_mut(0..1), Err(FileError::NotAddressable { .. })));
}

#[test]
fn created_arrays_are_zero_and_writable() {
    let folder = folder();
    for (name, order) in
        [("c.npy", Order::C), ("f.npy", Order::F), ("c.dat", Order::C), ("f.dat", Order::F)]
    {
        let path = folder.path().join(name);
        let options = CreateOptions::new().order(order).columns(["a", "größe", "\"c\"\n"]);
        let mut x = options.create::<f64>(&path, [4, 3]).expect("created");
        assert_eq!(elements::<f64>(&path), [0.0; 12], "{name} before anything is written");
        x.write_rows(1, &[1.0, -0.0, f64::NAN]).expect("a row");
        x.flush_rows(1..2).expect("flushed");
        x.flush().expect("flushed");
        x.close().expect("closed");
        let mut expected = [0.0; 12];
        expected[3..6].copy_from_slice(&[1.0, -0.0, f64::NAN]);
        assert!(same(&elements::<f64>(&path), &expected), "{name}");
        let meta = open(&path).expect("opened").meta().clone();
        assert_eq!((meta.dtype, meta.order, meta.shape.dims()), (DType::F64, order, &[4, 3][..]));
        let columns = ["a", "größe", "\"c\"\n"].map(String::from);
        assert_eq!(meta.columns.as_deref(), Some(&columns[..]), "{name}");
        assert_eq!(meta.format, if name.ends_with("npy") { Format::Npy } else { Format::Raw });
        assert!(Sidecar::path_for(&path).exists());
        // Reopened, and changed in place.
        if order == Order::C {
            let mut x = ArrayMut::<f64>::open(&path).expect("opened");
            x.rows_mut(3..4).expect("native")[2] = 7.0;
            x.close().expect("closed");
            assert_eq!(elements::<f64>(&path)[11], 7.0);
        }
    }
}

#[test]
fn shapes_at_the_limits() {
    let folder = folder();
    let path = folder.path().join("x.npy");
    let mut dims = vec![1; 64];
    (dims[0], dims[31], dims[63]) = (3, 2, 5);
    let values = i16::many(30, Kind::Any, 1);
    let mut x = ArrayMut::<i16>::create(&path, &dims[..]).expect("64 dimensions");
    x.write_rows(0, &values).expect("all rows");
    x.close().expect("closed");
    let x = Array::<i16>::open(&path).expect("opened");
    assert_eq!((x.shape().dims(), x.as_slice()), (&dims[..], Some(&values[..])));
    let mut index = vec![0; 64];
    (index[0], index[31], index[63]) = (2, 1, 3);
    assert_eq!(x.get(&index).expect("inside"), values[2 * 10 + 5 + 3]);
    let sum: i64 = values.iter().map(|&x| i64::from(x)).sum();
    assert_eq!(two_workers().reduce(&x, rowmill::Sum::all()).expect("a sum"), sum);
    let many = ArrayMut::<i16>::create(folder.path().join("y.npy"), vec![1; 65]);
    assert!(matches!(many, Err(FileError::TooLarge { .. })));
    let large = ArrayMut::<f64>::create(folder.path().join("y.npy"), [usize::MAX / 4]);
    assert!(matches!(large, Err(FileError::TooLarge { .. })));
    for dims in [&[][..], &[0], &[0, 3], &[3, 0]] {
        for name in ["e.npy", "e.dat"] {
            let path = folder.path().join(name);
            let x = CreateOptions::new().overwrite(true).create::<f32>(&path, dims);
            let x = x.expect("created");
            x.flush().expect("flushed");
            x.flush_rows(0..x.shape().rows()).expect("flushed");
            x.close().expect("closed");
            assert_eq!(open(&path).expect("opened").shape().dims(), dims, "{name}");
        }
    }
    assert!(!names(folder.path()).iter().any(|name| name.contains("partial")));
}

#[test]
fn a_second_writer_is_refused() {
    let folder = folder();
    for name in ["x.npy", "x.dat"] {
        let path = folder.path().join(name);
        let locked = |path: &Path| {
            let outcomes = [
                ArrayMut::<f32>::open(path).map(drop),
                CreateOptions::new().overwrite(true).create::<f32>(path, [2]).map(drop),
                CreateOptions::new().overwrite(true).stage::<f32>(path, [2]).map(drop),
            ];
            for outcome in outcomes {
                assert!(matches!(outcome, Err(FileError::Locked { .. })), "{outcome:?}");
            }
            let x = SliceSource::new(&[1.0_f32, 2.0], [2]).expect("two values");
            let copy = map_elements(|v: f32| v);
            let outcome = two_workers().map(&x, copy).overwrite(true).write_npy(path);
            assert!(matches!(outcome, Err(Error::File(FileError::Locked { .. }))), "{outcome:?}");
        };
        let x = ArrayMut::<f32>::create(&path, [2]).expect("created");
        locked(&path);
        // Readers are allowed.
        assert_eq!(elements::<f32>(&path), [0.0; 2]);
        x.close().expect("closed");
        let x = ArrayMut::<f32>::open(&path).expect("unlocked by closing");
        locked(&path);
        drop(x);
        ArrayMut::<f32>::open(&path).expect("unlocked by dropping").close().expect("closed");
    }
    // Two jobs write the same new file.
    let path = folder.path().join("new.npy");
    let first = CreateOptions::new().stage::<f32>(&path, [2]).expect("staged");
    let second = CreateOptions::new().stage::<f32>(&path, [2]);
    assert!(matches!(second, Err(FileError::Locked { .. })));
    drop(first);
    assert!(!path.exists());
    CreateOptions::new().stage::<f32>(&path, [2]).expect("free again");
    assert!(names(folder.path()).iter().all(|name| name.starts_with("x.")));
}

#[test]
fn changes_of_a_copy_on_write_array_never_reach_the_file() {
    let folder = folder();
    let path = folder.path().join("x.npy");
    write_npy(&path, &[1.0_f32, 2.0, 3.0, 4.0], &[2, 2], Order::C, ByteOrder::NATIVE);
    let before = fs::read(&path).expect("the file");
    let mut permissions = fs::metadata(&path).expect("exists").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).expect("read-only files will do");
    let mut x = CowArray::<f32>::open(&path).expect("opened");
    x.rows_mut(1..2).expect("native").copy_from_slice(&[9.0, 8.0]);
    let mut buffer = TileBuffer::new();
    assert_eq!(x.rows(0..2, &mut buffer).expect("all"), [1.0, 2.0, 9.0, 8.0]);
    assert_eq!(elements::<f32>(&path), [1.0, 2.0, 3.0, 4.0], "seen by others meanwhile");
    drop(x);
    assert_eq!(fs::read(&path).expect("the file"), before);
}

/// Runs a job whose kernel fails.
fn failing(engine: &Engine, path: &Path) {
    let x = SliceSource::new(&[1.0_f32, 2.0], [2]).expect("two values");
    let panics = map_elements(|_: f32| -> f32 { panic!("no") });
    let outcome = engine.map(&x, panics).overwrite(true).write_npy(path);
    assert!(matches!(outcome, Err(Error::KernelPanicked { .. })), "{outcome:?}");
}

#[test]
fn outputs_are_atomic() {
    let folder = folder();
    let path = folder.path().join("x.npy");
    let engine = two_workers();
    failing(&engine, &path);
    assert!(names(folder.path()).is_empty());
    write_npy(&path, &[7.0_f32], &[1], Order::C, ByteOrder::NATIVE);
    // A reader of the old file keeps its contents.
    let old = Array::<f32>::open(&path).expect("opened");
    failing(&engine, &path);
    assert_eq!((elements::<f32>(&path), names(folder.path())), (vec![7.0], vec!["x.npy".into()]));
    let x = SliceSource::new(&[1.0_f32, 3.0], [2]).expect("two values");
    engine.normalize(&x, Normalize::z_score()).overwrite(true).write_npy(&path).expect("an output");
    assert_eq!(elements::<f32>(&path), [-1.0, 1.0]);
    assert_eq!(old.as_slice(), Some(&[7.0][..]));
    // The leftover of a crash is no obstacle, and is never read.
    fs::write(folder.path().join(".x.npy.rowmill-partial"), vec![0xff; 1000]).expect("written");
    engine.normalize(&x, Normalize::min_max()).overwrite(true).write_npy(&path).expect("an output");
    assert_eq!(elements::<f32>(&path), [0.0, 1.0]);
    assert_eq!(names(folder.path()), ["x.npy"]);
    // An output never replaces its own input.
    let itself = Array::<f32>::open(&path).expect("opened");
    let refused = engine.map(&itself, map_elements(|v: f32| v + 1.0)).overwrite(true);
    let refused = refused.write_npy(&path);
    assert!(matches!(refused, Err(Error::File(FileError::Taken { .. }))), "{refused:?}");
    assert_eq!(elements::<f32>(&path), [0.0, 1.0]);
    let missing = folder.path().join("missing").join("x.npy");
    let outcome = engine.normalize(&x, Normalize::z_score()).write_npy(&missing);
    assert!(matches!(outcome, Err(Error::File(FileError::Io { .. }))), "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn outputs_keep_permissions_and_links() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let (path, link) = (folder.path().join("x.npy"), folder.path().join("link.npy"));
    write_npy(&path, &[7.0_f32], &[1], Order::C, ByteOrder::NATIVE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("permitted");
    std::os::unix::fs::symlink(&path, &link).expect("linked");
    let x = SliceSource::new(&[1.0_f32, 3.0], [2]).expect("two values");
    two_workers()
        .normalize(&x, Normalize::z_score())
        .overwrite(true)
        .write_npy(&link)
        .expect("an output");
    assert_eq!(elements::<f32>(&path), [-1.0, 1.0]);
    assert!(fs::symlink_metadata(&link).expect("exists").is_symlink());
    let mode = fs::metadata(&path).expect("exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_handmade_sidecar_and_its_file_are_kept() {
    let folder = folder();
    let path = folder.path().join("x.dat");
    fs::write(&path, [0; 8]).expect("written");
    let by_hand = Sidecar::handmade_path_for(&path);
    fs::write(&by_hand, br#"{"dtype": "<f4", "shape": [2]}"#).expect("written");
    assert_eq!(open(&path).expect("opened").shape().dims(), [2]);
    for overwrite in [false, true] {
        let refused = CreateOptions::new().overwrite(overwrite).create::<i16>(&path, [3]).map(drop);
        assert!(matches!(refused, Err(FileError::OtherKind { .. })), "{refused:?}");
    }
    assert_eq!(open(&path).expect("as it was").shape().dims(), [2]);
}

#[test]
fn outputs_match_numpy() {
    // A file written by NumPy in version 1.0 is read and written again.
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npy");
    let folder = folder();
    let mut compared = 0;
    for name in [
        "f8-le-c-2d-v1.npy",
        "f4-le-f-2d-v1.npy",
        "i2-le-f-2d-v1.npy",
        "i4-le-c-2d-v1.npy",
        "i8-le-c-3d-v1.npy",
    ] {
        let (from, to) = (fixtures.join(name), folder.path().join(name));
        let any = open(&from).expect(name);
        let order = any.meta().order;
        rowmill::match_array!(&any, x => {
            let mut buffer = TileBuffer::new();
            let rows = x.rows(0..x.shape().rows(), &mut buffer).expect("all rows");
            let options = CreateOptions::new().order(order);
            let mut copy = options.create(&to, x.shape().dims()).expect("created");
            copy.write_rows(0, rows).expect("all rows");
            copy.close().expect("closed");
        });
        assert!(fs::read(&from).expect(name) == fs::read(&to).expect(name), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 5);
}
