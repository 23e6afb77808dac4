//! Files that are truncated, replaced and written to while they are open, in every mode.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rowmill_core::{
    Array, ArrayMut, Backend, BusErrors, CowArray, CreateOptions, DType, Error, OpenOptions, Order,
    RawSpec, Shape, Source, TileBuffer,
};

/// 64 rows of 4096 float32 in a raw file: a row is 16 KiB, a page or more of them.
const DIMS: [usize; 2] = [64, 4096];
const ROW: usize = DIMS[1] * 4;
const ELEMENTS: usize = DIMS[0] * DIMS[1];

/// Whatever the page size, rows from here on are on other pages than rows before.
const CUT: usize = 16;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A raw file of ones, with its sidecar.
fn file(folder: &Path) -> PathBuf {
    let path = folder.join("x.dat");
    let mut x = ArrayMut::<f32>::create(&path, DIMS).expect("created");
    x.rows_mut(0..DIMS[0]).expect("native").fill(1.0);
    x.close().expect("closed");
    path
}

fn open(path: &Path, backend: Backend) -> Array<f32> {
    OpenOptions::new().backend(backend).open(path).expect("opened")
}

fn set_len(path: &Path, len: usize) {
    let file = File::options().write(true).open(path).expect("opened");
    file.set_len(len as u64).expect("a length");
}

/// Long enough for the clock of the filesystem to advance.
fn a_moment() {
    std::thread::sleep(Duration::from_millis(20));
}

