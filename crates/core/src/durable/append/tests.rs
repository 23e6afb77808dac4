//! Crashes at every step, readers and writers side by side, and NumPy reading the result.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::appender::Step;
use super::*;
use crate::array::{Array, ArrayMut, CreateOptions};
use crate::dtype::{ByteOrder, DType};
use crate::durable::CleanOptions;
use crate::element::Element;
use crate::format::leftovers::neighbour;
use crate::format::{LeftoverKind, Sidecar, npy};
use crate::identity::{WITHOUT_BIRTH_TIMES, until_given_out_again, with_the_number_of};
use crate::shape::{Order, Shape};
use crate::skipped::skip;
use crate::tile::TileBuffer;
use crate::view::{SliceSource, Source};
use half::f16;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn journal(path: &Path) -> PathBuf {
    neighbour(&fs::canonicalize(path).expect("it is there"), LeftoverKind::Append)
}

fn create<T: Element>(path: &Path, dims: &[usize], values: &[T]) {
    let mut x = CreateOptions::new().overwrite(true).create::<T>(path, dims).expect("created");
    x.write_rows(0, values).expect("written");
    x.close().expect("closed");
}

fn elements<T: Element>(path: &Path) -> Result<Vec<T>> {
    let x = Array::<T>::open(path)?;
    Ok(x.rows(0..x.shape().rows(), &mut TileBuffer::new())?.to_vec())
}

const STEPS: [Step; 5] =
    [Step::Journalled, Step::Written, Step::Synced, Step::Described, Step::Committed];

#[test]
fn every_crash_leaves_the_rows_of_a_commit() {
    for name in ["x.npy", "x.dat"] {
        for step in STEPS {
            for commits_before in [0, 1] {
                // How much of a torn write reached the disk: all, none, some.
                for lost in [0, 12, 5] {
                    let dir = folder();
                    let path = dir.path().join(name);
                    create::<i32>(&path, &[2, 1], &[1, 2]);
                    let mut x = Appender::<i32>::open(&path).expect("opened");
                    let mut old = vec![1, 2];
                    if commits_before == 1 {
                        x.append_rows(&[3]).expect("appended");
                        x.commit().expect("committed");
                        old.push(3);
                    }
                    x.stop_after = Some(step);
                    let stopped = x.append_rows(&[7, 8, 9]).and_then(|()| x.commit());
                    stopped.expect_err("stopped there");
                    drop(x);
                    let new = [&old[..], &[7, 8, 9]].concat();
                    let case = format!("{name} {step:?} {commits_before} {lost}");
                    if step == Step::Written {
                        let file = fs::OpenOptions::new().write(true).open(&path).expect("opened");
                        let len = file.metadata().expect("a length").len();
                        file.set_len(len - lost).expect("shorter");
                    } else if lost > 0 {
                        continue;
                    }
                    assert!(journal(&path).exists(), "{case}");
                    let committed = matches!(step, Step::Described | Step::Committed);
                    let mut expected = if committed { new.clone() } else { old.clone() };
                    assert_eq!(elements::<i32>(&path).expect(&case), expected, "{case}");
                    assert_eq!(copy_on_write(&path), expected, "{case}");

                    // The next user can proceed: to clean up, to write in place, to append.
                    if commits_before == 0 {
                        let found = CleanOptions::new().clean(dir.path()).expect("cleaned");
                        assert_eq!(found.len(), 1, "{case}: {found:?}");
                        assert!(!journal(&path).exists(), "{case}");
                        assert_eq!(elements::<i32>(&path).expect(&case), expected, "{case}");
                    }
                    let mut x = ArrayMut::<i32>::open(&path).expect(&case);
                    for (row, value) in expected.iter_mut().enumerate() {
                        *value += 50;
                        x.write_rows(row, &[*value]).expect("written");
                    }
                    x.close().expect("closed");
                    assert_eq!(elements::<i32>(&path).expect(&case), expected, "{case}");
                    let mut x = Appender::<i32>::open(&path).expect(&case);
                    x.append_rows(&[5]).expect("appended");
                    x.close().expect("closed");
                    let more = [&expected[..], &[5]].concat();
                    assert_eq!(elements::<i32>(&path).expect(&case), more, "{case}");
                    assert!(!journal(&path).exists(), "{case}");
                }
            }
        }
    }
}

