//! Sidecars while the array file beside them is being replaced.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Sidecar, SidecarError};
use crate::identity::FileIdentity;
use crate::limits::MAX_SIDECAR_LEN;

/// The version of a replacement record: no plain sidecar has it, and readers that know only plain
/// ones refuse it.
const MARK: &str = "replacing 2";

/// The mark of earlier versions' records, which identify files by inode number alone.
const MARK_BY_NUMBER: &str = "replacing";

/// The sidecar of an array file that is being replaced: two descriptions, and the identity of the
/// file that each belongs to. A crash leaves the old file or the new one, and the record tells
/// which it is. A copy elsewhere is neither, and is refused; so is one that matches both.
///
/// Neither file changes while the record exists: opening one for writing
/// [settles](crate::publish::settle) the record first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// `None` if there was no file, or none that could be opened.
    pub(crate) old: Option<Described>,
    pub(crate) new: Described,
}

/// A file and its sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// By all its bytes.
    pub(crate) file: FileIdentity,
    /// `None` for a file without a sidecar.
    pub(crate) sidecar: Option<String>,
}

/// The claims of a sidecar about the file beside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) sidecar: Option<Sidecar>,
    /// The file was replaced: a hand-made sidecar that is still there belongs to the old one.
    pub(crate) replaced: bool,
    /// The claims come from a replacement record.
    pub(crate) by_record: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    rowmill: String,
    new_file: Option<FileIdentity>,
    new: Option<String>,
    old_file: Option<FileIdentity>,
    old: Option<String>,
}

/// The part of an earlier version's record that identifies it.
#[derive(Deserialize)]
struct Mark {
    rowmill: String,
}

fn json(record: &Record) -> String {
    serde_json::to_string_pretty(record).expect("numbers and texts") + "\n"
}

impl Replacement {
    /// The record as JSON. If both descriptions together exceed the length limit of a sidecar
    /// (names of very many columns), it contains neither, and the file is refused meanwhile.
    pub(crate) fn to_json(&self) -> String {
        let old = self.old.as_ref();
        let record = Record {
            rowmill: MARK.to_owned(),
            new_file: Some(self.new.file),
            new: self.new.sidecar.clone(),
            old_file: old.map(|o| o.file),
            old: old.and_then(|o| o.sidecar.clone()),
        };
        let text = json(&record);
        if text.len() as u64 <= MAX_SIDECAR_LEN {
            return text;
        }
        json(&Record { rowmill: MARK.to_owned(), ..Record::default() })
    }

    /// `None` unless the bytes are a record.
    fn parse(bytes: &[u8]) -> Option<Result<Self, SidecarError>> {
        let mark: Mark = serde_json::from_slice(bytes).ok()?;
        match &*mark.rowmill {
            MARK => {}
            MARK_BY_NUMBER => return Some(Err(SidecarError::ReplacingByNumber)),
            _ => return None,
        }
        let record: Record = serde_json::from_slice(bytes).ok()?;
        let described = |file: Option<_>, sidecar| file.map(|file| Described { file, sidecar });
        let old = described(record.old_file, record.old);
        let new = described(record.new_file, record.new);
        Some(new.map(|new| Self { old, new }).ok_or(SidecarError::Replacing))
    }

    /// Whether bytes are a record, of this version or an earlier one.
    pub(crate) fn is(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_some()
    }
}

