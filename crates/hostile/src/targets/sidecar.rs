//! `sidecar`: the bytes of a JSON file beside an array file, in either form.

use rowmill_core::Sidecar;

use crate::{Target, check_error};

/// The bytes are rowmill's own sidecar, and a hand-made one. What is read and written again says
/// the same.
///
/// The smallest text of a list takes three bytes with its comma, and becomes a `String` in a list
/// that grows by doubling; the JSON that is written from it is there meanwhile, in parts and joined.
pub const SIDECAR: Target = Target { name: "sidecar", fixed: 16 * 1024, per_byte: 64, run };

fn run(bytes: &[u8]) {
    for parse in [Sidecar::parse, Sidecar::parse_handmade] {
        match parse(bytes) {
            Ok(sidecar) => {
                let json = sidecar.to_json();
                // Written with a space after each comma it may be too long to be read.
                if json.len() <= 1024 * 1024 {
                    let again = Sidecar::parse(json.as_bytes()).expect("what was written");
                    assert_eq!(again, sidecar, "{json}");
                }
            }
            Err(error) => check_error(&error),
        }
    }
}
