use std::io::{self, Read};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::dtype::{ByteOrder, DType};
use crate::shape::{MAX_NDIM, Order, Shape, ShapeError};

fn read_bytes(bytes: &[u8]) -> Result<Header, HeaderError> {
    read(&mut { bytes }, bytes.len() as u64)
}

fn dict(text: &str) -> Result<Dict, HeaderError> {
    parse_dict(text.as_bytes(), Encoding::Utf8)
}

/// A header with one of its values replaced.
fn with(key: &str, value: &str) -> String {
    let value_of = |k: &str, usual: &'static str| if k == key { value } else { usual }.to_owned();
    format!(
        "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}  \n",
        value_of("descr", "'<f4'"),
        value_of("fortran_order", "False"),
        value_of("shape", "(3, 4)"),
    )
}

fn dims(shape: &str) -> Result<Vec<usize>, HeaderError> {
    dict(&with("shape", shape)).map(|d| d.shape.dims().to_vec())
}

/// A whole file of any version around a dict.
fn file(version: u8, text: &[u8]) -> Vec<u8> {
    let len = u32::try_from(text.len()).expect("short").to_le_bytes();
    let len = if version == 1 { &len[..2] } else { &len[..] };
    [MAGIC, &[version, 0][..], len, text].concat()
}

#[test]
fn writes_the_bytes_of_numpy() {
    let padded = |text: &str| {
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(127, b' ');
        bytes.push(b'\n');
        bytes
    };
    // From numpy.lib.format of NumPy 2.4.
    for (dtype, byte_order, order, dims, text) in [
        (
            DType::F32,
            ByteOrder::Little,
            Order::C,
            &[3, 4][..],
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }",
        ),
        (
            DType::I16,
            ByteOrder::Big,
            Order::F,
            &[3],
            "{'descr': '>i2', 'fortran_order': True, 'shape': (3,), }",
        ),
        (
            DType::Bool,
            ByteOrder::Big,
            Order::C,
            &[],
            "{'descr': '|b1', 'fortran_order': False, 'shape': (), }",
        ),
        (
            DType::U64,
            ByteOrder::Little,
            Order::C,
            &[0, 5],
            "{'descr': '<u8', 'fortran_order': False, 'shape': (0, 5), }",
        ),
    ] {
        let shape = Shape::new(dims).expect("small");
        assert_eq!(write(dtype, byte_order, order, &shape), padded(text));
    }
}

#[test]
fn a_header_that_ends_at_a_multiple_of_64_gets_64_more_as_in_numpy() {
    let lengths: Vec<usize> = (1..=MAX_NDIM)
        .map(|ndim| {
            let shape = Shape::new(vec![1; ndim]).expect("one element");
            write(DType::F32, ByteOrder::Little, Order::C, &shape).len()
        })
        .collect();
    assert!(lengths.iter().all(|len| len % 64 == 0));
    // The last and first numbers of dimensions of each length, from NumPy 2.4. With 36 dimensions
    // the header is 192 bytes long before padding, and NumPy pads it to 256.
    assert_eq!((lengths[13], lengths[14]), (128, 192));
    assert_eq!((lengths[34], lengths[35]), (192, 256));
    assert_eq!((lengths[56], lengths[57]), (256, 320));
}

#[test]
fn the_longest_header_fits_version_1() {
    let shape = Shape::new([vec![usize::MAX / 2], vec![1; 63]].concat());
    let bytes = write(DType::F64, ByteOrder::Big, Order::F, &shape.expect("fits"));
    assert_eq!(bytes[6], 1);
    assert!(read_bytes(&bytes).is_ok());
}

