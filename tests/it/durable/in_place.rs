//! Arrays changed in place: the same bytes as a copy, whatever was interrupted, and no row lost.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rowmill::durable::Journal;
use rowmill::error::JournalError;
use rowmill::file::{ByteOrder, Order};
use rowmill::view::TileBuffer;
use rowmill::{
    Array, ArrayMut, CreateOptions, Engine, Error, FileError, Normalize, Source, map_elements,
    map_rows,
};

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn engine(workers: usize) -> Engine {
    // The smallest windows.
    let builder = Engine::builder().workers(workers).memory_ceiling(workers as u64 * (8 << 20));
    builder.build().expect("an engine")
}

fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 10_007) as f32 / 16.0 - 100.0).collect()
}

fn write(path: &Path, rows: usize, cols: usize, order: Order) {
    let options = CreateOptions::new().overwrite(true).order(order);
    let mut x = options.create::<f32>(path, [rows, cols]).expect("enough space");
    x.write_rows(0, &values(rows * cols)).expect("in place");
    x.close().expect("closed");
}

fn read(path: &Path) -> Vec<f32> {
    let x = Array::<f32>::open(path).expect("whole");
    x.rows(0..x.shape().rows(), &mut TileBuffer::new()).expect("all").to_vec()
}

#[test]
fn in_place_equals_a_copy() {
    let dir = dir();
    let path = |name: &str| dir.path().join(name);
    for (rows, cols) in [(0, 5), (1, 1), (7, 3), (3001, 1000), (3, 1_000_001)] {
        for order in [Order::C, Order::F] {
            if order == Order::F && rows * cols > 1_000_000 && cols > 1000 {
                continue;
            }
            for how in [
                Normalize::z_score().per_column(),
                Normalize::min_max().all(),
                Normalize::z_score().per_row(),
            ] {
                write(&path("x.npy"), rows, cols, order);
                let x = Array::<f32>::open(path("x.npy")).expect("just written");
                engine(2)
                    .normalize(&x, how)
                    .overwrite(true)
                    .write_npy(path("z.npy"))
                    .expect("a copy");
                drop(x);
                let mut x = ArrayMut::<f32>::open(path("x.npy")).expect("nobody else writes");
                engine(2).normalize_in_place(&mut x, how).expect("in place");
                drop(x);
                let (found, copy) = (read(&path("x.npy")), read(&path("z.npy")));
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(bits(&found) == bits(&copy), "{rows} x {cols} {order:?} {how:?}");
                assert!(!Journal::path_for(&path("x.npy")).exists());
            }
        }
    }
}

/// Runs a kernel that fails after some rows, and counts how often each row is seen.
fn interrupted(
    path: &Path,
    left: usize,
    seen: &[AtomicUsize],
    workers: usize,
) -> rowmill::Result<()> {
    let left = AtomicUsize::new(left);
    let kernel = map_rows([1000], |row: &[f32], out: &mut [f32]| {
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_err() {
            panic!("stopped");
        }
        seen[row[0] as usize % seen.len()].fetch_add(1, Ordering::SeqCst);
        out.iter_mut().zip(row).for_each(|(to, from)| *to = from + 0.5);
    });
    let mut x = ArrayMut::<f32>::open_to_finish(path)?;
    engine(workers).map_in_place(&mut x, kernel, "half more")
}

#[test]
fn interrupted_jobs_are_finished_and_refused_until_then() {
    let dir = dir();
    let path = dir.path().join("x.npy");
    let (rows, cols) = (9000, 1000);
    let mut x = ArrayMut::<f32>::create(&path, [rows, cols]).expect("enough space");
    for (i, row) in x.rows_mut(0..rows).expect("in place").chunks_mut(cols).enumerate() {
        row.fill(i as f32);
    }
    x.close().expect("closed");
    let seen: Vec<AtomicUsize> = (0..rows).map(|_| AtomicUsize::new(0)).collect();
    let mut runs = 0;
    while let Err(error) = interrupted(&path, 3000, &seen, 1 + runs % 3) {
        assert!(matches!(error, Error::KernelPanicked { .. }), "{error}");
        runs += 1;
        assert!(runs < 100);
        let error = Array::<f32>::open(&path).expect_err("half done");
        assert!(matches!(error, FileError::Unfinished { .. }), "{error}");
        assert!(error.to_string().contains("run the job again"), "{error}");
        assert!(matches!(ArrayMut::<f32>::open(&path), Err(FileError::Unfinished { .. })));
        assert!(matches!(rowmill::CowArray::<f32>::open(&path), Err(FileError::Unfinished { .. })));
        // Another job is refused until then.
        let mut x = ArrayMut::<f32>::open_to_finish(&path).expect("nobody else writes");
        let other = engine(1).map_in_place(&mut x, map_elements(|v: f32| v), "nothing");
        let other = other.expect_err("another job");
        let refused = matches!(
            &other,
            Error::File(FileError::Journal { source: JournalError::OtherJob { .. }, .. })
        );
        assert!(refused, "{other}");
    }
    assert!(runs > 2, "{runs} runs");
    for (i, row) in read(&path).chunks(cols).enumerate() {
        assert!(row.iter().all(|&v| v == i as f32 + 0.5), "row {i}");
    }
}

