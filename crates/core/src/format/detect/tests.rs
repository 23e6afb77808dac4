use std::fs;

use proptest::prelude::*;
use proptest::sample::select;
use tempfile::TempDir;

use super::*;
use crate::dtype::{ByteOrder, DType};
use crate::shape::Shape;
use crate::skipped::skip;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");

fn meta_of(path: &Path, spec: Option<&RawSpec>) -> Result<Meta> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let file_len = file.metadata().map_err(Error::io("read", path))?.len();
    read_meta(path, &mut file, file_len, spec)
}

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).expect("small")
}

/// A folder with files of these contents; the first is the array file.
fn folder(files: &[(&str, &[u8])]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("temporary folder");
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).expect(name);
    }
    let path = dir.path().join(files[0].0);
    (dir, path)
}

fn npy_file(dims: &[usize]) -> Vec<u8> {
    let shape = shape(dims);
    let mut bytes = npy::write(DType::U8, ByteOrder::NATIVE, Order::C, &shape);
    bytes.resize(bytes.len() + shape.len(), 7);
    bytes
}

#[test]
fn every_fixture_opens_or_is_refused_as_expected() {
    let Ok(text) = fs::read(Path::new(FIXTURES).join("expected.json")) else {
        return skip(&format!("no {FIXTURES}"));
    };
    let expected: serde_json::Value = serde_json::from_slice(&text).expect("expected.json");
    for (name, facts) in expected["good"].as_object().expect("good files") {
        let dtype: DType = facts["dtype"].as_str().expect(name).parse().expect(name);
        let byte_order = match facts["byte_order"].as_str() {
            Some("little") => ByteOrder::Little,
            Some("big") => ByteOrder::Big,
            _ => ByteOrder::NATIVE,
        };
        let dims = serde_json::from_value::<Vec<usize>>(facts["shape"].clone()).expect(name);
        let order = if facts["fortran_order"] == true { Order::F } else { Order::C };
        let offset = facts["offset"].as_u64().expect(name);
        let columns = facts.get("columns").map(|c| serde_json::from_value(c.clone()).expect(name));
        let by_caller = RawSpec::new(dtype, shape(&dims));
        let by_caller = by_caller.offset(offset).order(order).byte_order(byte_order);
        let spec = facts.get("spec").map(|_| &by_caller);

        let path = Path::new(FIXTURES).join(name);
        let meta = meta_of(&path, spec).unwrap_or_else(|e| panic!("{name}: {e}"));
        let format = if name.starts_with("npy/") { Format::Npy } else { Format::Raw };
        let shape = shape(&dims);
        let wanted =
            Meta { format, dtype, byte_order, order, shape, offset, columns, record: None };
        assert_eq!(meta, wanted, "{name}");
    }
    for (name, part) in expected["bad"].as_object().expect("bad files") {
        let error = meta_of(&Path::new(FIXTURES).join(name), None).expect_err(name).to_string();
        assert!(error.contains(part.as_str().expect(name)), "{name}: {error}");
        assert!(error.len() < 1500, "{name}: {error}");
    }
}

#[test]
fn a_raw_file_needs_a_description() {
    let (_dir, path) = folder(&[("a.dat", &[0; 12])]);
    let error = meta_of(&path, None).expect_err("nothing says it");
    assert!(matches!(&error, Error::NoSidecar { expected, alternative, .. }
        if expected.ends_with("a.dat.meta.json") && alternative.ends_with("a_meta.json")));
    let meta = meta_of(&path, Some(&RawSpec::new(DType::U8, shape(&[3, 4])))).expect("spec");
    assert_eq!((meta.format, meta.columns), (Format::Raw, None));
}