#[test]
fn headers_of_other_writers_are_read() {
    // 16-byte padding, as NumPy up to 1.13.
    let old = file(1, format!("{:<69}\n", with("", "").trim_end()).as_bytes());
    assert_eq!(old.len() % 16, 0);
    assert_ne!(old.len() % 64, 0);
    assert_eq!(read_bytes(&old).expect("old").offset, 80);

    for (shape, expected) in [
        ("()", &[][..]),
        ("( )", &[]),
        ("(3,)", &[3]),
        ("( 3 , 4 , )", &[3, 4]),
        ("(10L, 3L)", &[10, 3]),
        ("(np.int64(10), np.uint8( 3 ))", &[10, 3]),
        ("(0,\n5)", &[0, 5]),
    ] {
        assert_eq!(dims(shape).expect(shape), expected);
    }
    let compact = dict("{\"shape\":(2,),\"fortran_order\":True,\"descr\":\"=f8\"}").expect("dict");
    assert_eq!((compact.byte_order, compact.order), (ByteOrder::NATIVE, Order::F));
    // The order of single bytes is meaningless.
    for descr in ["'|u1'", "'<u1'", "'>u1'"] {
        assert_eq!(dict(&with("descr", descr)).expect(descr).byte_order, ByteOrder::NATIVE);
    }
    for version in 1..=3 {
        let bytes = file(version, with("", "").as_bytes());
        assert_eq!(read_bytes(&bytes).expect("all versions").offset, bytes.len() as u64);
    }
}

#[test]
fn only_the_header_is_read() {
    let mut bytes = write(DType::U8, ByteOrder::NATIVE, Order::C, &Shape::new([3]).expect("3"));
    bytes.extend_from_slice(b"abc");
    let mut rest = bytes.as_slice();
    read(&mut rest, bytes.len() as u64).expect("header");
    assert_eq!(rest, b"abc");
}

