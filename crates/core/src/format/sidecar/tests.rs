use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::shape::ShapeError;

fn parse(text: &str) -> Result<Sidecar, SidecarError> {
    Sidecar::parse(text.as_bytes())
}

/// A sidecar with one more entry.
fn with(entry: &str) -> Result<Sidecar, SidecarError> {
    parse(&format!("{{\"rowmill\": 1, {entry}}}"))
}

#[test]
fn the_whole_form_reads_and_writes() {
    let text = "{\n  \"rowmill\": 1,\n  \"dtype\": \">i2\",\n  \"shape\": [1000, 2],\n  \
                \"order\": \"F\",\n  \"offset\": 352,\n  \"columns\": [\"a \\\"b\\\"\", \"\u{fc}\\n\"]\n}\n";
    let sidecar = parse(text).expect("whole");
    assert_eq!(sidecar.dtype, Some((DType::I16, ByteOrder::Big)));
    assert_eq!(sidecar.shape, Some(Shape::new([1000, 2]).expect("small")));
    assert_eq!((sidecar.order, sidecar.offset), (Some(Order::F), Some(352)));
    assert_eq!(sidecar.columns, Some(vec!["a \"b\"".to_owned(), "\u{fc}\n".to_owned()]));
    assert_eq!(sidecar.to_json(), text);
}

#[test]
fn missing_keys_are_none() {
    assert_eq!(parse("{\"rowmill\": 1}").expect("empty"), Sidecar::default());
    let scalar = with("\"shape\": [], \"columns\": []").expect("0-d");
    assert_eq!(scalar.shape.map(|s| s.ndim()), Some(0));
    assert_eq!(scalar.columns, Some(Vec::new()));
}

#[test]
fn names_mean_the_byte_order_of_this_machine() {
    for dtype in ["float32", "f32", "f4", "=f4"] {
        let sidecar = with(&format!("\"dtype\": \"{dtype}\"")).expect(dtype);
        assert_eq!(sidecar.dtype, Some((DType::F32, ByteOrder::NATIVE)));
    }
    let single = with("\"dtype\": \">u1\"").expect("single bytes");
    assert_eq!(single.dtype, Some((DType::U8, ByteOrder::NATIVE)));
    for dtype in ["i8", "u8", " i8"] {
        let error = with(&format!("\"dtype\": \"{dtype}\"")).expect_err(dtype);
        assert!(matches!(error, SidecarError::AmbiguousDType { .. }), "{error}");
    }
    assert!(matches!(with("\"dtype\": \"|O\""), Err(SidecarError::DType { .. })));
}

#[test]
fn the_version_comes_first() {
    assert!(matches!(parse("{}"), Err(SidecarError::MissingKey { key: "rowmill" })));
    let newer = parse("{\"rowmill\": 2, \"chunks\": [4], \"dtype\": 7}").expect_err("version 2");
    assert!(matches!(newer, SidecarError::Version { found: 2 }));
    assert!(newer.to_string().contains("supported is version 1"), "{newer}");
    for version in ["\"1\"", "1.0", "-1", "null", "[1]"] {
        let text = format!("{{\"rowmill\": {version}}}");
        assert!(matches!(parse(&text), Err(SidecarError::WrongType { key: "rowmill", .. })));
    }
}

#[test]
fn unknown_and_repeated_keys_are_refused() {
    let path = with("\"path\": \"/etc/passwd\"").expect_err("a path");
    assert!(matches!(&path, SidecarError::UnknownKey { key } if key == "path"), "{path}");
    for key in KEYS {
        let text = format!("\"{key}\": {{}}, \"{key}\": []");
        let repeated = with(&text).expect_err(key);
        assert!(
            matches!(repeated, SidecarError::DuplicateKey { key: k } if k == key),
            "{repeated}"
        );
    }
}

