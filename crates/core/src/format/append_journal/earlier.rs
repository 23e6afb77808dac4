//! The append journals of earlier versions: text. The newest form identifies the file by its
//! identity, the older ones by its inode number.
//!
//! ```text
//! rowmill-append 2\nlength 00000000000000004096\nfile <66 hexadecimal digits>\n
//!     check 0123456789abcdef\n
//! rowmill-append 1\nlength 00000000000000004096\ninode 00000000000000081234\n
//!     check 0123456789abcdef\n
//! ```

use super::{Found, Journal};
use crate::identity::FileIdentity;

const TITLE: &str = "rowmill-append 2\nlength ";
const FILE: &str = "\nfile ";
const TITLE_BY_NUMBER: &str = "rowmill-append 1\nlength ";
const INODE: &str = "\ninode ";
const CHECK: &str = "\ncheck ";
const DIGITS: usize = 20;
const FILE_DIGITS: usize = 2 * FileIdentity::BYTES;

/// The length of the longest one, in bytes.
pub(super) const LEN: usize =
    TITLE.len() + DIGITS + FILE.len() + FILE_DIGITS + CHECK.len() + 16 + 1;

/// The journal, if it is complete.
pub(super) fn parse(bytes: &[u8]) -> Option<Found> {
    let text = std::str::from_utf8(bytes).ok()?;
    by_identity(text).map(Found::Journal).or_else(|| by_number(text))
}

fn by_identity(text: &str) -> Option<Journal> {
    let rest = text.strip_prefix(TITLE)?;
    let length: u64 = rest.get(..DIGITS)?.parse().ok()?;
    let digits = rest.get(DIGITS..)?.strip_prefix(FILE)?.get(..FILE_DIGITS)?;
    let mut file = [0; FileIdentity::BYTES];
    for (byte, pair) in file.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let whole = format!("{TITLE}{length:0DIGITS$}{FILE}{digits}");
    let file = FileIdentity::from_bytes(&file)?;
    (with_check(whole) == text).then_some(Journal { length, file })
}

fn by_number(text: &str) -> Option<Found> {
    let rest = text.strip_prefix(TITLE_BY_NUMBER)?;
    let length: u64 = rest.get(..DIGITS)?.parse().ok()?;
    let inode = rest.get(DIGITS..)?.strip_prefix(INODE)?.get(..DIGITS)?;
    let inode: u64 = inode.parse().ok()?;
    let whole = format!("{TITLE_BY_NUMBER}{length:0DIGITS$}{INODE}{inode:0DIGITS$}");
    (with_check(whole) == text).then_some(Found::ByNumber { length })
}

fn with_check(text: String) -> String {
    let check = checksum(text.as_bytes());
    format!("{text}{CHECK}{check:016x}\n")
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Any identity.
    pub(in super::super) fn file(numbers: [u64; 4], present: u8) -> FileIdentity {
        let mut bytes = [0; FileIdentity::BYTES];
        bytes[0] = present % 4;
        for (i, number) in numbers.iter().enumerate() {
            let present = [present & 1 == 1, present & 2 == 2, true, true][i];
            let number = if present { *number } else { 0 };
            bytes[1 + 8 * i..][..8].copy_from_slice(&number.to_le_bytes());
        }
        FileIdentity::from_bytes(&bytes).expect("its own form")
    }

    #[test]
    fn journals_by_identity_and_by_number_are_recognized() {
        for there in 0..4 {
            let (length, file) = (4096 << there, file([81234, 5, 7, u64::MAX], there));
            let digits: String = file.to_bytes().iter().map(|b| format!("{b:02x}")).collect();
            let whole = with_check(format!("{TITLE}{length:0DIGITS$}{FILE}{digits}"));
            assert_eq!(whole.len(), LEN);
            assert_eq!(parse(whole.as_bytes()), Some(Found::Journal(Journal { length, file })));
            only_whole(&whole);
        }
        let text = "rowmill-append 1\nlength 00000000000000004096\ninode 00000000000000081234";
        let whole = with_check(text.to_owned());
        assert_eq!(parse(whole.as_bytes()), Some(Found::ByNumber { length: 4096 }));
        only_whole(&whole);
    }

    fn only_whole(whole: &str) {
        for at in 0..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..at]), None, "cut at {at}");
            let mut changed = whole.as_bytes().to_vec();
            changed[at] ^= 1;
            assert_eq!(parse(&changed), None, "byte {at}");
        }
        assert_eq!(parse(format!("{whole}\n").as_bytes()), None);
    }
}
