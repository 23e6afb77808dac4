//! The changes that identify another file, on this filesystem and on one without birth times.

use std::cell::Cell;
use std::fs;

use super::*;

#[path = "../../../tests/common/numbers.rs"]
mod numbers;

pub(crate) use numbers::{until_given_out_again, with_the_number_of};

thread_local! {
    /// Files look as on a filesystem without birth times, or as if another file got a number within
    /// the same clock tick.
    pub(crate) static WITHOUT_BIRTH_TIMES: Cell<bool> = const { Cell::new(false) };
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("x");
    fs::write(&path, bytes).expect("room");
    (dir, path)
}

fn of(path: &Path, stable: &Stable) -> FileIdentity {
    FileIdentity::of(&File::open(path).expect("there"), stable).expect("readable")
}

fn overwrite(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("there");
    bytes[at] ^= 1;
    let file = fs::OpenOptions::new().write(true).open(path).expect("there");
    io::Write::write_all(&mut &file, &bytes).expect("room");
}

#[test]
fn only_stable_bytes_count() {
    let edge = EDGE as usize;
    let len = 4 * edge;
    let (_dir, path) = written(&vec![7; len]);
    let bounds = [0, 1, edge - 1, edge, 2 * edge, 3 * edge - 1, 3 * edge, len - 1];
    let (all, len) = (Stable::up_to(len as u64), len as u64);
    let cases: [(Stable, [bool; 8]); 5] = [
        (all, [true, true, true, false, false, false, true, true]),
        // A file that grows, by its old end.
        (Stable::up_to(len - 100), [true, true, true, false, false, true, true, false]),
        (Stable::all_but(100..len, len), [true, true, false, false, false, false, false, false]),
        (Stable::all_but(0..EDGE, len), [false, false, false, true, false, false, true, true]),
        (
            Stable::only([0..1, 2 * EDGE..2 * EDGE + 1, u64::MAX - 1..u64::MAX], len),
            [true, false, false, false, true, false, false, false],
        ),
    ];
    for (stable, seen) in cases {
        for (&at, seen) in bounds.iter().zip(seen) {
            let before = of(&path, &stable);
            overwrite(&path, at);
            let after = of(&path, &stable);
            assert_eq!(before.has_bytes_of(&after), !seen, "byte {at} of {stable:?}");
            assert!(before.has_number_of(&after), "the same file");
        }
    }
}

#[test]
fn no_range_is_too_long() {
    let (_dir, path) = written(b"0123456789");
    let whole = of(&path, &Stable::up_to(10));
    for stable in [
        Stable::up_to(u64::MAX),
        Stable::up_to(11),
        Stable::all_but(5..u64::MAX, u64::MAX),
        Stable::all_but(u64::MAX..u64::MAX, 3),
        Stable::only((0..100).map(|_| 0..u64::MAX), u64::MAX),
        // Ends before it begins.
        Stable::only([Range { start: 7, end: 3 }, 0..2], 10),
    ] {
        assert!(!of(&path, &stable).has_bytes_of(&whole), "{stable:?}");
    }
    assert!(of(&path, &Stable::all_but(4..4, 10)).len() == whole.len());
}

#[test]
fn bytes_read_back() {
    let (_dir, path) = written(b"0123");
    for without in [false, true] {
        WITHOUT_BIRTH_TIMES.set(without);
        let file = of(&path, &Stable::up_to(4));
        assert_eq!(FileIdentity::from_bytes(&file.to_bytes()), Some(file));
        let mut other = file.to_bytes();
        other[0] = 4;
        assert_eq!(FileIdentity::from_bytes(&other), None);
    }
    let mut absent_but_said = [0; FileIdentity::BYTES];
    absent_but_said[1] = 1;
    assert_eq!(FileIdentity::from_bytes(&absent_but_said), None);
}

/// Within a clock tick the birth time is the same, too. Linux 6.13 and later advance the clock when
/// a file that was queried changes, so this test cannot hit a tick: it ignores the birth time.
#[test]
fn numbers_given_out_again_within_a_tick() {
    for without_birth_times in [false, true] {
        WITHOUT_BIRTH_TIMES.set(without_birth_times);
        until_given_out_again("a fingerprint", || {
            let (_dir, path) = written(b"one");
            let one = of(&path, &Stable::up_to(3));
            let again = with_the_number_of(&path, b"two");
            if again {
                let two = of(&path, &Stable::up_to(3));
                assert!(one != two && !one.has_bytes_of(&two), "told apart");
                assert!(!without_birth_times || one.has_number_of(&two), "not by the number");
            }
            again
        });
    }
}
