//! Sidecars while the array file beside them is being replaced.

use serde::{Deserialize, Serialize};

use super::{MAX_SIDECAR_LEN, Sidecar, SidecarError};

/// What a record of a replacement has in the place of the version: no plain sidecar has it, and
/// whoever knows only plain ones refuses it.
const MARK: &str = "replacing";

/// What a sidecar says while its array file is being replaced: two descriptions, and which file each
/// belongs to. A crash leaves the old file or the new one, and then this tells which it is.
///
/// Files are told apart by inode, without the device: the numbers of devices change from one boot to
/// the next, and both files are in one folder. Copied elsewhere the file is neither, and is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// `None` when there was no file, or none that could be opened.
    pub(crate) old: Option<Described>,
    pub(crate) new: Described,
}

/// A file and its sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// `None` where the system has no such numbers: then it is recognized by nothing.
    pub(crate) inode: Option<u64>,
    /// `None` for a file without a sidecar.
    pub(crate) sidecar: Option<String>,
}

/// What a sidecar says about the file beside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) sidecar: Option<Sidecar>,
    /// The file was replaced: a hand-made sidecar that is still there belongs to the old one.
    pub(crate) replaced: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    rowmill: String,
    new_inode: Option<u64>,
    new: Option<String>,
    had_old: bool,
    old_inode: Option<u64>,
    old: Option<String>,
}

fn json(record: &Record) -> String {
    // Numbers and texts: there is nothing that JSON could not say.
    serde_json::to_string_pretty(record).unwrap_or_default() + "\n"
}

impl Replacement {
    /// The record as JSON. Where both descriptions together are longer than any sidecar that is read
    /// (names of very many columns), it names neither, and the file is refused meanwhile.
    pub(crate) fn to_json(&self) -> String {
        let old = self.old.as_ref();
        let record = Record {
            rowmill: MARK.to_owned(),
            new_inode: self.new.inode,
            new: self.new.sidecar.clone(),
            had_old: old.is_some(),
            old_inode: old.and_then(|o| o.inode),
            old: old.and_then(|o| o.sidecar.clone()),
        };
        let text = json(&record);
        if text.len() as u64 <= MAX_SIDECAR_LEN {
            return text;
        }
        json(&Record { rowmill: MARK.to_owned(), ..Record::default() })
    }

    /// `None` for anything but a record.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let record: Record = serde_json::from_slice(bytes).ok()?;
        if record.rowmill != MARK {
            return None;
        }
        let old = Described { inode: record.old_inode, sidecar: record.old };
        Some(Self {
            old: record.had_old.then_some(old),
            new: Described { inode: record.new_inode, sidecar: record.new },
        })
    }
}

impl Sidecar {
    /// What a sidecar of rowmill's own form says about the file with this inode beside it, also
    /// while that is being replaced.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); [`SidecarError::Replacing`] when the file is neither the old one
    /// nor the new one.
    pub(crate) fn read(bytes: &[u8], inode: Option<u64>) -> Result<Said, SidecarError> {
        let error = match Self::parse(bytes) {
            Ok(plain) => return Ok(Said { sidecar: Some(plain), replaced: false }),
            Err(too_long @ SidecarError::TooLong { .. }) => return Err(too_long),
            Err(error) => error,
        };
        let Some(record) = Replacement::parse(bytes) else { return Err(error) };
        let is = |file: &Described| inode.is_some() && file.inode == inode;
        let (file, replaced) = match &record {
            Replacement { new, .. } if is(new) => (new, true),
            Replacement { old: Some(old), .. } if is(old) => (old, false),
            _ => return Err(SidecarError::Replacing),
        };
        let sidecar = file.sidecar.as_ref().map(|text| Self::parse(text.as_bytes())).transpose()?;
        Ok(Said { sidecar, replaced })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "{\"rowmill\": 1, \"dtype\": \"<f4\", \"shape\": [3]}";
    const NEW: &str = "{\"rowmill\": 1, \"dtype\": \"<i8\", \"shape\": [3]}";

    fn record(old: Option<(u64, Option<&str>)>, new: (u64, Option<&str>)) -> Vec<u8> {
        let described = |(inode, text): (u64, Option<&str>)| Described {
            inode: Some(inode),
            sidecar: text.map(str::to_owned),
        };
        let record = Replacement { old: old.map(described), new: described(new) };
        assert_eq!(Replacement::parse(record.to_json().as_bytes()).expect("its own"), record);
        record.to_json().into_bytes()
    }

    #[test]
    fn the_inode_tells_which_it_is() {
        let bytes = record(Some((7, Some(OLD))), (8, Some(NEW)));
        let plain = |text: &str| Some(Sidecar::parse(text.as_bytes()).expect("plain"));
        let said = |inode| Sidecar::read(&bytes, inode);
        assert_eq!(said(Some(7)).expect("old"), Said { sidecar: plain(OLD), replaced: false });
        assert_eq!(said(Some(8)).expect("new"), Said { sidecar: plain(NEW), replaced: true });
        for other in [Some(9), Some(0), None] {
            assert!(matches!(said(other), Err(SidecarError::Replacing)));
        }
        let none = record(None, (8, None));
        assert_eq!(
            Sidecar::read(&none, Some(8)).expect("new"),
            Said { sidecar: None, replaced: true }
        );
        assert!(matches!(Sidecar::read(&none, Some(7)), Err(SidecarError::Replacing)));
        // A plain sidecar is what it was, and a record is no plain sidecar.
        assert_eq!(Sidecar::read(OLD.as_bytes(), None).expect("plain").sidecar, plain(OLD));
        assert!(matches!(Sidecar::parse(&bytes), Err(SidecarError::WrongType { .. })));
    }

    #[test]
    fn what_is_too_long_is_refused_meanwhile() {
        let long = Described { inode: Some(8), sidecar: Some("x".repeat(1 << 20)) };
        let record = Replacement { old: None, new: long };
        let bytes = record.to_json().into_bytes();
        assert!(bytes.len() < 1000);
        assert!(matches!(Sidecar::read(&bytes, Some(8)), Err(SidecarError::Replacing)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(cut in 0..400_usize, at in 0..400_usize, byte: u8) {
            let mut bytes = record(Some((7, Some(OLD))), (8, Some(NEW)));
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut.max(1));
            let _ = Sidecar::read(&bytes, Some(8));
        }
    }
}
