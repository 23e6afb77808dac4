//! Two handles on one file in one process: memory lent to safe code never changes.

use std::path::PathBuf;

use rowmill_core::{
    Appender, Array, ArrayMut, Backend, Checksums, CowArray, CreateOptions, DType, Error,
    OpenOptions, RawSpec, Shape, Sidecar, Source, TileBuffer,
};
use tempfile::TempDir;

/// Creates a file of four rows of two zeros, in its own folder.
fn zeros() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    ArrayMut::<f32>::create(&path, [4, 2]).expect("created").close().expect("closed");
    (folder, path)
}

/// Creates such a file with several names.
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
fn mapped_files_cannot_be_opened_for_writing() {
    let (_folder, names) = names();
    for first in &names {
        for second in &names {
            let reader = Array::<f32>::open(first).expect("opened");
            let all = reader.as_slice().expect("lent in place");
            let error = ArrayMut::<f32>::open(second).expect_err("it is mapped");
            let said = error.to_string();
            assert!(said.contains("Backend::Positioned"), "{said}");
            assert_eq!(all, [0.0; 8]);
            // The mapping lasts as long as any clone.
            let clone = reader.clone();
            drop(reader);
            assert!(refused(ArrayMut::<f32>::open(second)));
            drop(clone);
            ArrayMut::<f32>::open(second).expect("not in use").close().expect("closed");
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
fn private_changes_block_writers_but_not_readers() {
    let (_folder, path) = zeros();
    let reader = Array::<f32>::open(&path).expect("opened");
    let mut private = CowArray::<f32>::open(&path).expect("readers do not mind");
    private.rows_mut(0..1).expect("rows").fill(7.0);
    assert_eq!(reader.as_slice(), Some(&[0.0; 8][..]));
    drop(reader);
    assert!(refused(ArrayMut::<f32>::open(&path)));
    drop(private);
    ArrayMut::<f32>::open(&path).expect("not in use").close().expect("closed");
}

#[test]
fn positioned_readers_do_not_block_writers() {
    let (_folder, path) = zeros();
    let options = OpenOptions::new().backend(Backend::Positioned);
    let reader = options.open::<f32>(&path).expect("opened");
    let mut writer = ArrayMut::<f32>::open(&path).expect("nothing is mapped");
    writer.write_rows(0, &[1.0; 8]).expect("written");
    let mut buffer = TileBuffer::new();
    assert_eq!(reader.rows(0..4, &mut buffer).expect("rows"), [1.0; 8]);
}

#[test]
fn an_unfinished_output_can_be_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    let mut staged = CreateOptions::new().stage::<f32>(&path, [4, 2]).expect("staged");
    let entries = std::fs::read_dir(folder.path()).expect("a folder");
    let names: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let [unfinished] = &names[..] else { panic!("{names:?}") };
    // Its name is documented, so anyone can open it.
    let reader = Array::<f32>::open(unfinished).expect("an array");
    assert!(reader.as_slice().is_none());
    staged.as_mut_slice().expect("elements").fill(1.0);
    let mut buffer = TileBuffer::new();
    assert_eq!(reader.rows(0..4, &mut buffer).expect("rows"), [1.0; 8]);
}

#[test]
fn replacing_and_appending_keep_lent_memory() {
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
    // A writer that succeeds removes the checksums, because they will no longer match.
    drop(reader);
    ArrayMut::<f32>::open(&path).expect("not in use").close().expect("closed");
    assert!(files() != before);
}

/// An unfinished file has a name that everybody knows: its bytes are never lent as `bool`.
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

/// A new array of two rows of zeros, and a hard link to it, in a folder of its own.
fn linked(name: &str) -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, link) = (dir.path().join(name), dir.path().join("link.dat"));
    ArrayMut::<u8>::create(&path, [2, 4]).expect("created").close().expect("closed");
    std::fs::hard_link(&path, &link).expect("a link");
    (dir, path, link)
}

/// A hard link of a raw file, read as if rows that are not committed were part of it.
#[test]
fn uncommitted_rows_are_never_lent() {
    let (_dir, path, link) = linked("x.dat");
    let spec = |rows: usize| RawSpec::new(DType::U8, Shape::new([rows, 4]).expect("small"));
    let before = Array::<u8>::open_raw(&link, &spec(2)).expect("opened before");
    assert_eq!(before.as_slice(), Some(&[0; 8][..]));
    let mut appender = Appender::<u8>::open(&path).expect("beside a reader");
    appender.append_rows(&[1; 1 << 16]).expect("appended");
    let rows = std::fs::metadata(&link).expect("there").len() as usize / 4;
    if let Ok(meanwhile) = Array::<u8>::open_raw(&link, &spec(rows)) {
        assert_eq!(meanwhile.as_slice(), None);
        assert_eq!(meanwhile.backend(), Backend::Positioned);
    }
    drop(appender);
    assert_eq!(before.as_slice(), Some(&[0; 8][..]));
}

/// Rows that a killed appender left are not taken back while a reader has them mapped.
#[test]
fn a_mapped_rest_is_not_taken_back() {
    let (dir, path, link) = linked("x.npy");
    let appender = || Appender::<u8>::open(&path);
    // As after a kill: rows behind the last one, and the journal that says so.
    let mut first = appender().expect("nobody else");
    first.append_rows(&[1; 1 << 22]).expect("appended");
    let (journal, longer) = (dir.path().join(".x.npy.rowmill-append"), std::fs::read(&path));
    let (said, longer) = (std::fs::read(&journal).expect("a journal"), longer.expect("read"));
    drop(first);
    let mut file = std::fs::File::options().write(true).open(&path).expect("there");
    std::io::Write::write_all(&mut file, &longer).expect("written");
    drop(file);
    std::fs::write(&journal, said).expect("written");
    let spec = RawSpec::new(DType::U8, Shape::new([longer.len()]).expect("small"));
    let reader = Array::<u8>::open_raw(&link, &spec).expect("any bytes");
    assert!(reader.as_slice().is_some_and(|bytes| bytes == longer));
    assert!(matches!(appender(), Err(Error::AlsoMapped { .. })));
    assert!(reader.as_slice().is_some_and(|bytes| bytes == longer));
    drop(reader);
    assert_eq!(appender().expect("nobody reads it").rows(), 2);
}
