//! `sidecar`: the bytes of a JSON file beside an array file, in either form.

use rowmill_core::Sidecar;

use crate::{Target, check_error};

/// Takes the bytes as rowmill's own sidecar, and as a hand-made one. A sidecar survives a round
/// trip.
///
/// The shortest string of a list takes three bytes with its comma. It becomes a `String` in a list
/// that grows by doubling, while the JSON written from it exists in parts and joined.
pub const SIDECAR: Target = Target { name: "sidecar", fixed: 16 * 1024, per_byte: 64, run };

fn run(bytes: &[u8]) {
    for parse in [Sidecar::parse, Sidecar::parse_handmade] {
        match parse(bytes) {
            Ok(sidecar) => {
                let json = sidecar.to_json();
                // With a space after each comma, the JSON may exceed the limit for reading.
                if json.len() <= 1024 * 1024 {
                    let again = Sidecar::parse(json.as_bytes()).expect("written by us");
                    assert_eq!(again, sidecar, "{json}");
                }
            }
            Err(error) => check_error(&error),
        }
    }
}