#[test]
fn npy_is_known_by_name_or_by_its_first_bytes() {
    let bytes = npy_file(&[3, 4]);
    let (_dir, path) = folder(&[("a.NPY", &bytes)]);
    assert_eq!(meta_of(&path, None).expect("by name").format, Format::Npy);
    let spec = RawSpec::new(DType::U8, shape(&[140]));
    assert!(matches!(meta_of(&path, Some(&spec)), Err(Error::SpecForNpy { .. })));

    let names: &[u8] = br#"{"rowmill": 1, "columns": ["a", "b", "c", "d"]}"#;
    let (_dir, path) = folder(&[("a.bin", &bytes), ("a.bin.meta.json", names)]);
    let meta = meta_of(&path, None).expect("by its first bytes");
    assert_eq!((meta.format, meta.columns.map(|c| c.len())), (Format::Npy, Some(4)));

    // A caller who says that it is raw wants its bytes.
    let (_dir, path) = folder(&[("a.bin", &bytes)]);
    assert_eq!(meta_of(&path, Some(&spec)).expect("raw").format, Format::Raw);
    let layout: &[u8] = br#"{"rowmill": 1, "dtype": "uint8", "shape": [140]}"#;
    let (_dir, path) = folder(&[("a.bin", &bytes), ("a.bin.meta.json", layout)]);
    assert_eq!(meta_of(&path, None).expect("raw").offset, 0);
}

#[test]
fn the_handmade_sidecar_of_a_neighbour_is_not_that_of_a_npy_file() {
    let neighbour: &[u8] = br#"{"dtype": "float64", "shape": [9]}"#;
    let (_dir, path) = folder(&[("a.npy", &npy_file(&[3, 4])), ("a_meta.json", neighbour)]);
    assert_eq!(meta_of(&path, None).expect("header").dtype, DType::U8);
}

#[test]
fn a_spec_and_a_sidecar_have_to_agree() {
    let sidecar: &[u8] =
        br#"{"rowmill": 1, "dtype": "|u1", "shape": [3, 4], "columns": ["a", "b", "c", "d"]}"#;
    let (_dir, path) = folder(&[("a.dat", &[0; 12]), ("a.dat.meta.json", sidecar)]);
    let spec = RawSpec::new(DType::U8, shape(&[3, 4])).byte_order(ByteOrder::Big);
    let meta = meta_of(&path, Some(&spec)).expect("the same");
    assert_eq!(meta.columns.map(|c| c.len()), Some(4));

    let text = |spec: RawSpec| meta_of(&path, Some(&spec)).expect_err("differs").to_string();
    let other = text(RawSpec::new(DType::U8, shape(&[4, 3])));
    assert!(other.contains("its shape is (3, 4), but the explicit spec says (4, 3)"), "{other}");
    // The sidecar implies offset 0.
    let other = text(RawSpec::new(DType::U8, shape(&[3, 4])).offset(1));
    assert!(other.contains("its offset is 0, but the explicit spec says 1"), "{other}");

    // One that only names the columns leaves the layout to the spec.
    let names: &[u8] = br#"{"rowmill": 1, "columns": ["a", "b", "c", "d"]}"#;
    let (_dir, path) = folder(&[("a.dat", &[0; 13]), ("a.dat.meta.json", names)]);
    let spec = RawSpec::new(DType::U8, shape(&[3, 4])).offset(1);
    assert_eq!(meta_of(&path, Some(&spec)).expect("agrees").columns.map(|c| c.len()), Some(4));
}