#[test]
fn damaged_beginnings_are_refused() {
    let good = file(1, with("", "").as_bytes());
    assert!(matches!(read_bytes(b""), Err(HeaderError::TooShort { expected: 10, found: 0 })));
    assert!(matches!(read_bytes(&good[..9]), Err(HeaderError::TooShort { found: 9, .. })));
    let short = [MAGIC, &[2, 0, 1, 0][..]].concat();
    assert!(matches!(read_bytes(&short), Err(HeaderError::TooShort { expected: 12, found: 10 })));
    assert!(matches!(read_bytes(b"PK\x03\x04"), Err(HeaderError::Magic { .. })));
    assert!(matches!(read_bytes(b"\x93NUMPX\x01\x00"), Err(HeaderError::Magic { .. })));
    for version in [[0, 0], [4, 0], [1, 1], [255, 0]] {
        let mut bytes = good.clone();
        bytes[6..8].copy_from_slice(&version);
        assert!(matches!(read_bytes(&bytes), Err(HeaderError::Version { .. })));
    }
    assert!(matches!(
        read_bytes(&good[..good.len() - 1]),
        Err(HeaderError::BeyondFile { expected, found }) if expected == found + 1
    ));
    let mut huge = file(2, b"{}");
    huge[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    // Even a file of the claimed length is not read that far.
    assert!(matches!(
        read(&mut huge.as_slice(), u64::MAX),
        Err(HeaderError::TooLong { found }) if found == u64::from(u32::MAX)
    ));
    // The file was truncated after its length was taken.
    assert!(matches!(
        read(&mut &good[..50], good.len() as u64),
        Err(HeaderError::Io { source }) if source.kind() == io::ErrorKind::UnexpectedEof
    ));
}

#[test]
fn other_dicts_are_refused() {
    for text in [
        "",
        "  \n",
        "[]",
        "{",
        "{'descr'",
        "{'descr': '<f4'",
        "{descr: '<f4'}",
        "{'descr' '<f4'}",
        "{'descr': '<f4}",
        "{'descr': '<f4' 'fortran_order': False}",
        "{, }",
        "{'descr': '<f4',, }",
        "{'de\\x73cr': '<f4'}",
        &with("shape", "(3, 4").replace(", }", ""),
        &with("shape", "(,)"),
        &with("shape", "(3,,4)"),
        &with("shape", "(3 4)"),
        &with("shape", "(3.0,)"),
        &with("shape", "(1e3,)"),
        &with("shape", "(0x10,)"),
        &with("shape", "(010,)"),
        &with("shape", "(1_000,)"),
        &with("shape", "(3LL,)"),
        &with("shape", "(+3,)"),
        &with("shape", "(True,)"),
        &with("shape", "((3, 4),)"),
        &with("shape", "(np.int64(3)"),
        &with("shape", "(np.float64(3),)"),
        &with("shape", "(np.int64(np.int64(3)),)"),
        &with("shape", "(__import__('os'),)"),
        &(with("", "") + "x"),
        &(with("", "") + "\0"),
    ] {
        assert!(matches!(dict(text), Err(HeaderError::Syntax { .. })), "{text}: {:?}", dict(text));
    }
    for (key, value) in [
        ("shape", "[3, 4]"),
        ("shape", "12"),
        ("shape", "(12)"),
        ("shape", "None"),
        ("fortran_order", "0"),
        ("fortran_order", "'False'"),
        ("fortran_order", "Falsey"),
        ("descr", "4"),
        ("descr", "None"),
    ] {
        let error = dict(&with(key, value)).expect_err(value);
        assert!(matches!(error, HeaderError::WrongType { key: k, .. } if k == key), "{error}");
        assert!(error.to_string().contains(value), "{error}");
    }
}

#[test]
fn exactly_three_keys() {
    let extra = with("", "").replace(", }", ", 'x': 1}");
    assert!(matches!(dict(&extra), Err(HeaderError::UnknownKey { key }) if key == "x"));
    for key in ["descr", "fortran_order", "shape"] {
        let without: Vec<_> = ["'descr': '<f4'", "'fortran_order': False", "'shape': (3,)"]
            .into_iter()
            .filter(|entry| !entry.contains(key))
            .collect();
        let text = format!("{{{}}}", without.join(", "));
        assert!(matches!(dict(&text), Err(HeaderError::MissingKey { key: k }) if k == key));
        let twice = with("", "").replace(", }", &format!(", '{key}': 1}}"));
        assert!(matches!(dict(&twice), Err(HeaderError::DuplicateKey { key: k }) if k == key));
    }
}

#[test]
fn other_dtypes_are_refused_by_name() {
    for (descr, kind) in [
        ("'|O'", "Python objects"),
        ("'O'", "Python objects"),
        ("'|S5'", "byte strings"),
        ("'<U7'", "Unicode strings"),
        ("'<M8[ns]'", "dates and times"),
        ("'<m8'", "time differences"),
        ("'|V16'", "raw bytes"),
        ("'<c32'", "complex"),
        ("'<V2'", "bfloat16"),
        ("'<bf16'", "bfloat16"),
        ("'<f16'", "a float of another size"),
        ("'<i3'", "an integer of another size"),
        ("'<f4 '", "a code with spaces"),
        ("'< f4'", "a code with spaces"),
        ("''", "unknown"),
        ("'<'", "unknown"),
        ("('<f4', (3,))", "structured"),
    ] {
        let error = dict(&with("descr", descr)).expect_err(descr);
        assert!(matches!(error, HeaderError::UnsupportedDType { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(descr) && text.contains(kind), "{text}");
        assert!(text.contains("int8 to int64"), "{text}");
    }
    for descr in ["'f4'", "'i8'", "'float32'", "'f32'", "'bool'", "'c64'"] {
        let error = dict(&with("descr", descr)).expect_err(descr);
        assert!(matches!(error, HeaderError::UnsignedDType { .. }), "{error}");
        assert!(error.to_string().contains(descr));
    }
}

#[test]
fn impossible_shapes_are_refused() {
    let negative = |shape| matches!(dims(shape), Err(HeaderError::NegativeDimension { .. }));
    assert!(negative("(-3, 4)") && negative("(3, -1)") && negative("(np.int64(-1),)"));
    assert!(matches!(
        dims("(18446744073709551616, 0)"),
        Err(HeaderError::DimensionTooLarge { found }) if found == "18446744073709551616"
    ));
    let endless = format!("({},)", "9".repeat(60_000));
    let error = dims(&endless).expect_err("60,000 digits");
    assert!(error.to_string().len() < 200, "{error}");
    for shape in ["(9223372036854775807, 2)", "(0, 9223372036854775807, 2)"] {
        assert!(matches!(
            dims(shape),
            Err(HeaderError::Shape { source: ShapeError::TooLarge { .. } })
        ));
    }
    let ones = |n: usize| format!("({})", "1, ".repeat(n));
    assert_eq!(dims(&ones(64)).expect("64").len(), 64);
    assert!(matches!(
        dims(&ones(20_000)),
        Err(HeaderError::Shape { source: ShapeError::TooManyDimensions { found: 20_000 } })
    ));
}

#[test]
fn the_encoding_is_that_of_the_version() {
    let text = with("descr", "'\u{e9}'");
    let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(c).expect("latin1")).collect();
    for version in [1, 2] {
        let error = read_bytes(&file(version, &latin1)).expect_err("no dtype");
        assert!(error.to_string().contains("'\u{e9}'"), "{error}");
    }
    assert!(matches!(read_bytes(&file(3, &latin1)), Err(HeaderError::NotUtf8 { at: 11 })));
    let error = read_bytes(&file(3, text.as_bytes())).expect_err("no dtype");
    assert!(error.to_string().contains("'\u{e9}'"), "{error}");
}

/// Remembers the largest buffer that it was asked to fill.
struct Watching<'a> {
    bytes: &'a [u8],
    largest: usize,
}

impl Read for Watching<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest = self.largest.max(buffer.len());
        self.bytes.read(buffer)
    }
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let dim = prop_oneof![0..5_usize, 0..2_000_000_usize, Just(usize::MAX / 2)];
    vec(dim, 0..6).prop_filter_map("does not fit", |dims| Shape::new(dims).ok()).boxed().prop_union(
        vec(1..2_usize, 0..=MAX_NDIM).prop_map(|d| Shape::new(d).expect("ones")).boxed(),
    )
}

