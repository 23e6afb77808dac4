//! The state after a crash between any two steps, with every kind of old and new array.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::array::{AnyArray, Array, ArrayMut, CreateOptions, open};
use crate::fs::Kind;
use crate::identity::{WITHOUT_BIRTH_TIMES, until_given_out_again, with_the_number_of};
use crate::match_array;
use crate::shape::Order;

/// Hard links to every file in a folder, which keep their contents when the names are replaced.
fn links(folder: &Path, name: &str) -> PathBuf {
    let to = folder.with_file_name(name);
    fs::create_dir(&to).expect("a folder");
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::hard_link(entry.path(), to.join(entry.file_name())).expect("linked");
    }
    to
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry"));
    let named = |e: fs::DirEntry| {
        let name = e.file_name().into_string().expect("unicode");
        (name, fs::read(e.path()).expect("read"))
    };
    entries.map(named).collect()
}

/// An array as a reader sees it: dtype, shape, order, columns and every element.
fn seen(path: &Path) -> Result<String> {
    let x: AnyArray = open(path)?;
    let all = match_array!(&x, x => {
        let mut buffer = crate::tile::TileBuffer::new();
        let rows = crate::view::Source::rows(x, 0..x.shape().rows(), &mut buffer)?;
        format!("{rows:?}")
    });
    let Meta { dtype, order, shape, columns, .. } = x.meta();
    Ok(format!("{dtype} {shape} {order:?} {columns:?} {all}"))
}

/// Makes the old array.
type Before = fn(&Path);

fn nothing(_: &Path) {}

fn plain(path: &Path) {
    let mut x = CreateOptions::new().overwrite(true).create::<f32>(path, [4, 2]).expect("created");
    x.write_rows(0, &[1.0; 8]).expect("written");
    x.close().expect("closed");
}

fn with_columns(path: &Path) {
    let options = CreateOptions::new().overwrite(true).columns(["old a", "old b"]);
    let mut x = options.create::<i32>(path, [4, 2]).expect("created");
    x.write_rows(0, &[2; 8]).expect("written");
    x.close().expect("closed");
}

#[test]
fn every_crash_leaves_the_old_array_or_the_new_one() {
    let olds: [(&str, Before); 3] =
        [("nothing", nothing), ("plain", plain), ("with columns", with_columns)];
    let news = [
        CreateOptions::new(),
        CreateOptions::new().columns(["new a", "new b"]),
        CreateOptions::new().order(Order::F),
    ];
    let mut steps_seen = 0;
    for name in ["x.npy", "x.dat"] {
        for (what, before) in olds {
            for options in &news {
                let dir = tempfile::tempdir().expect("a folder");
                let work = dir.path().join("work");
                fs::create_dir(&work).expect("a folder");
                let path = work.join(name);
                before(&path);
                let old = seen(&path).ok();
                let mut staged =
                    options.clone().overwrite(true).stage::<u32>(&path, [4, 2]).expect("staged");
                // In Fortran order it stays zero, which identifies it as well.
                if let Ok(all) = staged.as_mut_slice() {
                    all.fill(7);
                }
                // The folder as it is on disk at each step, with the same inodes.
                let mut crashed = vec![("before".to_owned(), links(&work, "before"))];
                let mut watch = |step: Step| {
                    let at = format!("{step:?}");
                    crashed.push((at.clone(), links(&work, &at)));
                };
                let array = staged.publish_watched(&mut watch).expect("published");
                drop(array);
                let new = seen(&path).expect("the new one");
                steps_seen += crashed.len();
                for (step, folder) in &crashed {
                    let renamed = !matches!(step.as_str(), "before" | "Recorded");
                    let expected = if renamed { Some(&new) } else { old.as_ref() };
                    let found = seen(&folder.join(name));
                    let case = format!("{name}: {what} then {options:?}, after {step}");
                    match (&found, expected) {
                        (Ok(found), Some(expected)) => assert_eq!(found, expected, "{case}"),
                        (Err(_), None) => {}
                        _ => panic!("{case}: {found:?}, expected {expected:?}"),
                    }
                }
                for (step, folder) in &crashed {
                    let case = format!("{name}: {what} then {options:?}, after {step}");
                    // Whatever a crash left, the next writer can proceed.
                    let mut x = CreateOptions::new()
                        .overwrite(true)
                        .create::<u16>(folder.join(name), [3])
                        .unwrap_or_else(|e| panic!("{case}: {e}"));
                    x.write_rows(0, &[5, 6, 7]).expect("written");
                    x.close().expect("closed");
                    let again = Array::<u16>::open(folder.join(name)).expect("opened");
                    assert_eq!(again.as_slice(), Some(&[5, 6, 7][..]), "{case}");
                    assert!(again.meta().columns.is_none(), "{case}");
                }
            }
        }
    }
    assert!(steps_seen > 50, "{steps_seen}");
}