impl Sidecar {
    /// The claims of a sidecar of rowmill's own form about the file beside it, also while that is
    /// being replaced. `file` identifies the file by all its bytes; it is called only then.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); [`SidecarError::Replacing`] if the file is neither the old one
    /// nor the new one, [`SidecarError::ReplacingByNumber`], [`SidecarError::File`].
    pub(crate) fn read(
        bytes: &[u8],
        file: impl FnOnce() -> io::Result<FileIdentity>,
    ) -> Result<Claims, SidecarError> {
        let error = match Self::parse(bytes) {
            Ok(plain) => return Ok(Claims { sidecar: Some(plain), ..Claims::default() }),
            Err(too_long @ SidecarError::TooLong { .. }) => return Err(too_long),
            Err(error) => error,
        };
        let record = Replacement::parse(bytes).ok_or(error)??;
        let file = file().map_err(|source| SidecarError::File { source })?;
        let is_new = record.new.file == file;
        let old = record.old.filter(|old| old.file == file);
        let (text, replaced) = match (is_new, old) {
            (true, None) => (record.new.sidecar, true),
            (false, Some(old)) => (old.sidecar, false),
            _ => return Err(SidecarError::Replacing),
        };
        let sidecar = text.as_ref().map(|text| Self::parse(text.as_bytes())).transpose()?;
        Ok(Claims { sidecar, replaced, by_record: true })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "{\"rowmill\": 1, \"dtype\": \"<f4\", \"shape\": [3]}";
    const NEW: &str = "{\"rowmill\": 1, \"dtype\": \"<i8\", \"shape\": [3]}";

    /// Stands for a file, by its number alone.
    fn file(number: u8) -> FileIdentity {
        let mut bytes = [0; FileIdentity::BYTES];
        (bytes[0], bytes[1]) = (1, number);
        FileIdentity::from_bytes(&bytes).expect("its own form")
    }

    fn record(old: Option<(u8, Option<&str>)>, new: (u8, Option<&str>)) -> Vec<u8> {
        let described = |(number, text): (u8, Option<&str>)| Described {
            file: file(number),
            sidecar: text.map(str::to_owned),
        };
        let record = Replacement { old: old.map(described), new: described(new) };
        let text = record.to_json();
        let read = Replacement::parse(text.as_bytes()).expect("a record").expect("its own");
        assert_eq!(read, record);
        text.into_bytes()
    }

    fn read(bytes: &[u8], number: u8) -> Result<Claims, SidecarError> {
        Sidecar::read(bytes, || Ok(file(number)))
    }

    fn plain(text: &str) -> Option<Sidecar> {
        Some(Sidecar::parse(text.as_bytes()).expect("plain"))
    }

    #[test]
    fn the_identity_tells_which_it_is() {
        let bytes = record(Some((7, Some(OLD))), (8, Some(NEW)));
        let claims = |sidecar, replaced| Claims { sidecar, replaced, by_record: true };
        assert_eq!(read(&bytes, 7).expect("old"), claims(plain(OLD), false));
        assert_eq!(read(&bytes, 8).expect("new"), claims(plain(NEW), true));
        for other in [9, 0] {
            assert!(matches!(read(&bytes, other), Err(SidecarError::Replacing)));
        }
        let none = record(None, (8, None));
        assert_eq!(read(&none, 8).expect("new"), claims(None, true));
        assert!(matches!(read(&none, 7), Err(SidecarError::Replacing)));
        let both = record(Some((8, Some(OLD))), (8, Some(NEW)));
        assert!(matches!(read(&both, 8), Err(SidecarError::Replacing)), "not guessed");
        let unreadable = Sidecar::read(&none, || Err(io::ErrorKind::PermissionDenied.into()));
        assert!(matches!(unreadable, Err(SidecarError::File { .. })));
        // A plain sidecar is unaffected, and a record is not a plain sidecar.
        let of_plain = Sidecar::read(OLD.as_bytes(), || unreachable!("not asked")).expect("plain");
        assert!(of_plain.sidecar == plain(OLD) && !of_plain.by_record);
        assert!(matches!(Sidecar::parse(&bytes), Err(SidecarError::WrongType { .. })));
    }

    /// An earlier version's record, for the file that has its number now.
    #[test]
    fn records_by_number_alone_are_refused_with_a_way_out() {
        let by_number = "{\"rowmill\": \"replacing\", \"new_inode\": 8, \"new\": null, \
                         \"had_old\": true, \"old_inode\": 7, \"old\": null}";
        for number in [7, 8, 9] {
            let refused = read(by_number.as_bytes(), number).expect_err("not guessed");
            assert!(matches!(refused, SidecarError::ReplacingByNumber));
            let text = refused.to_string();
            assert!(text.contains("number alone") && text.contains("\"old\" or \"new\""), "{text}");
        }
    }

    #[test]
    fn records_that_are_too_long_are_refused() {
        let long = Described { file: file(8), sidecar: Some("x".repeat(1 << 20)) };
        let record = Replacement { old: None, new: long };
        let bytes = record.to_json().into_bytes();
        assert!(bytes.len() < 1000);
        assert!(matches!(read(&bytes, 8), Err(SidecarError::Replacing)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(cut in 0..600_usize, at in 0..600_usize, byte: u8) {
            let mut bytes = record(Some((7, Some(OLD))), (8, Some(NEW)));
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut.max(1));
            let _ = read(&bytes, 8);
        }
    }
}