/// Pieces of headers, so that random texts get beyond the first byte of the parser.
fn near_dict() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "'",
        "\"",
        "\\",
        "L",
        "-",
        "0",
        "7",
        "'descr'",
        "'shape'",
        "'fortran_order'",
        "'descr': '<f4', ",
        "'shape': (3, 4), ",
        "'fortran_order': True, ",
        "True",
        "False",
        "None",
        "np.int64(",
        "99999999999999999999",
        "\u{e9}",
        "\0",
    ]);
    vec(pieces, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn written_headers_read_back(
        dtype in select(&DType::ALL).prop_filter("a code", |dtype| dtype.has_npy_code()),
        big in any::<bool>(),
        fortran in any::<bool>(),
        shape in any_shape(),
    ) {
        let byte_order = if big { ByteOrder::Big } else { ByteOrder::Little };
        let order = if fortran { Order::F } else { Order::C };
        let bytes = write(dtype, byte_order, order, &shape);
        let header = read_bytes(&bytes).expect("our own");
        let byte_order = if dtype.size() == 1 { ByteOrder::NATIVE } else { byte_order };
        let offset = bytes.len() as u64;
        prop_assert_eq!(header, Header { dtype, byte_order, order, shape, offset, record: None });
        prop_assert_eq!(offset % 64, 0);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_never_ask_for_much(
        start in select(vec![&b""[..], b"\x93NUMPY", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00"]),
        tail in vec(any::<u8>(), 0..300),
        file_len in prop_oneof![any::<u64>(), 0..400_u64],
    ) {
        let bytes = [start, &tail].concat();
        let mut reader = Watching { bytes: &bytes, largest: 0 };
        let _ = read(&mut reader, file_len);
        prop_assert!(reader.largest <= 64 * 1024);
    }

    #[test]
    fn near_headers_never_panic(text in near_dict()) {
        for encoding in [Encoding::Latin1, Encoding::Utf8] {
            if let Err(error) = parse_dict(&text, encoding) {
                prop_assert!(error.to_string().len() < 1000);
            }
        }
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0..128_usize, byte in any::<u8>()) {
        let shape = Shape::new([3, 4]).expect("small");
        let mut bytes = write(DType::F32, ByteOrder::Little, Order::C, &shape);
        bytes[at] = byte;
        let _ = read_bytes(&bytes);
    }
}