fn copy_on_write(path: &Path) -> Vec<i32> {
    let x = crate::array::CowArray::<i32>::open(path).expect("opened");
    x.rows(0..x.shape().rows(), &mut TileBuffer::new()).expect("rows").to_vec()
}

#[test]
fn rows_without_a_commit_are_taken_back() {
    for name in ["x.npy", "x.dat"] {
        let dir = folder();
        let path = dir.path().join(name);
        create::<u8>(&path, &[1, 2], &[1, 2]);
        let before = fs::read(&path).expect("read");
        let mut x = Appender::<u8>::open(&path).expect("opened");
        x.append_rows(&vec![7; 4 << 20]).expect("appended");
        assert_eq!((x.rows(), x.durable_rows()), (1 + (2 << 20), 1));
        assert!(fs::metadata(&path).expect("there").len() > 4 << 20);
        assert_eq!(elements::<u8>(&path).expect("the old ones"), [1, 2]);
        drop(x);
        assert_eq!(fs::read(&path).expect("read"), before);
        assert_eq!(CleanOptions::new().clean(dir.path()).expect("looked").len(), 0);
    }
}

#[test]
fn a_stale_journal_does_no_harm_and_a_wrong_one_opens_nothing() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    create::<u8>(&path, &[4], &[1, 2, 3, 4]);
    let mut x = Appender::<u8>::open(&path).expect("opened");
    x.stop_after = Some(Step::Written);
    x.append_rows(&[5]).and_then(|()| x.commit()).expect_err("stopped");
    drop(x);
    let (text, longer) = (fs::read(journal(&path)).expect("read"), fs::read(&path).expect("read"));
    assert_eq!(elements::<u8>(&path).expect("the old ones"), [1, 2, 3, 4]);
    // Another file at its path, of the same length: the journal does not apply to it.
    let other = dir.path().join("other");
    fs::write(&other, &longer).expect("written");
    fs::rename(&other, &path).expect("renamed");
    assert!(matches!(elements::<u8>(&path), Err(Error::TrailingBytes { .. })));
    assert!(matches!(Appender::<u8>::open(&path), Err(Error::TrailingBytes { .. })));
    // A complete file is unaffected by files beside it.
    fs::remove_file(&path).expect("removed");
    create::<u8>(&path, &[2], &[8, 9]);
    for junk in [&text[..], b"", b"junk", &[0xff; 4096]] {
        fs::write(journal(&path), junk).expect("written");
        assert_eq!(elements::<u8>(&path).expect("whole"), [8, 9]);
        let mut x = Appender::<u8>::open(&path).expect("opened");
        x.append_rows(&[1]).expect("appended");
        drop(x);
        assert_eq!(elements::<u8>(&path).expect("whole"), [8, 9]);
    }
}

#[test]
fn a_number_given_out_again_is_not_the_file_of_a_journal() {
    // Another last row before the old end; or the same bytes, which only the birth time
    // distinguishes.
    for (without_birth_times, other_row) in [(false, true), (true, true), (false, false)] {
        WITHOUT_BIRTH_TIMES.set(without_birth_times);
        for name in ["x.npy", "x.dat"] {
            until_given_out_again("an append", || {
                let dir = folder();
                let path = dir.path().join(name);
                create::<u8>(&path, &[4], &[1, 2, 3, 4]);
                let mut x = Appender::<u8>::open(&path).expect("opened");
                x.stop_after = Some(Step::Written);
                x.append_rows(&[5]).and_then(|()| x.commit()).expect_err("stopped");
                drop(x);
                assert_eq!(elements::<u8>(&path).expect("the old ones"), [1, 2, 3, 4]);
                let kept_time = fs::metadata(&path).expect("there").created().is_ok();
                let mut bytes = fs::read(&path).expect("there");
                let last = bytes.len() - 2;
                bytes[last] ^= u8::from(other_row);
                std::thread::sleep(std::time::Duration::from_millis(30)); // some ticks
                let again = with_the_number_of(&path, &bytes);
                if again && (other_row || kept_time) {
                    let refused = elements::<u8>(&path);
                    assert!(matches!(refused, Err(Error::TrailingBytes { .. })), "{refused:?}");
                    assert!(Appender::<u8>::open(&path).is_err());
                    assert_eq!(fs::read(&path).expect("there"), bytes, "nothing is cut off");
                }
                again
            });
        }
    }
}

