//! Headers written by NumPy. The script beside the files made them and `expected.json`; both are
//! left out of the published crate, and so are these tests.

use std::fs::{self, File};
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::dtype::{ByteOrder, DType};
use crate::shape::Order;
use crate::skipped::skip;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

#[test]
fn headers_of_numpy_are_read_as_numpy_reads_them() {
    let Ok(text) = fs::read(Path::new(FIXTURES).join("expected.json")) else {
        return skip(&format!("no {FIXTURES}"));
    };
    let expected: Value = serde_json::from_slice(&text).expect("expected.json");
    let good = expected["good"].as_object().expect("good files");
    let mut rewritten = 0;
    for (name, facts) in good.iter().filter(|(name, _)| name.starts_with("npy/")) {
        let path = Path::new(FIXTURES).join(name);
        let mut file = File::open(&path).expect(name);
        let file_len = file.metadata().expect(name).len();
        let header = read(&mut file, file_len).unwrap_or_else(|e| panic!("{name}: {e}"));

        let dtype: DType = facts["dtype"].as_str().expect(name).parse().expect(name);
        let dims: Vec<u64> = header.shape.dims().iter().map(|&d| d as u64).collect();
        let order = if facts["fortran_order"] == true { Order::F } else { Order::C };
        let byte_order = match facts["byte_order"].as_str() {
            Some("little") => ByteOrder::Little,
            Some("big") => ByteOrder::Big,
            _ => ByteOrder::NATIVE,
        };
        assert_eq!(header.dtype, dtype, "{name}");
        assert_eq!(Value::from(dims), facts["shape"], "{name}");
        assert_eq!(header.order, order, "{name}");
        assert_eq!(header.byte_order, byte_order, "{name}");
        assert_eq!(facts["offset"], header.offset, "{name}");

        // Those that NumPy wrote in the version that we write.
        if name.ends_with("-v1.npy") {
            let ours = write(dtype, byte_order, order, &header.shape);
            assert!(fs::read(&path).expect(name).starts_with(&ours), "{name}");
            assert_eq!(ours.len() as u64, header.offset, "{name}");
            rewritten += 1;
        }
    }
    assert!(rewritten > 40, "only {rewritten} headers were compared");
}