#[test]
fn own_and_handmade_sidecars_complete_each_other_but_never_differ() {
    let own: &[u8] = br#"{"rowmill": 1, "dtype": "|u1", "shape": [3, 4]}"#;
    let same: &[u8] = br#"{"dtype": "uint8", "shape": [3, 4], "columns": ["a", "b", "c", "d"]}"#;
    let files = |handmade| folder(&[("a.dat", &[0; 12]), ("a.dat.meta.json", own), handmade]);
    let (_dir, path) = files(("a_meta.json", same));
    assert_eq!(meta_of(&path, None).expect("agree").columns.map(|c| c.len()), Some(4));
    let (_dir, path) = files(("a_meta.json", br#"{"order": "F"}"#));
    let error = meta_of(&path, None).expect_err("own means C").to_string();
    assert!(error.contains("its order is F, but the sidecar"), "{error}");
    assert!(error.contains("a.dat.meta.json says C"), "{error}");
}

#[test]
fn a_sidecar_that_is_no_small_file_is_refused() {
    let (dir, path) = folder(&[("a.dat", &[0; 12])]);
    fs::create_dir(dir.path().join("a.dat.meta.json")).expect("folder");
    assert!(matches!(
        meta_of(&path, None),
        Err(Error::Sidecar { source: SidecarError::NotRegular, .. })
    ));
    fs::remove_dir(dir.path().join("a.dat.meta.json")).expect("folder");
    let sparse = File::create(dir.path().join("a.dat.meta.json")).expect("sidecar");
    sparse.set_len(1 << 40).expect("sparse");
    assert!(matches!(
        meta_of(&path, None),
        Err(Error::Sidecar { source: SidecarError::TooLong { .. }, .. })
    ));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_sidecar_does_not_hang() {
    let (dir, path) = folder(&[("a.dat", &[0; 12])]);
    for name in ["a.dat.meta.json", "a_meta.json"] {
        let pipe = dir.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            return skip("cannot make a pipe");
        }
        assert!(matches!(
            meta_of(&path, None),
            Err(Error::Sidecar { source: SidecarError::NotRegular, .. })
        ));
        fs::remove_file(pipe).expect("pipe");
    }
}

#[cfg(unix)]
#[test]
fn a_name_too_long_for_a_sidecar_has_none() {
    let name = format!("{}.npy", "a".repeat(250));
    let (_dir, path) = folder(&[(&name, &npy_file(&[2]))]);
    assert!(meta_of(&path, None).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_sidecars_and_specs_never_panic(
        sidecar in select(vec![
            "{\"rowmill\": 1, \"dtype\": \"<f8\", \"shape\": [9223372036854775807]}",
            "{\"rowmill\": 1, \"dtype\": \"<f8\", \"shape\": [0, 9223372036854775807]}",
            "{\"rowmill\": 1, \"shape\": [1], \"offset\": 18446744073709551615}",
            "{\"rowmill\": 1, \"columns\": []}",
            "{\"dtype\": \"<f8\"}",
            "[",
        ]),
        handmade in any::<bool>(),
        spec in any::<bool>(),
        dtype in select(&DType::ALL),
        dims in proptest::collection::vec(
            select(vec![0, 1, 2, usize::MAX, usize::MAX / 2, 1 << 32]),
            0..4,
        ),
        offset in prop_oneof![any::<u64>(), 0..16_u64],
        file_len in prop_oneof![any::<u64>(), 0..16_u64],
    ) {
        let name = if handmade { "a_meta.json" } else { "a.dat.meta.json" };
        let (_dir, path) = folder(&[("a.dat", &[0; 12]), (name, sidecar.as_bytes())]);
        let mut file = File::open(&path).expect("array file");
        let spec = Shape::new(dims).ok().filter(|_| spec);
        let spec = spec.map(|shape| RawSpec::new(dtype, shape).offset(offset));
        if let Err(error) = read_meta(&path, &mut file, file_len, spec.as_ref()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

/// An appender that finishes between the reading of a file and the check of its journal leaves a
/// failure without an excuse. It is not a failure, and readings that began while there was a
/// journal do not count.
#[test]
fn a_journal_removed_meanwhile_excuses_a_failed_reading() {
    let (_dir, path) = folder(&[("x.npy", &npy_file(&[3, 2]))]);
    let journal = crate::format::leftovers::neighbour(
        &fs::canonicalize(&path).expect("it is there"),
        crate::format::LeftoverKind::Append,
    );
    // The number of readings at whose end the journal is gone, and the number of readings until a
    // failure counts.
    for (gone_in, expected) in [(None, 2), (Some(1), 2), (Some(2), 3), (Some(5), 6)] {
        if gone_in.is_some() {
            fs::write(&journal, "somebody is appending").expect("written");
        }
        let mut file = File::open(&path).expect("opened");
        let len = file.metadata().expect("there").len();
        let mut readings = 0;
        let failed = until_settled(&path, &mut file, len, &mut |_, _| {
            readings += 1;
            if gone_in == Some(readings) {
                fs::remove_file(&journal).expect("removed");
            }
            Err(Error::TrailingBytes { path: path.clone(), expected: 1, found: 2 })
        });
        assert!(matches!(failed, Err(Error::TrailingBytes { .. })), "{failed:?}");
        assert_eq!(readings, expected, "gone in {gone_in:?}");
    }
}
