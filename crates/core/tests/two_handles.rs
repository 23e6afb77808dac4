//! Two handles on one file in one process: elements lent to safe code do not change.

use std::path::PathBuf;

use rowmill_core::{
    Appender, Array, ArrayMut, Backend, Checksums, CowArray, CreateOptions, Error, OpenOptions,
    Sidecar, Source, TileBuffer,
};
use tempfile::TempDir;

/// A file of four rows of two zeros, in a folder of its own.
fn zeros() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    ArrayMut::<f32>::create(&path, [4, 2]).expect("created").close().expect("closed");
    (folder, path)
}

/// Such a file by each of its names.
fn names() -> (TempDir, Vec<PathBuf>) {
    let (dir, path) = zeros();
    let folder = dir.path();
    let mut names = vec![path.clone(), folder.join(".").join("x.npy")];
    #[cfg(unix)]
    {
        let hard = folder.join("hard.npy");
        std::fs::hard_link(&path, &hard).expect("a hard link");
        let soft = folder.join("soft.npy");
        std::os::unix::fs::symlink(&path, &soft).expect("a symbolic link");
        names.extend([hard, soft]);
    }
    (dir, names)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::AlsoMapped { .. }))
}

#[test]
fn files_mapped_for_reading_are_not_opened_for_writing() {
    let (_folder, names) = names();
    for first in &names {
        for second in &names {
            let reader = Array::<f32>::open(first).expect("opened");
            let all = reader.as_slice().expect("lent in place");
            let error = ArrayMut::<f32>::open(second).expect_err("it is mapped");
            let said = error.to_string();
            assert!(said.contains("Backend::Positioned"), "{said}");
            assert_eq!(all, [0.0; 8]);
            // As long as any of its clones lives.
            let clone = reader.clone();
            drop(reader);
            assert!(refused(ArrayMut::<f32>::open(second)));
            drop(clone);
            ArrayMut::<f32>::open(second).expect("nobody has it").close().expect("closed");
        }
    }
}

#[test]
fn files_open_for_writing_use_positioned_reads() {
    let (_folder, names) = names();
    for (i, first) in names.iter().enumerate() {
        for second in &names {
            let mut writer = ArrayMut::<f32>::open(first).expect("opened");
            for backend in [Backend::Auto, Backend::Mapped, Backend::Positioned] {
                let options = OpenOptions::new().backend(backend);
                let reader = options.open::<f32>(second).expect("opened");
                assert!(reader.as_slice().is_none() && reader.in_place().is_none(), "{backend:?}");
                let mut buffer = TileBuffer::new();
                let before = reader.rows(0..4, &mut buffer).expect("rows").to_vec();
                let value = i as f32 + before[7] + 1.0;
                writer.write_rows(3, &[value, value]).expect("written");
                let after = reader.rows(0..4, &mut buffer).expect("rows");
                assert_eq!((after[7], &after[..6]), (value, &before[..6]));
            }
            assert!(refused(CowArray::<f32>::open(second)));
            writer.close().expect("closed");
            let reader = Array::<f32>::open(second).expect("opened");
            assert!(reader.as_slice().is_some());
        }
    }
}

#[test]
fn private_changes_stay_beside_readers_and_keep_writers_away() {
    let (_folder, path) = zeros();
    let reader = Array::<f32>::open(&path).expect("opened");
    let mut private = CowArray::<f32>::open(&path).expect("readers do not mind");
    private.rows_mut(0..1).expect("rows").fill(7.0);
    assert_eq!(reader.as_slice(), Some(&[0.0; 8][..]));
    drop(reader);
    assert!(refused(ArrayMut::<f32>::open(&path)));
    drop(private);
    ArrayMut::<f32>::open(&path).expect("nobody has it").close().expect("closed");
}

#[test]
fn positioned_readers_do_not_exclude_writers() {
    let (_folder, path) = zeros();
    let options = OpenOptions::new().backend(Backend::Positioned);
    let reader = options.open::<f32>(&path).expect("opened");
    let mut writer = ArrayMut::<f32>::open(&path).expect("nothing is mapped");
    writer.write_rows(0, &[1.0; 8]).expect("written");
    let mut buffer = TileBuffer::new();
    assert_eq!(reader.rows(0..4, &mut buffer).expect("rows"), [1.0; 8]);
}

#[test]
fn an_unfinished_output_is_a_file_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    let mut staged = CreateOptions::new().stage::<f32>(&path, [4, 2]).expect("staged");
    let entries = std::fs::read_dir(folder.path()).expect("a folder");
    let names: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let [unfinished] = &names[..] else { panic!("{names:?}") };
    // Its name is documented, and anyone can open it.
    let reader = Array::<f32>::open(unfinished).expect("an array");
    assert!(reader.as_slice().is_none());
    staged.as_mut_slice().expect("elements").fill(1.0);
    let mut buffer = TileBuffer::new();
    assert_eq!(reader.rows(0..4, &mut buffer).expect("rows"), [1.0; 8]);
}

#[test]
fn replacing_and_appending_change_nothing_that_was_lent() {
    let (_folder, path) = zeros();
    let reader = Array::<f32>::open(&path).expect("opened");
    let all = reader.as_slice().expect("lent in place");
    let mut appender = Appender::<f32>::open(&path).expect("it maps nothing");
    appender.append_rows(&[1.0; 4]).expect("appended");
    appender.commit().expect("committed");
    appender.close().expect("closed");
    assert_eq!(all, [0.0; 8]);
    let outputs = rowmill_core::Outputs::new().overwrite(true);
    let options = CreateOptions::new().outputs(outputs);
    let mut other = options.create::<f32>(&path, [4, 2]).expect("another file");
    other.write_rows(0, &[1.0; 8]).expect("written");
    assert_eq!(all, [0.0; 8]);
    other.close().expect("closed");
}

#[test]
fn a_refused_writer_leaves_everything_as_it_was() {
    let (folder, path) = zeros();
    let mut sidecar = Sidecar::default();
    sidecar.checksums = Some(Checksums::new(4, vec![Checksums::of(&[0; 32])]));
    sidecar.write(&path).expect("written");
    let files = || {
        let entries = std::fs::read_dir(folder.path()).expect("a folder");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path())
            .map(|path| (std::fs::read(&path).expect("a file"), path))
            .collect();
        files.sort();
        files
    };
    let before = files();
    let reader = Array::<f32>::open(&path).expect("opened");
    assert!(refused(ArrayMut::<f32>::open(&path)));
    assert!(files() == before);
    // A writer that is allowed in drops the checksums, which its writes will invalidate.
    drop(reader);
    ArrayMut::<f32>::open(&path).expect("nobody has it").close().expect("closed");
    assert!(files() != before);
}

/// An unfinished file has a well-known name: its bytes are never lent as `bool`.
#[test]
fn bools_of_an_unfinished_file_are_lent_as_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("mask.npy");
    let mut staged = CreateOptions::new().stage::<bool>(&path, [2, 3]).expect("staged");
    let error = staged.as_mut_slice().expect_err("not as bool").to_string();
    assert!(error.contains("its bools may be any byte; use parts() instead"), "{error}");
    let (bytes, _) = staged.parts().expect("in C order");
    assert_eq!(bytes, [0; 6]);
    // Bytes that another process writes there are read as Rust's two values.
    bytes.copy_from_slice(&[1, 0, 2, 0xff, 0, 1]);
    staged.publish().expect("published");
    let x = Array::<bool>::open(&path).expect("there");
    let read = x.rows(0..2, &mut TileBuffer::new()).expect("read").to_vec();
    assert_eq!(read, [true, false, true, true, false, true]);
}