#[test]
fn a_copy_of_a_crashed_replacement_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let (work, copy) = (dir.path().join("work"), dir.path().join("copy"));
    fs::create_dir(&work).expect("a folder");
    fs::create_dir(&copy).expect("a folder");
    let path = work.join("x.dat");
    with_columns(&path);
    let options = CreateOptions::new().overwrite(true);
    let staged = options.stage::<f32>(&path, [4, 2]).expect("staged");
    let mut watch = |step| {
        if step == Step::Renamed {
            for (name, bytes) in contents(&work) {
                fs::write(copy.join(name), bytes).expect("copied");
            }
        }
    };
    staged.publish_watched(&mut watch).expect("published").close().expect("closed");
    let refused = open(copy.join("x.dat")).expect_err("neither").to_string();
    assert!(refused.contains("was being replaced when its writer stopped"), "{refused}");
}

/// The result of a crash after this step, in a folder of its own: the old array has columns, and so
/// has the new one.
fn crashed_after(step: Step, dir: &Path, name: &str) -> PathBuf {
    let work = dir.join("work");
    fs::create_dir(&work).expect("a folder");
    let path = work.join(name);
    with_columns(&path);
    let options = CreateOptions::new().overwrite(true).columns(["new a", "new b"]);
    let mut staged = options.stage::<u32>(&path, [4, 2]).expect("staged");
    staged.as_mut_slice().expect("in C order").fill(7);
    let mut crashed = None;
    let mut watch = |now| {
        if now == step {
            crashed = Some(links(&work, "crashed"));
        }
    };
    staged.publish_watched(&mut watch).expect("published").close().expect("closed");
    fs::remove_dir_all(&work).expect("ours");
    crashed.expect("seen").join(name)
}

#[test]
fn a_number_given_out_again_is_not_the_file_of_a_record() {
    for without_birth_times in [false, true] {
        WITHOUT_BIRTH_TIMES.set(without_birth_times);
        for name in ["x.dat", "x.npy"] {
            for step in [Step::Recorded, Step::Renamed] {
                until_given_out_again("a replacement", || {
                    let dir = tempfile::tempdir().expect("a folder");
                    let path = crashed_after(step, dir.path(), name);
                    seen(&path).expect("told by the record");
                    let mut other = fs::read(&path).expect("there");
                    *other.last_mut().expect("not empty") ^= 1;
                    let again = with_the_number_of(&path, &other);
                    if again {
                        let refused = seen(&path).expect_err("another file").to_string();
                        assert!(refused.contains("neither the old one nor"), "{refused}");
                    }
                    again
                });
            }
        }
    }
}

/// The record identifies files by their bytes, so it has to be removed before those change.
#[test]
fn writing_after_a_crash_settles_the_record() {
    for name in ["x.npy", "x.dat"] {
        for step in [Step::Recorded, Step::Renamed] {
            for appends in [false, true] {
                let dir = tempfile::tempdir().expect("a folder");
                let path = crashed_after(step, dir.path(), name);
                let (expected, rows) = if step == Step::Recorded {
                    (["old a", "old b"], change::<i32>(&path, appends, 2))
                } else {
                    (["new a", "new b"], change::<u32>(&path, appends, 7))
                };
                let case = format!("{name} {step:?} {appends}");
                let sidecar = fs::read(Sidecar::path_for(&path)).expect(&case);
                let sidecar = Sidecar::parse(&sidecar).expect(&case);
                assert_eq!(sidecar.columns.as_deref(), Some(&expected.map(str::to_owned)[..]));
                assert!(seen(&path).expect(&case).ends_with(&rows), "{case}");
            }
        }
    }
}