/// Restores the state after a crash: the journal as it was, and any part of the rows in flight
/// already in the array.
#[test]
fn torn_rows_are_restored_from_the_journal() {
    let dir = dir();
    let path = dir.path().join("x.npy");
    let (rows, cols) = (9000, 1000);
    write(&path, rows, cols, Order::C);
    let golden: Vec<f32> = read(&path).iter().map(|v| v + 0.5).collect();
    let before = std::fs::read(&path).expect("exists");
    let seen: Vec<AtomicUsize> = (0..rows).map(|_| AtomicUsize::new(0)).collect();
    interrupted(&path, 5000, &seen, 2).expect_err("stopped");
    let after = std::fs::read(&path).expect("exists");
    let changed: Vec<usize> = (0..before.len()).filter(|&i| before[i] != after[i]).collect();
    let (first, last) = (changed[0], changed[changed.len() - 1]);
    let journal = std::fs::read(Journal::path_for(&path)).expect("exists");
    // The last record holds the last changed rows: up to two windows of 1 MiB each.
    let window = (last - first).min(1 << 20);
    for torn in [0, 1, window / 2, window] {
        let mut file = after.clone();
        file[last + 1 - torn..=last].copy_from_slice(&before[last + 1 - torn..=last]);
        overwrite(&path, &file);
        overwrite(&Journal::path_for(&path), &journal);
        interrupted(&path, usize::MAX, &seen, 2).expect("finished");
        assert!(read(&path) == golden, "{torn} bytes torn");
    }
}

/// Writes into the same file, like a crash that keeps the inode.
fn overwrite(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path);
    file.and_then(|mut file| file.write_all(bytes)).expect("written");
}

#[test]
fn other_layouts() {
    let dir = dir();
    let path = dir.path().join("x.dat");
    let data = values(3000 * 100);
    let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_be_bytes()).collect();
    std::fs::write(&path, [&[9][..], &bytes].concat()).expect("enough space");
    let shape = rowmill::Shape::new([3000, 100]).expect("small");
    let spec = rowmill::file::RawSpec::new(rowmill::DType::F32, shape)
        .byte_order(ByteOrder::Big)
        .offset(1);
    let mut x = ArrayMut::<f32>::open_raw_to_finish(&path, &spec).expect("as described");
    engine(2).map_in_place(&mut x, map_elements(|v: f32| v * 2.0), "twice").expect("in place");
    drop(x);
    let found = std::fs::read(&path).expect("exists");
    assert_eq!(found[0], 9);
    let twice: Vec<u8> = data.iter().flat_map(|v| (v * 2.0).to_be_bytes()).collect();
    assert!(found[1..] == twice);
}

#[test]
fn bools_and_skipped_elements() {
    let dir = dir();
    let path: PathBuf = dir.path().join("x.npy");
    let mut x = ArrayMut::<bool>::create(&path, [1000, 3]).expect("enough space");
    let all: Vec<bool> = (0..3000).map(|i| i % 7 == 0).collect();
    x.write_rows(0, &all).expect("encoded");
    let first = map_rows([3], |row: &[bool], out: &mut [bool]| out[0] = !row[0]);
    engine(2).map_in_place(&mut x, first, "not the first").expect("in place");
    drop(x);
    let x = Array::<bool>::open(&path).expect("finished");
    let found = x.rows(0..1000, &mut TileBuffer::new()).expect("all").to_vec();
    let expected: Vec<bool> = (0..3000).map(|i| i % 3 == 0 && i % 7 != 0).collect();
    assert!(found == expected);
}

#[test]
fn without_a_journal_nothing_is_changed() {
    let dir = dir();
    let path = dir.path().join("x.npy");
    write(&path, 10, 10, Order::C);
    std::fs::create_dir(Journal::path_for(&path)).expect("in the way");
    let mut x = ArrayMut::<f32>::open(&path).expect("a folder is no journal");
    let job = engine(1).map_in_place(&mut x, map_elements(|v: f32| v + 1.0), "more");
    assert!(matches!(job, Err(Error::File(FileError::NotRegular { .. }))), "{job:?}");
    drop(x);
    assert!(read(&path) == values(100));
    std::fs::remove_dir(Journal::path_for(&path)).expect("empty");
    // A kernel whose rows do not fit is refused before that.
    let mut x = ArrayMut::<f32>::open(&path).expect("whole");
    let narrower = map_rows([9], |_: &[f32], _: &mut [f32]| {});
    let job = engine(1).map_in_place(&mut x, narrower, "narrower");
    assert!(matches!(job, Err(Error::OutputRow { expected: 10, found: 9 })), "{job:?}");
}