#[test]
fn wrong_types_name_the_value_found() {
    for (key, value, found) in [
        ("dtype", "4", "found 4"),
        ("dtype", "null", "found null"),
        ("dtype", "{\"a\": [1]}", "found an object"),
        ("shape", "1000", "found 1000"),
        ("shape", "\"1000,64\"", "found \"1000,64\""),
        ("shape", "[-1]", "found a list with -1"),
        ("shape", "[3, -1]", "found a list with -1"),
        ("shape", "[3, 1.5]", "found a list with 1.5"),
        ("shape", "[18446744073709551616]", "found a list with 1.8446744073709552e19"),
        ("shape", "[3, \"4\"]", "found a list with \"4\""),
        ("shape", "[[3], 4]", "found a list with a list of numbers"),
        ("order", "\"K\"", "found \"K\""),
        ("order", "true", "found true"),
        ("offset", "-1", "found -1"),
        ("offset", "1e3", "found 1000.0"),
        ("offset", "\"352\"", "found \"352\""),
        ("columns", "\"a\"", "found \"a\""),
        ("columns", "[\"a\", 1]", "found a list with 1"),
        ("columns", "[1]", "found a list of numbers"),
    ] {
        let error = with(&format!("\"{key}\": {value}")).expect_err(value);
        assert!(matches!(error, SidecarError::WrongType { key: k, .. } if k == key), "{error}");
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[test]
fn impossible_shapes_are_refused() {
    let shape = |dims: &str| with(&format!("\"shape\": [{dims}]"));
    for dims in ["9223372036854775807, 2", "0, 9223372036854775807, 2"] {
        assert!(matches!(
            shape(dims),
            Err(SidecarError::Shape { source: ShapeError::TooLarge { .. } })
        ));
    }
    let many = vec!["1"; 65].join(",");
    assert!(matches!(
        shape(&many),
        Err(SidecarError::Shape { source: ShapeError::TooManyDimensions { found: 65 } })
    ));
}

#[test]
fn other_json_than_objects_is_refused() {
    let deep = "[".repeat(100_000);
    let deep_value = format!("{{\"shape\": {deep}");
    let deep_ignored = format!("{{\"x\": {deep}");
    for text in ["", "null", "[]", "1", "{", "{\"rowmill\": 1} x", "{\"rowmill\": NaN}"]
        .into_iter()
        .chain([deep.as_str(), &deep_value, &deep_ignored])
    {
        assert!(matches!(parse(text), Err(SidecarError::Json { .. })));
        assert!(Sidecar::parse_handmade(text.as_bytes()).is_err());
    }
    assert!(matches!(Sidecar::parse(b"{\"\xff\": 1}"), Err(SidecarError::Json { .. })));
    let long = " ".repeat(1024 * 1024) + "{\"rowmill\": 1}";
    assert!(matches!(parse(&long), Err(SidecarError::TooLong { .. })));
}

#[test]
fn the_handmade_form_ignores_the_keys_of_others() {
    let text =
        br#"{"dtype": "float32", "shape": [3, 4], "by": {"me": [[1]]}, "by": 2, "rowmill": "x"}"#;
    let sidecar = Sidecar::parse_handmade(text).expect("hand-made");
    assert_eq!(sidecar.dtype, Some((DType::F32, ByteOrder::NATIVE)));
    assert_eq!(sidecar.shape.map(|s| s.len()), Some(12));
    assert_eq!((sidecar.order, sidecar.offset, sidecar.columns), (None, None, None));
    let order = |json: &str| Sidecar::parse_handmade(json.as_bytes()).map(|s| s.order);
    assert!(matches!(order(r#"{"fortran_order": true}"#), Ok(Some(Order::F))));
    assert!(matches!(order(r#"{"fortran_order": false}"#), Ok(Some(Order::C))));
    assert!(matches!(
        order(r#"{"fortran_order": 1}"#),
        Err(SidecarError::WrongType { key: "fortran_order", .. })
    ));
    for twice in [
        r#"{"fortran_order": true, "order": "F"}"#,
        r#"{"fortran_order": true, "fortran_order": true}"#,
    ] {
        assert!(matches!(order(twice), Err(SidecarError::DuplicateKey { .. })));
    }
    assert!(matches!(
        Sidecar::parse(br#"{"rowmill": 1, "fortran_order": true}"#),
        Err(SidecarError::UnknownKey { .. })
    ));
    let twice = Sidecar::parse_handmade(br#"{"dtype": "float32", "dtype": "float32"}"#);
    assert!(matches!(twice, Err(SidecarError::DuplicateKey { key: "dtype" })));
}

#[test]
fn sidecars_lie_beside_their_files() {
    for (path, own, handmade) in [
        ("data.dat", "data.dat.meta.json", "data_meta.json"),
        ("/a/b.c/data.tar.bin", "/a/b.c/data.tar.bin.meta.json", "/a/b.c/data.tar_meta.json"),
        ("a/data", "a/data.meta.json", "a/data_meta.json"),
    ] {
        assert_eq!(Sidecar::path_for(Path::new(path)), Path::new(own));
        assert_eq!(Sidecar::handmade_path_for(Path::new(path)), Path::new(handmade));
    }
    // No file has these names; no panic either.
    for path in ["", "..", "/"] {
        let _ = (Sidecar::path_for(Path::new(path)), Sidecar::handmade_path_for(Path::new(path)));
    }
}

#[test]
fn sidecars_complete_the_format() {
    let meta = Meta {
        format: Format::Raw,
        dtype: DType::F64,
        byte_order: ByteOrder::Big,
        order: Order::F,
        shape: Shape::new([2, 1]).expect("small"),
        offset: 7,
        columns: Some(vec!["a".to_owned()]),
        record: None,
    };
    let raw = Sidecar::for_meta(&meta);
    assert_eq!(parse(&raw.to_json()).expect("raw"), raw);
    assert_eq!((raw.dtype, raw.offset), (Some((DType::F64, ByteOrder::Big)), Some(7)));
    let npy = Sidecar::for_meta(&Meta { format: Format::Npy, ..meta });
    assert_eq!(npy.to_json(), "{\n  \"rowmill\": 1,\n  \"columns\": [\"a\"]\n}\n");
}

#[test]
fn contradictions_say_both() {
    let sidecar = with(
        "\"dtype\": \"<f4\", \"shape\": [3], \"order\": \"C\", \"offset\": 1, \"columns\": [\"a\"]",
    )
    .expect("sidecar");
    sidecar.agree_with(&sidecar, "itself").expect("the same");
    sidecar.agree_with(&Sidecar::default(), "nothing").expect("nothing to contradict");
    for (entry, found, expected) in [
        ("\"dtype\": \">f4\"", "its dtype is <f4", "the header says >f4"),
        ("\"shape\": [3, 1]", "its shape is (3,)", "the header says (3, 1)"),
        ("\"order\": \"F\"", "its order is C", "the header says F"),
        ("\"offset\": 2", "its offset is 1", "the header says 2"),
        ("\"columns\": [\"b\"]", "its columns is [\"a\"]", "the header says [\"b\"]"),
    ] {
        let error = sidecar.agree_with(&with(entry).expect(entry), "the header").expect_err(entry);
        let text = error.to_string();
        assert!(text.contains(found) && text.contains(expected), "{text}");
    }
}

fn any_sidecar() -> impl Strategy<Value = Sidecar> {
    let byte_order = any::<bool>().prop_map(|b| if b { ByteOrder::Big } else { ByteOrder::Little });
    let dtype = (select(&DType::ALL), byte_order).prop_map(|(d, o)| normal_order(d, o));
    let shape = vec(0..100_usize, 0..8).prop_map(|d| Shape::new(d).expect("small"));
    let order = select(vec![Order::C, Order::F]);
    let columns = vec(any::<String>(), 0..5);
    (
        option::of(dtype),
        option::of(shape),
        option::of(order),
        option::of(any::<u64>()),
        option::of(columns),
        option::of((1..usize::MAX, vec(any::<u64>(), 0..5))),
    )
        .prop_map(|(dtype, shape, order, offset, columns, checksums)| Sidecar {
            dtype,
            shape,
            order,
            offset,
            columns,
            checksums: checksums.map(|(rows, values)| Checksums::new(rows, values)),
        })
}

/// Pieces of sidecars, so that random texts get beyond the first key.
fn near_json() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\"",
        "\\",
        "-",
        "0",
        "7",
        "1e999",
        "null",
        "true",
        "{\"rowmill\": 1, ",
        "\"dtype\": ",
        "\"<f4\"",
        "\"i8\"",
        "\"shape\": ",
        "[3, 4]",
        "\"order\": ",
        "\"F\"",
        "\"offset\": ",
        "18446744073709551615",
        "\"columns\": ",
        "[\"a\", \"b\"]",
        "\\ud800",
        "\u{e9}",
        "\0",
    ]);
    vec(pieces, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn written_sidecars_read_back(sidecar in any_sidecar()) {
        prop_assert_eq!(parse(&sidecar.to_json()).expect("our own"), sidecar);
    }

    #[test]
    fn hostile_texts_never_panic(text in near_json()) {
        for result in [parse(&text), Sidecar::parse_handmade(text.as_bytes())] {
            if let Err(error) = result {
                prop_assert!(error.to_string().len() < 1000);
            }
        }
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = (Sidecar::parse(&bytes), Sidecar::parse_handmade(&bytes));
    }
}

#[test]
fn checksums_come_together_and_in_hexadecimal() {
    let parse = |rest: &str| Sidecar::parse(format!("{{\"rowmill\": 1, {rest}}}").as_bytes());
    let sums = parse(r#""checksum_rows": 3, "xxh3_64": ["00000000000000ff", "FFFFFFFFFFFFFFFF"]"#);
    let sums = sums.expect("sound").checksums.expect("there");
    assert_eq!((sums.step(), sums.values()), (3, &[255, u64::MAX][..]));
    assert!(sums.fit(4) && sums.fit(6) && !sums.fit(3) && !sums.fit(7));
    let empty = parse(r#""checksum_rows": 3, "xxh3_64": []"#).expect("sound");
    assert!(empty.checksums.is_some_and(|sums| sums.fit(0)));
    for (bad, key) in [
        (r#""checksum_rows": 3"#, "xxh3_64"),
        (r#""xxh3_64": []"#, "checksum_rows"),
        (r#""checksum_rows": 0, "xxh3_64": []"#, "checksum_rows"),
        (r#""checksum_rows": "3", "xxh3_64": []"#, "checksum_rows"),
        (r#""checksum_rows": 3, "xxh3_64": ["+000000000000000"]"#, "xxh3_64"),
        (r#""checksum_rows": 3, "xxh3_64": ["ff"]"#, "xxh3_64"),
        (r#""checksum_rows": 3, "xxh3_64": [255]"#, "xxh3_64"),
    ] {
        let error = parse(bad).expect_err(bad).to_string();
        assert!(error.contains(key), "{bad}: {error}");
    }
}