/// Changes the first row or appends one; returns a description of the resulting elements.
fn change<T: crate::element::Element>(path: &Path, appends: bool, now: u8) -> String {
    let value = |byte: u8| T::load(bytemuck::pod_read_unaligned(&u32::from(byte).to_ne_bytes()));
    let (new, now) = ([value(9); 2], [value(now); 8]);
    if appends {
        let mut x = crate::durable::Appender::<T>::open(path).expect("opened");
        x.append_rows(&new).expect("appended");
        x.close().expect("closed");
        return format!("{:?}", [&now[..], &new].concat());
    }
    let mut x = ArrayMut::<T>::open(path).expect("opened");
    x.write_rows(0, &new).expect("written");
    x.close().expect("closed");
    format!("{:?}", [&new[..], &now[2..]].concat())
}

#[test]
fn a_journal_of_the_array_that_is_replaced_goes_with_it() {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, options) in
        [("x.npy", CreateOptions::new()), ("y.npy", CreateOptions::new().columns(["a", "b"]))]
    {
        let options = options.overwrite(true);
        let path = dir.path().join(name);
        plain(&path);
        let x = ArrayMut::<f32>::open(&path).expect("opened");
        let head =
            crate::durable::JournalHead { job: String::new(), fitted: Vec::new(), record_len: 1 };
        drop(x.start_journal(&head).expect("room"));
        drop(x);
        assert!(matches!(open(&path), Err(Error::Unfinished { .. })));
        options.create::<f32>(&path, [4, 2]).expect("replaced").close().expect("closed");
        open(&path).expect("a new array");
        assert!(!crate::durable::Journal::path_for(&path).exists());
    }
}

#[test]
fn a_failure_before_the_rename_leaves_all_as_it_was() {
    for (name, before) in [("x.dat", plain as Before), ("z.npy", with_columns)] {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(name);
        before(&path);
        let old = contents(dir.path());
        let options = CreateOptions::new().overwrite(true).columns(["a"]);
        let staged = options.stage::<u8>(&path, [9, 1]).expect("staged");
        let mut watch = |step| {
            // Blocks the rename.
            if step == Step::Recorded {
                fs::remove_file(&path).expect("removed");
                fs::create_dir(&path).expect("a folder");
            }
        };
        let failed = staged.publish_watched(&mut watch).expect_err("a folder is in the way");
        assert!(matches!(failed, Error::OtherKind { found: Kind::Folder, .. }), "{failed}");
        fs::remove_dir(&path).expect("removed");
        fs::write(&path, &old[name]).expect("put back");
        assert_eq!(contents(dir.path()), old);
    }
}

#[test]
fn a_published_file_is_read_again() {
    let dir = tempfile::tempdir().expect("a folder");
    // A raw file with the name of another format does not read back.
    let path = dir.path().join("x.npy");
    let options = CreateOptions::new().format(Format::Raw);
    let failed = options.create::<f32>(&path, [2]).expect_err("not readable").to_string();
    assert!(failed.contains("does not read back as what it is: expected Raw <f4 (2,)"), "{failed}");
    let path = dir.path().join("y.npy");
    let unchecked = options.validate(false);
    unchecked.create::<f32>(&path, [2]).expect("nobody looks").close().expect("closed");
    assert!(open(&path).is_err());
}

#[test]
fn an_equal_sidecar_takes_one_rename() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["x.dat", "x.npy"] {
        let path = dir.path().join(name);
        plain(&path);
        let options = CreateOptions::new().overwrite(true);
        let staged = options.stage::<f32>(&path, [4, 2]).expect("staged");
        let mut steps = Vec::new();
        staged.publish_watched(&mut |step| steps.push(step)).expect("published");
        assert_eq!(steps, [Step::Done]);
    }
}

#[test]
fn readers_that_opened_the_old_file_are_not_told_the_new_sidecar() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.dat");
    plain(&path);
    let mut old = File::open(&path).expect("opened");
    with_columns(&path); // as long, another dtype
    let len = old.metadata().expect("a length").len();
    let found = read_meta(&path, &mut old, len, None);
    assert!(matches!(found, Err(Error::Changed { .. })), "{found:?}");
    let x = ArrayMut::<i32>::open(&path).expect("the new one");
    assert_eq!(x.meta().columns.as_ref().map(Vec::len), Some(2));
}