/// In the form of an earlier version.
#[test]
fn a_journal_by_number_alone_is_refused_with_a_way_out() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    create::<u8>(&path, &[4], &[1, 2, 3, 4]);
    let mut bytes = fs::read(&path).expect("there");
    bytes.push(5);
    fs::write(&path, &bytes).expect("room");
    let body = "rowmill-append 1\nlength 00000000000000000132\ninode 00000000000000000007";
    let check = body.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    fs::write(journal(&path), format!("{body}\ncheck {check:016x}\n")).expect("room");
    let refused = elements::<u8>(&path).expect_err("not guessed").to_string();
    assert!(refused.contains("truncate -s 132") && refused.contains("number alone"), "{refused}");
    assert!(matches!(ArrayMut::<u8>::open(&path), Err(Error::AppendedByNumber { .. })));
    let found = CleanOptions::new().clean(dir.path()).expect("looked");
    assert!(
        matches!(&found[..], [left] if matches!(left.outcome, crate::durable::CleanOutcome::Failed(_)))
    );
    assert!(journal(&path).exists() && fs::read(&path).expect("there") == bytes);
    // The remedy that the error names.
    fs::OpenOptions::new().write(true).open(&path).and_then(|f| f.set_len(132)).expect("shorter");
    assert_eq!(elements::<u8>(&path).expect("whole"), [1, 2, 3, 4]);
}

#[test]
fn arrays_that_cannot_grow_are_refused() {
    let dir = folder();
    let refused = |path: &Path, words: &[&str]| {
        let before = fs::read(path).expect("read");
        let text = match Appender::<f32>::open(path) {
            Err(e @ Error::CannotAppend { .. }) => e.to_string(),
            other => panic!("{}: {other:?}", path.display()),
        };
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {text:?}");
        }
        assert_eq!(fs::read(path).expect("read"), before);
    };
    let path = dir.path().join("x.npy");
    create::<f32>(&path, &[], &[1.0]);
    refused(&path, &["a 0-d array has no rows"]);
    create::<f32>(&path, &[3, 0], &[]);
    refused(&path, &["no elements"]);
    let fortran = CreateOptions::new().overwrite(true).order(Order::F);
    fortran.create::<f32>(&path, [3, 2]).expect("created").close().expect("closed");
    refused(&path, &["Fortran order", "copy it"]);
    create::<f32>(&path, &[1, 2], &[1.0, 2.0]);
    let text = "{\"rowmill\": 1, \"shape\": [1, 2]}";
    fs::write(Sidecar::path_for(&path), text).expect("written");
    refused(&path, &["repeats the shape"]);

    let raw = dir.path().join("x.dat");
    fs::write(&raw, [0; 8]).expect("written");
    let text = "{\"dtype\": \"<f4\", \"shape\": [2]}";
    fs::write(Sidecar::handmade_path_for(&raw), text).expect("written");
    refused(&raw, &["hand-made", ".meta.json"]);
    fs::remove_file(Sidecar::handmade_path_for(&raw)).expect("removed");
    assert!(matches!(Appender::<f32>::open(&raw), Err(Error::NoSidecar { .. })));
    assert!(matches!(Appender::<f32>::open(dir.path()), Err(Error::NotRegular { .. })));
}

