//! Journals: intact, torn, damaged, and of other arrays.

use super::done::done_path;
use super::*;
use crate::identity::{WITHOUT_BIRTH_TIMES, until_given_out_again, with_the_number_of};

fn head() -> JournalHead {
    JournalHead { job: "twice".to_owned(), fitted: vec![1, 2, 3], record_len: 100 }
}

fn array() -> (tempfile::TempDir, PathBuf, File) {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("x.npy");
    fs::write(&path, b"0123").expect("room");
    let file = File::open(&path).expect("just made");
    (dir, path, file)
}

/// Four bytes, the first of which is the header.
fn rows() -> Rows {
    let shape = crate::shape::Shape::new([3]).expect("small");
    Rows::of(&crate::format::Meta {
        format: crate::format::Format::Npy,
        dtype: crate::dtype::DType::U8,
        byte_order: crate::dtype::ByteOrder::NATIVE,
        order: crate::shape::Order::C,
        shape,
        offset: 1,
        columns: None,
        record: None,
    })
}

#[test]
fn the_newest_whole_record_counts() {
    let (_dir, path, file) = array();
    let place = Journal::path_for(&path);
    assert!(Journal::open(&path, &file).expect("none").is_none());
    let mut journal = Journal::create(&path, &file, rows(), &head()).expect("room");
    let found = || Journal::open(&path, &file).expect("whole").expect("there");
    assert!(found().1 == head() && found().2.is_none());
    let record = |items: Range<u64>, byte| {
        let data = vec![byte; 10 * (items.end - items.start) as usize];
        JournalRecord { items, data }
    };
    let records = [record(0..3, 1), record(3..6, 2), record(6..7, 3)];
    for record in &records {
        journal.write(record.items.clone(), &record.data).expect("room");
        assert_eq!(found().2.as_ref(), Some(record));
    }
    // The last one is torn: the one before counts.
    let whole = fs::read(&place).expect("there");
    let third = whole.windows(10).position(|data| data == [3; 10]).expect("the third record");
    for at in [third, third + 9, third - 1, third - RECORD_HEAD] {
        let mut torn = whole.clone();
        torn[at] ^= 1;
        fs::write(&place, &torn).expect("written");
        assert_eq!(found().2.as_ref(), Some(&records[1]), "byte {at}");
    }
    // Through a link it is the same journal.
    #[cfg(unix)]
    {
        let link = path.with_file_name("link");
        std::os::unix::fs::symlink(&path, &link).expect("room");
        refuse_unfinished(&link, &file).expect_err("unfinished");
    }
    // It continues with the next number.
    let (mut journal, _, _) = found();
    journal.write(6..7, &[9; 10]).expect("room");
    assert_eq!(found().2, Some(record(6..7, 9)));
    journal.remove().expect("ours");
    assert!(Journal::open(&path, &file).expect("none").is_none());
    refuse_unfinished(&path, &file).expect("finished");
}

#[test]
fn a_note_holds_for_one_job_and_one_state() {
    let (_dir, path, file) = array();
    let done = |job| was_done(&path, &file, job).expect("readable");
    assert!(!done("twice"));
    mark_done(&path, &file, "twice").expect("room");
    assert!(done("twice") && !done("thrice"));
    fs::write(done_path(&path), b"{}").expect("room");
    assert!(!done("twice"));
    mark_done(&path, &file, "twice").expect("room");
    fs::write(&path, b"01234").expect("room");
    assert!(!done("twice"), "somebody wrote to it");
}

#[test]
fn damage_and_other_arrays_are_refused() {
    let (dir, path, file) = array();
    let place = Journal::path_for(&path);
    Journal::create(&path, &file, rows(), &head()).expect("room");
    let refused = refuse_unfinished(&path, &file).expect_err("unfinished");
    assert!(matches!(&refused, Error::Unfinished { journal, .. } if *journal == place));
    let whole = fs::read(&place).expect("there");
    let of_array = crate::identity::FileIdentity::BYTES + 8 + 1 + 8;
    let head_len = HEAD + 3 * 8 + of_array + 5 + 3 + 8 + 8;
    for at in 0..head_len {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&place, &damaged).expect("written");
        let error = Journal::open(&path, &file).expect_err("damaged").to_string();
        assert!(error.contains(".x.npy.rowmill-journal"), "byte {at}: {error}");
    }
    for len in (0..=head_len).chain([whole.len() - 1]) {
        fs::write(&place, &whole[..len]).expect("written");
        let error = Journal::open(&path, &file).expect_err("cut off");
        let is_damage =
            matches!(error, Error::Journal { source: JournalError::Damaged { .. }, .. });
        assert!(is_damage, "cut at {len}: {error}");
    }
    // Buffers have the size in the head, which must match the space in the file.
    for record_len in [101, u64::MAX - 47, u64::MAX] {
        let (_, of) = parse_head(&whole[..head_len]).expect("whole");
        let claims = JournalHead { record_len, ..head() }.to_bytes(&of);
        fs::write(&place, [&claims, &whole[head_len..]].concat()).expect("written");
        let error = Journal::open(&path, &file).expect_err("larger than it is").to_string();
        assert!(error.contains("no room for its records"), "{error}");
    }
    fs::write(&place, &whole).expect("written");
    let mut earlier = whole.clone();
    earlier[8] = 1;
    fs::write(&place, &earlier).expect("written");
    let error = refuse_unfinished(&path, &file).expect_err("by an earlier version").to_string();
    assert!(error.contains("version 1") && error.contains("finish the job with the release"));
    fs::write(&place, &whole).expect("written");
    let open = |bytes: &[u8]| {
        let other = dir.path().join("other");
        fs::write(&other, bytes).expect("room");
        fs::rename(&other, &path).expect("replaced");
        File::open(&path).expect("there")
    };
    let is_other = |e| matches!(e, Error::Journal { source: JournalError::OtherArray, .. });
    // A file of the same shape, or a copy with old and new rows.
    let copy = open(b"0923");
    assert!(is_other(Journal::open(&path, &copy).expect_err("another file")));
    assert!(is_other(refuse_unfinished(&path, &copy).expect_err("not guessed")));
    for replaced in [open(b"01234"), open(b"9123")] {
        assert!(is_other(Journal::open(&path, &replaced).expect_err("another file")));
        refuse_unfinished(&path, &replaced).expect("certainly another file");
    }
}