/// The fault is in `path`, from this offset on.
#[track_caller]
fn is_fault<T: std::fmt::Debug>(result: Result<T, Error>, path: &Path, at: usize) {
    match result {
        Err(Error::Fault { path: hit, offset, source: None }) => {
            assert_eq!((hit.as_path(), offset), (path, at as u64));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_array_that_is_cut_short() {
    for backend in [Backend::Auto, Backend::Mapped, Backend::Positioned] {
        let folder = folder();
        let path = file(folder.path());
        let x = open(&path, backend);
        let mut buffer = TileBuffer::new();
        x.verify().expect("nothing happened");
        set_len(&path, CUT * ROW);
        assert_eq!(x.rows(0..CUT, &mut buffer).expect("still there"), [1.0; CUT * DIMS[1]]);
        x.check().expect("nobody read behind the end");
        if backend == Backend::Positioned {
            is_fault(x.rows(CUT - 1..CUT + 1, &mut buffer).map(<[_]>::len), &path, CUT * ROW);
            is_fault(x.get(&[CUT, 0]), &path, CUT * ROW);
            x.check().expect("every read says so itself");
            assert!(matches!(x.verify(), Err(Error::Changed { .. })));
            continue;
        }
        // Lent in place: zeros, and an error from the check.
        let lent = x.rows(CUT..CUT + 1, &mut buffer).expect("lent");
        assert_eq!(lent, [0.0; DIMS[1]]);
        for _ in 0..2 {
            is_fault(x.check(), &path, CUT * ROW);
            is_fault(x.verify(), &path, CUT * ROW);
            is_fault(x.get(&[0, 0]), &path, CUT * ROW);
        }
        is_fault(x.clone().check(), &path, CUT * ROW);
        // Reopened, it is refused as it should be, or sound.
        assert!(matches!(Array::<f32>::open(&path), Err(Error::Truncated { .. })));
        let spec = RawSpec::new(DType::F32, Shape::new([CUT, DIMS[1]]).expect("small"));
        fs::remove_file(path.with_extension("dat.meta.json")).expect("removed");
        let again = OpenOptions::new().backend(backend).spec(spec).open::<f32>(&path);
        let again = again.expect("as long as it says");
        assert_eq!(again.as_slice(), Some(&[1.0; CUT * DIMS[1]][..]));
        again.verify().expect("nothing happened to this one");
    }
}

#[test]
fn decoded_tiles_are_checked_at_once() {
    let folder = folder();
    for order in [Order::C, Order::F] {
        let path = folder.path().join(format!("{order:?}.dat"));
        let options = CreateOptions::new().order(order);
        options.create::<bool>(&path, [DIMS[0], ROW]).expect("created").close().expect("closed");
        let x = Array::<bool>::open(&path).expect("opened");
        let z = CowArray::<bool>::open(&path).expect("opened");
        let other = folder.path().join(format!("{order:?}.other.dat"));
        let y = options.create::<bool>(&other, [DIMS[0], ROW]).expect("created");
        set_len(&path, 0);
        set_len(&other, 0);
        let mut buffer = TileBuffer::new();
        is_fault(x.rows(0..2, &mut buffer).map(<[_]>::len), &path, 0);
        is_fault(x.read_rows(0..1, &mut vec![true; ROW], &mut TileBuffer::new()), &path, 0);
        is_fault(y.rows(0..2, &mut buffer).map(<[_]>::len), &other, 0);
        is_fault(z.rows(0..2, &mut buffer).map(<[_]>::len), &path, 0);
    }
}

#[test]
fn an_array_open_for_writing_that_is_cut_short() {
    let folder = folder();
    let path = file(folder.path());
    // Seen when rows are written ...
    let mut x = ArrayMut::<f32>::open(&path).expect("opened");
    x.flush().expect("all there");
    set_len(&path, CUT * ROW);
    x.write_rows(0, &[2.0; DIMS[1]]).expect("still there");
    is_fault(x.write_rows(CUT, &[2.0; DIMS[1]]), &path, CUT * ROW);
    is_fault(x.check(), &path, CUT * ROW);
    is_fault(x.rows(0..1, &mut TileBuffer::new()).map(<[_]>::len), &path, CUT * ROW);
    is_fault(x.rows_mut(0..1).map(|rows| rows.len()), &path, CUT * ROW);
    is_fault(x.flush(), &path, CUT * ROW);
    // ... for good, also if the file has its length again ...
    set_len(&path, ELEMENTS * 4);
    let Err(Error::Poisoned { first, .. }) = x.flush_rows(0..1) else { panic!("poisoned") };
    assert!(first.contains(&format!("from byte {} on", CUT * ROW)), "{first}");
    assert!(matches!(x.close(), Err(Error::Poisoned { .. })));
    // ... and when they were lent before.
    let mut x = ArrayMut::<f32>::open(&path).expect("as long as it was");
    let rows = x.rows_mut(0..DIMS[0]).expect("native");
    set_len(&path, CUT * ROW);
    rows[CUT * DIMS[1]..].fill(3.0);
    is_fault(x.close(), &path, CUT * ROW);
}

#[test]
fn a_file_open_for_writing_that_others_cut_append_to_or_remove() {
    type Change = fn(&Path);
    let resize: [(Change, usize); 3] = [
        // No page is lost: there is no fault, and the rows are there.
        (|path| set_len(path, ELEMENTS * 4 - 8), ELEMENTS * 4 - 8),
        (|path| set_len(path, CUT * ROW), CUT * ROW),
        (|path| set_len(path, ELEMENTS * 4 + 1), ELEMENTS * 4 + 1),
    ];
    for (change, len) in resize {
        let folder = folder();
        let path = file(folder.path());
        let x = ArrayMut::<f32>::open(&path).expect("opened");
        change(&path);
        match x.flush() {
            Err(Error::Resized { path: hit, expected, found }) => {
                assert_eq!((hit, expected, found), (path, ELEMENTS as u64 * 4, len as u64));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(x.close(), Err(Error::Poisoned { .. })));
    }
    let removals: [Change; 2] = [
        |path| fs::remove_file(path).expect("removed"),
        |path| {
            let other = path.with_extension("other");
            fs::copy(path, &other).expect("copied");
            fs::rename(other, path).expect("replaced");
        },
    ];
    for change in removals {
        let folder = folder();
        let path = file(folder.path());
        let mut x = ArrayMut::<f32>::open(&path).expect("opened");
        x.write_rows(0, &[2.0; DIMS[1]]).expect("written");
        change(&path);
        assert!(matches!(x.flush(), Err(Error::Removed { .. })));
    }
    // A new name is no loss.
    let folder = folder();
    let path = file(folder.path());
    let x = ArrayMut::<f32>::open(&path).expect("opened");
    fs::rename(&path, folder.path().join("y.dat")).expect("renamed");
    x.close().expect("it is all there");
}

#[test]
fn a_staged_array_that_is_cut_short() {
    let folder = folder();
    let path = file(folder.path());
    let before = fs::read(&path).expect("there");
    let partial = folder.path().join(".x.dat.rowmill-partial");
    for keep in [0, CUT * ROW, ELEMENTS * 4 - 4] {
        let mut x = CreateOptions::new().overwrite(true).stage::<f32>(&path, DIMS).expect("staged");
        let (rows, write_back) = x.parts().expect("in C order");
        write_back.check().expect("nothing happened");
        set_len(&partial, keep);
        rows.fill(2.0);
        let lost_a_page = keep % ROW == 0;
        if lost_a_page {
            is_fault(write_back.check(), &path, keep);
            is_fault(x.check(), &path, keep);
            is_fault(x.publish(), &path, keep);
        } else {
            assert!(matches!(x.publish(), Err(Error::Resized { .. })));
        }
        assert_eq!(fs::read(&path).expect("there"), before, "nothing is published");
        assert!(!partial.exists(), "and nothing left behind");
    }
    let x = CreateOptions::new().overwrite(true).stage::<f32>(&path, DIMS).expect("staged");
    fs::remove_file(&partial).expect("removed");
    assert!(matches!(x.publish(), Err(Error::Removed { .. })));
    assert_eq!(fs::read(&path).expect("there"), before);
}

#[test]
fn a_copy_on_write_array_that_is_cut_short() {
    let folder = folder();
    let path = file(folder.path());
    let mut x = CowArray::<f32>::open(&path).expect("opened");
    x.rows_mut(0..1).expect("native").fill(7.0);
    set_len(&path, CUT * ROW);
    let mut buffer = TileBuffer::new();
    assert_eq!(x.rows(0..1, &mut buffer).expect("still there")[0], 7.0);
    x.rows_mut(CUT..CUT + 1).expect("not known yet").fill(7.0);
    is_fault(x.check(), &path, CUT * ROW);
    is_fault(x.rows(0..1, &mut buffer).map(<[_]>::len), &path, CUT * ROW);
    is_fault(x.rows_mut(0..1).map(|rows| rows.len()), &path, CUT * ROW);
}

#[test]
fn changes_of_a_file_under_a_reader() {
    type Change = fn(&Path);
    let table: [(&str, bool, Change); 9] = [
        ("nothing", true, |_| {}),
        ("read by others", true, |path| drop(fs::read(path).expect("read"))),
        ("another is renamed over it", true, |path| {
            let other = path.with_extension("other");
            fs::write(&other, vec![7; ELEMENTS * 4]).expect("written");
            fs::rename(other, path).expect("replaced");
        }),
        ("removed", true, |path| fs::remove_file(path).expect("removed")),
        ("linked", true, |path| {
            fs::hard_link(path, path.with_extension("link")).expect("linked");
        }),
        ("overwritten by a copy", false, |path| {
            let other = path.with_extension("other");
            fs::write(&other, vec![7; ELEMENTS * 4]).expect("written");
            fs::copy(other, path).expect("copied");
        }),
        ("written to", false, |path| {
            // By another process: this one cannot while it reads the file.
            let file = File::options().write(true).open(path).expect("opened");
            std::io::Write::write_all(&mut &file, &[5; DIMS[1]]).expect("written");
        }),
        ("written to, and its time set back", false, |path| {
            let file = File::options().write(true).open(path).expect("opened");
            let before = file.metadata().expect("there").modified().expect("a time");
            std::io::Write::write_all(&mut &file, b"other").expect("written");
            file.set_modified(before).expect("set back");
        }),
        ("cut within its last page", false, |path| set_len(path, ELEMENTS * 4 - 1)),
    ];
    for (what, same, change) in table {
        for backend in [Backend::Mapped, Backend::Positioned] {
            let folder = folder();
            let path = file(folder.path());
            let x = open(&path, backend);
            a_moment();
            change(&path);
            if same {
                let rows = x.rows(0..DIMS[0], &mut TileBuffer::new()).map(<[_]>::to_vec);
                assert_eq!(rows.expect(what), [1.0; ELEMENTS], "{what}");
                x.verify().expect(what);
            } else {
                let verified = x.verify();
                let changed = matches!(&verified, Err(Error::Changed { .. }));
                assert!(changed, "{what}, {backend:?}: {verified:?}");
            }
        }
    }
}

#[test]
fn backends_are_reported() {
    let folder = folder();
    let path = file(folder.path());
    for (backend, expected) in [
        (Backend::Auto, Backend::Mapped),
        (Backend::Mapped, Backend::Mapped),
        (Backend::Positioned, Backend::Positioned),
    ] {
        let x = open(&path, backend);
        if backend == Backend::Auto && x.backend() == Backend::Positioned {
            eprintln!("NOT TESTED: files for tests are on a network or FUSE filesystem");
            continue;
        }
        assert_eq!(x.backend(), expected);
        assert_eq!(x.as_slice().is_some(), expected == Backend::Mapped);
        let any = OpenOptions::new().backend(backend).open_any(&path).expect("opened");
        assert_eq!(any.backend(), expected);
    }
    assert_eq!(Backend::default(), Backend::Auto);
    // A stand-in for FUSE, NFS and the like: a filesystem that is always there, is not a disk, and
    // whose files cannot be mapped.
    #[cfg(target_os = "linux")]
    {
        let spec = RawSpec::new(DType::U8, Shape::new([4096]).expect("small"));
        let sysfs = OpenOptions::new().spec(spec.clone()).open::<u8>("/sys/kernel/profiling");
        match sysfs {
            Ok(x) => assert_eq!(x.backend(), Backend::Positioned),
            Err(e) => eprintln!("NOT TESTED: {e}"),
        }
    }
}

#[test]
fn arrays_of_hosts_that_handle_sigbus_work_as_others() {
    let folder = folder();
    let path = folder.path().join("x.npy");
    let host = BusErrors::Host;
    let mut x = CreateOptions::new().bus_errors(host).create::<f32>(&path, DIMS).expect("created");
    x.write_rows(1, &[1.0; DIMS[1]]).expect("written");
    x.close().expect("closed");
    let options = OpenOptions::new().bus_errors(host);
    let mut x = options.open_mut::<f32>(&path).expect("opened");
    x.rows_mut(2..3).expect("native").fill(2.0);
    x.close().expect("closed");
    let mut x = options.open_cow::<f32>(&path).expect("opened");
    x.rows_mut(2..3).expect("native").fill(3.0);
    x.check().expect("nothing happened");
    let x = options.open::<f32>(&path).expect("opened");
    let column: Vec<f32> = (0..4).map(|row| x.get(&[row, 9]).expect("inside")).collect();
    assert_eq!(column, [0.0, 1.0, 2.0, 0.0]);
    x.verify().expect("nothing happened");
}