#[test]
fn a_full_header_is_refused_before_anything_is_written() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    // As older versions of NumPy padded it, with eight characters to spare.
    let mut bytes = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    bytes.extend(b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 0), }   ");
    bytes.truncate(79);
    bytes.resize(79, b' ');
    bytes.push(b'\n');
    fs::write(&path, &bytes).expect("written");
    assert!(matches!(Appender::<u8>::open(&path), Err(Error::CannotAppend { .. })));

    let shape = |rows| Shape::new([rows, 4]).expect("small");
    let mut header = npy::write(DType::U8, ByteOrder::NATIVE, Order::C, &shape(9));
    let end = header.iter().rposition(|&b| b == b'}').expect("a dict") + 1;
    header.truncate(end);
    header.push(b'\n');
    header[8] = u8::try_from(header.len() - 10).expect("short");
    let whole = [&header[..], &[7; 36]].concat();
    fs::write(&path, &whole).expect("written");
    assert_eq!(elements::<u8>(&path).expect("readable").len(), 36);
    let mut x = Appender::<u8>::open(&path).expect("opened");
    let refused = x.append_rows(&[1; 4]).expect_err("ten needs another digit").to_string();
    assert!(refused.contains("no room") && refused.contains("copy it"), "{refused}");
    let source = SliceSource::new(&[0_u8; 8][..], [2, 4]).expect("a source");
    assert!(matches!(x.append_source(&source), Err(Error::CannotAppend { .. })));
    drop(x);
    assert_eq!(fs::read(&path).expect("read"), whole);
}

#[test]
fn a_second_writer_is_refused() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    create::<u8>(&path, &[1], &[1]);
    let x = Appender::<u8>::open(&path).expect("opened");
    let locked = |found: Result<()>| assert!(matches!(found, Err(Error::Locked { .. })));
    locked(Appender::<u8>::open(&path).map(drop));
    locked(ArrayMut::<u8>::open(&path).map(drop));
    locked(CreateOptions::new().overwrite(true).create::<u8>(&path, [1]).map(drop));
    drop(x);
    Appender::<u8>::open(&path).expect("unlocked").close().expect("nothing to do");
    assert!(matches!(Appender::<i8>::open(&path), Err(Error::DTypeMismatch { .. })));
}

#[test]
fn wrong_rows_change_nothing() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    create::<u8>(&path, &[1, 2, 3], &[1; 6]);
    let mut x = Appender::<u8>::open(&path).expect("opened");
    let partial = x.append_rows(&[0; 7]);
    assert!(matches!(partial, Err(Error::PartialRow { found: 7, row_len: 6 })));
    for dims in [&[2, 3, 2][..], &[12], &[2, 6], &[12, 1, 1]] {
        let source = SliceSource::new(&[0_u8; 12][..], dims).expect("a source");
        let refused = x.append_source(&source).expect_err("another shape").to_string();
        assert!(refused.contains("(2, 3), those to be appended have"), "{refused}");
    }
    let source = SliceSource::new(&[5_u8; 12][..], [2, 2, 3]).expect("a source");
    assert_eq!(x.append_source(&source).expect("appended"), 2);
    x.append_rows(&[]).expect("nothing");
    x.close().expect("closed");
    let x = Array::<u8>::open(&path).expect("opened");
    assert_eq!(x.shape().dims(), [3, 2, 3]);
}

#[test]
fn the_first_failure_stays_and_is_taken_back() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    create::<u8>(&path, &[2], &[1, 2]);
    let before = fs::read(&path).expect("read");
    // A directory at the path of the journal: it cannot be written.
    fs::create_dir(journal(&path)).expect("a folder");
    let mut x = Appender::<u8>::open(&path).expect("opened");
    let first = x.append_rows(&[3]).expect_err("no journal");
    assert!(matches!(&first, Error::Io { action: "create", .. }), "{first}");
    for later in [x.append_rows(&[3]), x.commit(), x.close()] {
        assert!(matches!(later, Err(Error::AppendFailed { .. })), "{later:?}");
    }
    assert_eq!(fs::read(&path).expect("read"), before);
}

/// Some rows of two elements, as many as `n`, after `first` rows.
fn numbers<T: Element>(first: usize, n: usize, of: impl Fn(usize) -> T) -> Vec<T> {
    (2 * first..2 * (first + n)).map(of).collect()
}