/// The head of version 2 differs in its length alone, which counted the checksum.
#[test]
fn journals_of_version_2_are_read() {
    let (_dir, path, file) = array();
    let place = Journal::path_for(&path);
    let mut journal = Journal::create(&path, &file, rows(), &head()).expect("room");
    journal.write(0..1, b"X").expect("room");
    let mut earlier = fs::read(&place).expect("there");
    let len = u64::from_le_bytes(*earlier[12..].first_chunk().expect("a length"));
    let end = HEAD + len as usize;
    earlier[8] = 2;
    earlier[12..HEAD].copy_from_slice(&(len + 8).to_le_bytes());
    let sum = crate::format::Checksums::of(&earlier[..end]).to_le_bytes();
    earlier[end..end + 8].copy_from_slice(&sum);
    fs::write(&place, &earlier).expect("written");
    let (_, found, record) = Journal::open(&path, &file).expect("whole").expect("there");
    assert_eq!((found, record.map(|r| r.data)), (head(), Some(b"X".to_vec())));
    earlier[12] ^= 8;
    fs::write(&place, &earlier).expect("written");
    Journal::open(&path, &file).expect_err("another length");
}

#[test]
fn the_rest_of_the_array_is_as_the_job_left_it() {
    let (_dir, path, file) = array();
    let change = |bytes: &[u8]| {
        let file = fs::OpenOptions::new().write(true).open(&path);
        file.and_then(|mut file| file.write_all(bytes)).expect("room");
    };
    let changed = || match Journal::open(&path, &file) {
        Ok(_) => false,
        Err(Error::Journal { source: JournalError::ArrayChanged, .. }) => true,
        Err(error) => panic!("{error}"),
    };
    let mut journal = Journal::create(&path, &file, rows(), &head()).expect("room");
    for (bytes, expected) in [(b"0123", false), (b"0124", true), (b"0133", true)] {
        change(bytes);
        assert_eq!(changed(), expected, "{bytes:?}, no row was changed");
    }
    change(b"0123");
    // The second row is being written: it may be torn.
    journal.write(1..2, b"X").expect("room");
    for (bytes, expected) in [(b"01X3", false), (b"01x3", false), (b"0X23", true), (b"01XX", true)]
    {
        change(bytes);
        assert_eq!(changed(), expected, "{bytes:?}");
    }
    // It is refused as unfinished whatever it holds.
    assert!(matches!(refuse_unfinished(&path, &file), Err(Error::Unfinished { .. })));
}

#[test]
fn a_number_given_out_again_is_not_the_array_of_a_journal() {
    for without_birth_times in [false, true] {
        WITHOUT_BIRTH_TIMES.set(without_birth_times);
        // Another header, other rows.
        for bytes in [b"9123", b"0129"] {
            until_given_out_again("a job in place", || {
                let (_dir, path, file) = array();
                let mut journal = Journal::create(&path, &file, rows(), &head()).expect("room");
                journal.write(0..1, b"X").expect("room");
                drop((journal, file));
                let again = with_the_number_of(&path, bytes);
                if again {
                    let file = File::open(&path).expect("there");
                    let refused = Journal::open(&path, &file).expect_err("another file");
                    assert!(matches!(refused, Error::Journal { .. }), "{refused}");
                    if bytes[0] == b'0' {
                        refuse_unfinished(&path, &file).expect_err("not guessed");
                    }
                }
                again
            });
        }
    }
}

/// In the form of an earlier version.
#[test]
fn notes_of_earlier_versions_are_read() {
    let (_dir, path, file) = array();
    let done = |job| was_done(&path, &file, job).expect("readable");
    mark_done(&path, &file, "twice").expect("room");
    let note = fs::read(done_path(&path)).expect("there");
    let note: serde_json::Value = serde_json::from_slice(&note).expect("JSON");
    let array = &note["array"];
    let earlier = serde_json::json!({
        "job": "twice",
        "array": {
            "len": array["file"]["len"],
            "modified": array["modified"],
            "changed": array["changed"],
            "number": array["file"]["number"].as_u64().unwrap_or(0),
        }
    });
    fs::write(done_path(&path), earlier.to_string()).expect("room");
    assert!(done("twice") && !done("thrice"));
    fs::write(&path, b"012").expect("room");
    assert!(!done("twice"));
}
