//! `npy_header`: the bytes at the start of a `.npy` file.

use rowmill_core::npy::{self, Encoding};

use crate::{Target, check_error};

/// Takes the bytes as the start of a file, whose length is theirs or another, and as the dict of a
/// header. A header survives a round trip.
///
/// A header of 64 KiB is held once; everything else is small.
pub const NPY_HEADER: Target =
    Target { name: "npy_header", fixed: 64 * 1024 + 16 * 1024, per_byte: 0, run };

fn run(bytes: &[u8]) {
    for file_len in [bytes.len() as u64, bytes.len() as u64 + 1, 1 << 40, u64::MAX] {
        match npy::read(&mut &bytes[..], file_len) {
            Ok(header) => {
                assert!(header.offset <= bytes.len() as u64, "the header ends within the bytes");
                let written =
                    npy::write(header.dtype, header.byte_order, header.order, &header.shape);
                let again = npy::read(&mut written.as_slice(), written.len() as u64)
                    .expect("written by us");
                assert_eq!(
                    (again.dtype, again.byte_order, again.order, again.shape),
                    (header.dtype, header.byte_order, header.order, header.shape),
                );
            }
            Err(error) => check_error(&error),
        }
    }
    for encoding in [Encoding::Latin1, Encoding::Utf8] {
        // Field names that occur in the corpus, and one that does not.
        for field in ["x", "a.b", "pos", "\u{e9}", ""] {
            match npy::parse_field(bytes, encoding, Some(field)) {
                Ok(dict) => {
                    let record = dict.record.expect("only records have fields");
                    let bytes = record.len * dict.dtype.size();
                    assert!(record.offset + bytes <= record.size, "the field is in the record");
                    assert_eq!(dict.shape.len(), record.count * record.len);
                }
                Err(error) => check_error(&error),
            }
        }
        if let Err(error) = npy::parse_dict(bytes, encoding) {
            check_error(&error);
        }
    }
}