fn append_equals_write<T: Element>(
    pieces: &[(usize, bool)],
    npy: bool,
    order: ByteOrder,
    of: impl Fn(usize) -> T + Copy,
) -> Result<(), TestCaseError> {
    let dir = folder();
    let path = dir.path().join(if npy { "x.npy" } else { "x.dat" });
    let whole = dir.path().join(if npy { "whole.npy" } else { "whole.dat" });
    let file_of = |path: &Path, rows: usize| {
        // Any byte order: made by hand.
        let shape = Shape::new([rows, 2]).expect("small");
        let meta = crate::format::Meta {
            format: if npy { crate::format::Format::Npy } else { crate::format::Format::Raw },
            dtype: T::DTYPE,
            byte_order: if T::DTYPE.size() == 1 { ByteOrder::NATIVE } else { order },
            order: Order::C,
            columns: None,
            record: None,
            offset: if npy { 128 } else { 0 },
            shape: shape.clone(),
        };
        let mut bytes = if npy { npy::write(T::DTYPE, order, Order::C, &shape) } else { vec![] };
        meta.encode(0, &numbers(0, rows, of), |_, b| bytes.extend_from_slice(b));
        fs::write(path, bytes).expect("written");
        if !npy {
            fs::write(Sidecar::path_for(path), Sidecar::for_meta(&meta).to_json())
                .expect("written");
        }
    };
    file_of(&path, 1);
    let mut rows = 1;
    let mut x = Appender::<T>::open(&path).expect("opened");
    for &(n, commit) in pieces {
        x.append_rows(&numbers(rows, n, of)).expect("appended");
        rows += n;
        prop_assert_eq!(x.rows(), rows);
        if commit {
            x.commit().expect("committed");
            prop_assert_eq!(elements::<T>(&path).expect("readable"), numbers(0, rows, of));
        }
        prop_assert!(x.durable_rows() <= rows);
    }
    x.close().expect("closed");
    file_of(&whole, rows);
    prop_assert_eq!(fs::read(&path).expect("read"), fs::read(&whole).expect("read"));
    if !npy {
        let sidecar = |p| fs::read(Sidecar::path_for(p)).expect("read");
        prop_assert_eq!(sidecar(&path), sidecar(&whole));
    }
    prop_assert!(!journal(&path).exists());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn appending_is_writing_at_once(
        pieces in prop::collection::vec((0..2000_usize, prop::bool::weighted(0.3)), 0..8),
        npy: bool,
        big: bool,
    ) {
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        append_equals_write::<f64>(&pieces, npy, order, |i| i as f64 * 0.5)?;
        append_equals_write::<i16>(&pieces, npy, order, |i| i as i16)?;
        append_equals_write::<bool>(&pieces, npy, order, |i| i % 3 == 0)?;
        append_equals_write::<f16>(&pieces, npy, order, |i| f16::from_f32((i % 1000) as f32))?;
    }
}

#[test]
fn large_pieces_and_columns() {
    let dir = folder();
    for name in ["x.npy", "x.dat"] {
        let path = dir.path().join(name);
        let options = CreateOptions::new().columns(["a", "b"]);
        options.create::<u32>(&path, [0, 2]).expect("created").close().expect("closed");
        let many: Vec<u32> = (0..2_000_000).collect();
        let source = SliceSource::new(&many[..], [1_000_000, 2]).expect("a source");
        let mut x = Appender::<u32>::open(&path).expect("opened");
        x.append_rows(&[9, 9]).expect("appended");
        assert_eq!(x.append_source(&source).expect("appended"), 1_000_000);
        x.append_rows(&many).expect("appended");
        x.close().expect("closed");
        let x = Array::<u32>::open(&path).expect("opened");
        assert_eq!(x.meta().columns.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
        let expected = [&[9, 9], &many[..], &many[..]].concat();
        assert!(elements::<u32>(&path).expect("readable") == expected);
    }
}

#[cfg(unix)]
#[test]
fn through_a_link_the_file_itself_grows() {
    let dir = folder();
    fs::create_dir(dir.path().join("far")).expect("a folder");
    let (path, link) = (dir.path().join("far/x.npy"), dir.path().join("link.npy"));
    create::<u8>(&path, &[1], &[1]);
    std::os::unix::fs::symlink(&path, &link).expect("linked");
    let mut x = Appender::<u8>::open(&link).expect("opened");
    x.stop_after = Some(Step::Written);
    x.append_rows(&[2]).and_then(|()| x.commit()).expect_err("stopped");
    drop(x);
    assert_eq!(elements::<u8>(&path).expect("by its name"), [1]);
    assert_eq!(elements::<u8>(&link).expect("by the link"), [1]);
}

/// Opens an array until `done` while its appender commits seven rows at a time; returns how often.
fn watch(path: &Path, done: &AtomicBool) -> usize {
    let (mut last, mut looks) = (0, 0);
    while !done.load(Ordering::Relaxed) || looks < 10 {
        let x = match Array::<u64>::open(path) {
            Ok(x) => x,
            // Sidecar and file were replaced between two reads.
            Err(Error::Changed { .. }) => continue,
            Err(e) => panic!("{e}"),
        };
        let rows = x.shape().rows();
        assert!(rows % 7 == 0 && rows >= last, "{rows} after {last}");
        let mut buffer = TileBuffer::new();
        let tail = x.rows(rows.saturating_sub(20)..rows, &mut buffer);
        for (i, row) in tail.expect("rows").chunks(8).rev().enumerate() {
            assert_eq!(row, [(rows - 1 - i) as u64; 8]);
        }
        last = rows;
        looks += 1;
    }
    looks
}

/// Readers in other threads, which share only the file with the appender: one that commits often,
/// and many that commit once and disappear, with the journal that excuses what a reader saw before.
#[test]
fn readers_see_commits_only() {
    for (name, close) in [("x.npy", false), ("x.dat", false), ("x.npy", true), ("x.dat", true)] {
        let dir = folder();
        let path = dir.path().join(name);
        create::<u64>(&path, &[0, 8], &[]);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| watch(&path, &done))).collect();
            let mut x = Appender::<u64>::open(&path).expect("opened");
            for row in 0..7 * 60 {
                x.append_rows(&[row as u64; 8]).expect("appended");
                if row % 7 == 6 && close {
                    x.close().expect("closed");
                    x = Appender::open(&path).expect("opened");
                } else if row % 7 == 6 {
                    x.commit().expect("committed");
                }
            }
            x.close().expect("closed");
            done.store(true, Ordering::Relaxed);
            for reader in readers {
                assert!(reader.join().expect("no panic") >= 10);
            }
        });
    }
}

#[test]
fn numpy_reads_the_result() {
    let python = std::env::var("ROWMILL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !numpy.is_ok_and(|o| o.status.success()) {
        return skip(&format!("{python} with numpy is not there; ROWMILL_PYTHON can name another"));
    }
    let dir = folder();
    let path = dir.path().join("x.npy");
    let run = |program: &str| {
        let output = Command::new(&python).arg("-c").arg(program).arg(&path).output();
        let output = output.expect("python starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    for (descr, dims) in [("<f4", "(0, 3)"), (">f4", "(9, 3)"), ("<f4", "(1, 1, 3)")] {
        run(&format!("import sys, numpy as n; n.save(sys.argv[1], n.ones({dims}, '{descr}'))"));
        let mut x = Appender::<f32>::open(&path).expect("NumPy leaves room");
        let before = x.rows();
        for i in 0..1200 {
            x.append_rows(&[i as f32; 3]).expect("appended");
            if i == 99 {
                x.commit().expect("committed");
            }
        }
        x.close().expect("closed");
        let printed = run("import sys, numpy as n; x = n.load(sys.argv[1], mmap_mode='r'); \
             print(x.shape[0], x.dtype.str, x[-1].sum(), x[-1200:].astype('f8').sum())");
        assert_eq!(printed, format!("{} {descr} 3597.0 2158200.0", before + 1200));
    }
}
