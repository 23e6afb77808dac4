//! Bugs of other array readers, by name: the bytes, the affected reader, and the required behavior
//! here. Most of them are also seeds of the fuzz corpus.

use std::fs;
use std::path::{Path, PathBuf};

use rowmill_core::npy::{self, HeaderError};
use rowmill_core::{
    AnyArray, ArrayMut, Backend, CowArray, CreateOptions, DType, Error, OpenOptions, RawSpec,
    Shape, ShapeError, Sidecar, SidecarError,
};
use rowmill_hostile::{CountingAllocator, peak_bytes};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const MAGIC: &[u8] = b"\x93NUMPY";

/// A `.npy` file of version 1.0 with this dict and `data` bytes of data.
fn npy_file(dict: &str, data: usize) -> Vec<u8> {
    let len = u16::try_from(dict.len() + 1).expect("short").to_le_bytes();
    let mut bytes = [MAGIC, &[1, 0], &len, dict.as_bytes(), b"\n"].concat();
    bytes.extend((0..data).map(|i| i as u8));
    bytes
}

fn dict(descr: &str, order: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}")
}

fn shape(shape: &str) -> Vec<u8> {
    npy_file(&dict("'<f4'", "False", shape), 0)
}

fn header(bytes: &[u8]) -> Result<npy::Header, HeaderError> {
    npy::read(&mut &bytes[..], bytes.len() as u64)
}

#[track_caller]
fn header_error(bytes: &[u8]) -> HeaderError {
    header(bytes).expect_err("an invalid header")
}

/// A temporary file with these bytes.
fn temp_file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a small file");
    (folder, path)
}

/// Opens the file on both backends, checks that they agree, and bounds the memory held.
#[track_caller]
fn open_on_both_backends(path: &Path, spec: Option<&RawSpec>) -> Result<AnyArray, Error> {
    let [mapped, positioned] = [Backend::Mapped, Backend::Positioned].map(|backend| {
        let mut options = OpenOptions::new().backend(backend);
        if let Some(spec) = spec {
            options = options.spec(spec.clone());
        }
        let mut opened = None;
        let held = peak_bytes(|| opened = Some(options.open_any(path)));
        assert!(held < 160 * 1024, "{held} bytes");
        opened.expect("a result")
    });
    let words = |opened: &Result<AnyArray, Error>| match opened {
        Ok(array) => format!("{:?}", array.meta()),
        Err(error) => error.to_string(),
    };
    assert_eq!(words(&mapped), words(&positioned));
    mapped
}

/// mlx, libnpy, ncnn: the 32-bit header length of version 2 was allocated unchecked.
#[test]
fn a_header_length_of_4_gib_is_not_allocated() {
    let bytes = [MAGIC, b"\x02\x00\xf0\xff\xff\xff"].concat();
    let held = peak_bytes(|| {
        assert!(matches!(header_error(&bytes), HeaderError::TooLong { found: 0xffff_fff0 }));
        // The length is not trusted even if the file is said to be long enough.
        let claimed = npy::read(&mut bytes.as_slice(), u64::MAX);
        assert!(matches!(claimed, Err(HeaderError::TooLong { .. })));
    });
    assert!(held < 1024, "{held} bytes");
}

/// cnpy: a header length beyond the end of the bytes was read out of bounds.
#[test]
fn a_header_beyond_the_end_of_the_file_is_not_read() {
    let bytes = [MAGIC, b"\x01\x00\xff\xff{'descr': '<f4'"].concat();
    assert!(matches!(
        header_error(&bytes),
        HeaderError::BeyondFile { expected: 65_545, found } if found == bytes.len() as u64
    ));
}

/// cnpy: headers were read into 256 bytes. NumPy itself refuses more than 10,000 by default.
#[test]
fn a_long_header_is_read_whole() {
    for spaces in [300, 9_000, 60_000] {
        let bytes = npy_file(&(dict("'<f4'", "False", "(0,)") + &" ".repeat(spaces)), 0);
        assert_eq!(header(&bytes).expect("only spaces").offset, bytes.len() as u64);
    }
}

/// Many readers use the header length before checking that its bytes exist.
#[test]
fn a_file_that_ends_in_the_length_of_its_header() {
    let whole = [MAGIC, b"\x02\x00\x10\x00\x00\x00"].concat();
    for len in 0..whole.len() {
        let error = header_error(&whole[..len]);
        assert!(matches!(error, HeaderError::TooShort { found, .. } if found == len as u64));
    }
}

/// libnpy, cnpy: the product of a shape wrapped around, and a buffer of that size was too small.
#[test]
fn a_product_that_wraps_is_too_large() {
    for dims in [
        "(4294967296, 4294967296)",        // to 0
        "(6148914691236517206, 3)",        // to 2
        "(9223372036854775807, 2, 3)",     // past the sign
        "(0, 9223372036854775807, 2)",     // behind a zero
        "(9223372036854775807, 2, 0, 2)",  // before a zero
        "(65536, 65536, 65536, 65536, 1)", // to 0, in small steps
    ] {
        assert!(
            matches!(
                header_error(&shape(dims)),
                HeaderError::Shape { source: ShapeError::TooLarge { .. } }
            ),
            "{dims}"
        );
    }
}

/// The element count fits, but the byte length wraps around to the 8 bytes present.
#[test]
fn a_byte_length_that_wraps_is_too_large() {
    let bytes = npy_file(&dict("'<f8'", "False", "(2305843009213693953,)"), 8);
    let (_folder, path) = temp_file("x.npy", &bytes);
    assert!(matches!(open_on_both_backends(&path, None), Err(Error::TooLarge { .. })));

    let shape = Shape::new([2_305_843_009_213_693_953]).expect("fits as a number of elements");
    let (_folder, path) = temp_file("x.dat", &[0; 8]);
    let spec = RawSpec::new(DType::F64, shape);
    assert!(matches!(open_on_both_backends(&path, Some(&spec)), Err(Error::TooLarge { .. })));
}

/// The offset plus the length of the data wraps around.
#[test]
fn an_offset_that_wraps_is_beyond_the_file() {
    let (_folder, path) = temp_file("x.dat", &[0; 8]);
    for offset in [u64::MAX, u64::MAX - 7, 1 << 63, 9] {
        let spec = RawSpec::new(DType::U8, Shape::new([8]).expect("small")).offset(offset);
        assert!(
            matches!(open_on_both_backends(&path, Some(&spec)), Err(Error::Truncated { .. })),
            "{offset}"
        );
    }
}

/// Dimensions beyond 64 bits lost their high bits.
#[test]
fn a_dimension_of_65_bits_is_too_large() {
    for dims in ["(18446744073709551617,)", "(18446744073709551616, 3)"] {
        assert!(
            matches!(header_error(&shape(dims)), HeaderError::DimensionTooLarge { .. }),
            "{dims}"
        );
    }
}

/// NumPy: a negative dimension made `fromfile` read to the end of the file; others looped forever.
#[test]
fn a_negative_dimension_is_refused() {
    for dims in ["(-1,)", "(3, -1)", "(-0,)", "(np.int64(-4),)", "(-9223372036854775808,)"] {
        let error = header_error(&shape(dims));
        assert!(matches!(error, HeaderError::NegativeDimension { .. }), "{dims}: {error}");
    }
}

/// cnpy: the length of the data was subtracted from a shorter file length.
#[test]
fn data_shorter_than_the_shape_is_reported_as_truncated() {
    for data in [0, 1, 47] {
        let (_folder, path) =
            temp_file("x.npy", &npy_file(&dict("'<f4'", "False", "(3, 4)"), data));
        let Err(Error::Truncated { expected, found, .. }) = open_on_both_backends(&path, None)
        else {
            panic!("{data} bytes of 48 are not enough");
        };
        assert_eq!(expected - found, 48 - data as u64);
    }
}

/// numpy.load: bytes after the data were ignored, for example if a shape lost a digit.
#[test]
fn bytes_after_the_data_are_counted_and_refused() {
    let (_folder, path) = temp_file("x.npy", &npy_file(&dict("'<f4'", "False", "(3, 4)"), 120));
    let error = open_on_both_backends(&path, None).expect_err("72 bytes more");
    assert!(matches!(error, Error::TrailingBytes { .. }));
    assert!(error.to_string().contains("72 extra bytes"), "{error}");
}

/// numpy.memmap: opening a truncated file for writing filled it with zeros, which hid the loss.
#[test]
fn a_truncated_file_opened_for_writing_is_not_extended() {
    let bytes = npy_file(&dict("'<f4'", "False", "(3, 4)"), 40);
    let (_folder, path) = temp_file("x.npy", &bytes);
    assert!(matches!(ArrayMut::<f32>::open(&path), Err(Error::Truncated { .. })));
    assert!(matches!(CowArray::<f32>::open(&path), Err(Error::Truncated { .. })));
    assert_eq!(fs::read(&path).expect("still exists"), bytes);

    let (_folder, path) = temp_file("x.dat", &[7; 40]);
    let spec = RawSpec::new(DType::F32, Shape::new([3, 4]).expect("small"));
    assert!(matches!(ArrayMut::<f32>::open_raw(&path, &spec), Err(Error::Truncated { .. })));
    assert_eq!(fs::read(&path).expect("still exists"), [7; 40]);
}

/// Python's `ast.literal_eval`, which NumPy calls, overflows the stack on deep nesting.
#[test]
fn nesting_is_refused_at_any_depth() {
    for open in ["(", "[", "{", "((", "{'a': ", "[(", "{'descr': ["] {
        let deep = open.repeat(60_000 / open.len());
        for text in [deep.clone(), dict(&deep, "False", "(3,)"), dict("'<f4'", "False", &deep)] {
            let bytes = npy_file(&text, 0);
            let held = peak_bytes(|| drop(header_error(&bytes)));
            assert!(held < 80 * 1024, "{held} bytes");
        }
    }
    for open in ["[", "{\"a\":", "{\"rowmill\": 1, \"shape\": [["] {
        let deep = open.repeat(500_000 / open.len());
        assert!(Sidecar::parse(deep.as_bytes()).is_err());
        assert!(Sidecar::parse_handmade(deep.as_bytes()).is_err());
    }
}

/// stablehlo: the end of the shape was searched before its start, and the distance wrapped around.
#[test]
fn a_shape_that_closes_before_it_opens() {
    for dims in [")3, 4(", ")", ")(", "(", "3)", ",)"] {
        let error = header_error(&shape(dims));
        let seen = matches!(error, HeaderError::Syntax { .. } | HeaderError::WrongType { .. });
        assert!(seen, "{dims}: {error}");
    }
}

/// stablehlo: it took the first and last character of an empty dtype, and parsed `<ixy` as a
/// number.
#[test]
fn an_invalid_dtype_code_is_refused() {
    for descr in ["''", "'<'", "'<i'", "'<ixy'", "'<i99999999999999999999'", "'<f-4'", "'4'"] {
        let error = header_error(&npy_file(&dict(descr, "False", "(3,)"), 12));
        assert!(matches!(error, HeaderError::UnsupportedDType { .. }), "{descr}: {error}");
    }
}

/// NumPy before 1.16.3 (CVE-2019-6446): a file of dtype object is a pickle, and loading runs it.
#[test]
fn a_pickle_is_never_run() {
    let (folder, path) = temp_file("x.npy", b"");
    let trap = folder.path().join("sprung");
    let mut bytes = npy_file(&dict("'|O'", "False", "(1,)"), 0);
    bytes.extend(format!("cos\nsystem\n(S'touch {}'\ntR.", trap.display()).into_bytes());
    fs::write(&path, bytes).expect("a small file");
    let error = open_on_both_backends(&path, None).expect_err("objects").to_string();
    assert!(error.contains("'|O'") && error.contains("Python objects"), "{error}");
    assert!(!trap.exists());
}

/// Readers that evaluate the header execute its expressions.
#[test]
fn an_expression_is_never_evaluated() {
    for value in ["(__import__('os').getpid(),)", "(1+1,)", "(2**3,)", "(1 if 1 else 2,)", "x"] {
        let error = header_error(&shape(value));
        let seen = matches!(error, HeaderError::Syntax { .. } | HeaderError::WrongType { .. });
        assert!(seen, "{value}: {error}");
    }
}

/// Python keeps the last of two equal keys, other readers keep the first.
#[test]
fn a_duplicate_key_is_refused() {
    let twice = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'descr': '<f8'}";
    assert!(matches!(
        header_error(&npy_file(twice, 12)),
        HeaderError::DuplicateKey { key: "descr" }
    ));
}

/// safetensors: the same in JSON, where an escape can also hide that two keys are equal.
#[test]
fn a_duplicate_key_in_a_sidecar_is_refused() {
    for second in ["shape", "sh\\u0061pe"] {
        let text =
            format!("{{\"rowmill\": 1, \"dtype\": \"<f4\", \"shape\": [3], \"{second}\": [4]}}");
        let error = Sidecar::parse(text.as_bytes()).expect_err("twice");
        assert!(matches!(error, SidecarError::DuplicateKey { key: "shape" }), "{error}");
    }
}

/// Unknown keys were ignored, although one could say that the data is compressed.
#[test]
fn an_unknown_key_is_refused() {
    let extra = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'codec': 'zlib'}";
    assert!(matches!(header_error(&npy_file(extra, 12)), HeaderError::UnknownKey { .. }));
    let path = br#"{"rowmill": 1, "dtype": "<f4", "shape": [3], "path": "/etc/passwd"}"#;
    assert!(matches!(Sidecar::parse(path), Err(SidecarError::UnknownKey { .. })));
}

/// Some readers check only the major version, or no version at all.
#[test]
fn other_versions_are_refused() {
    let good = npy_file(&dict("'<f4'", "False", "(3, 4)"), 48);
    for (major, minor) in [(0, 0), (1, 1), (2, 1), (3, 1), (4, 0), (255, 255)] {
        let mut bytes = good.clone();
        bytes[6..8].copy_from_slice(&[major, minor]);
        let error = header_error(&bytes);
        assert!(matches!(error, HeaderError::Version { .. }), "{error}");
        assert!(error.to_string().contains(&format!("{major}.{minor}")), "{error}");
    }
}

/// Version 3.0 declares UTF-8, but its bytes may be invalid.
#[test]
fn a_header_that_is_not_utf8_is_refused() {
    let text = b"{'descr': '\xff\xfe', 'fortran_order': False, 'shape': (3,)}";
    let len = (text.len() as u32).to_le_bytes();
    let bytes = [MAGIC, &[3, 0], &len, &text[..]].concat();
    assert!(matches!(header_error(&bytes), HeaderError::NotUtf8 { at: 11 }));
}

/// NumPy on Python 2 wrote `10L`; NumPy 2's `open_memmap` writes headers that `np.load` rejects.
#[test]
fn integers_as_printed_by_python_and_numpy() {
    for dims in ["(10L, 3L)", "(np.int64(10), np.int64(3))", "(np.uint8( 10 ), 3)"] {
        assert_eq!(header(&shape(dims)).expect(dims).shape.dims(), [10, 3]);
    }
    for dims in ["(10LL,)", "(L,)", "(np.int64(3L),)", "(np.float64(3),)", "(np.int64(),)"] {
        assert!(header(&shape(dims)).is_err(), "{dims}");
    }
}

/// Python's truth rules accept 1, "yes" and [0] as true, which leaves the order a guess.
#[test]
fn an_order_that_is_not_true_or_false_is_refused() {
    for order in ["1", "0", "'True'", "None", "true", "Truely", "[]"] {
        let error = header_error(&npy_file(&dict("'<f4'", order, "(3,)"), 12));
        assert!(matches!(error, HeaderError::WrongType { .. }), "{order}: {error}");
    }
}

/// Some readers store dimensions in a fixed array that is too short.
#[test]
fn the_65th_dimension_is_refused() {
    assert_eq!(header(&shape(&format!("({})", "1, ".repeat(64)))).expect("64").shape.ndim(), 64);
    for n in [65, 1000, 20_000] {
        assert!(matches!(
            header_error(&shape(&format!("({})", "1, ".repeat(n)))),
            HeaderError::Shape { source: ShapeError::TooManyDimensions { found } } if found == n
        ));
    }
}

/// Many readers parse JSON numbers as doubles: 1e3 and 3.0 become lengths, and 2^53 + 1 is rounded.
#[test]
fn numbers_of_a_sidecar_are_whole_and_exact() {
    for number in ["3.0", "1e3", "-1", "18446744073709551616", "\"3\"", "null", "true", "[3]"] {
        let text = format!("{{\"rowmill\": 1, \"dtype\": \"<f4\", \"shape\": [{number}]}}");
        assert!(Sidecar::parse(text.as_bytes()).is_err(), "{number}");
        let text = format!("{{\"rowmill\": 1, \"offset\": {number}}}");
        assert!(Sidecar::parse(text.as_bytes()).is_err(), "{number}");
    }
    let text = br#"{"rowmill": 1, "offset": 9007199254740993}"#;
    assert_eq!(Sidecar::parse(text).expect("exact").offset, Some(9_007_199_254_740_993));
}

/// Text files of other systems: a byte order mark, UTF-16, or no text at all.
#[test]
fn a_sidecar_that_is_not_plain_json_is_refused() {
    let good = br#"{"rowmill": 1, "dtype": "<f4", "shape": [3]}"#;
    assert!(Sidecar::parse(good).is_ok());
    let wide: Vec<u8> = good.iter().flat_map(|&b| [b, 0]).collect();
    let marked = [b"\xef\xbb\xbf", &good[..]].concat();
    let longer = [&good[..], b"{}"].concat();
    for bytes in [&wide[..], &marked, &longer, &good[1..], b"", b"\0", b"null", b"[]"] {
        assert!(Sidecar::parse(bytes).is_err());
    }
}

/// h5py, and `np.load` on Linux: the reader waits forever on a pipe, or reads a directory.
#[cfg(unix)]
#[test]
fn a_pipe_does_not_block() {
    let (folder, array) = temp_file("x.dat", &[0; 12]);
    let pipe = |name: &str| {
        let path = folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
        assert!(made.success());
        path
    };
    assert!(matches!(open_on_both_backends(&pipe("y.npy"), None), Err(Error::NotRegular { .. })));
    assert!(matches!(open_on_both_backends(folder.path(), None), Err(Error::NotRegular { .. })));
    assert!(ArrayMut::<f32>::open(folder.path().join("y.npy")).is_err());
    assert!(ArrayMut::<f32>::create(folder.path().join("y.npy"), [3]).is_err());
    let sidecar = pipe("x.dat.meta.json");
    assert!(open_on_both_backends(&array, None).is_err());
    fs::remove_file(sidecar).expect("the pipe");
    pipe("x_meta.json");
    assert!(open_on_both_backends(&array, None).is_err());
}

/// A sidecar above the size limit for reading: the array would be written but could never be
/// opened.
#[test]
fn a_sidecar_too_long_to_be_read_is_not_written() {
    let (folder, _path) = temp_file("other", b"");
    let path = folder.path().join("x.npy");
    let names = vec!["n".repeat(1000); 1100];
    let made = CreateOptions::new().columns(names).create::<u8>(&path, [1, 1100]);
    let error = made.expect_err("1.1 MB of names");
    assert!(
        matches!(&error, Error::Sidecar { source: SidecarError::TooLong { .. }, .. }),
        "{error}"
    );
    assert_eq!(fs::read_dir(folder.path()).expect("a list").count(), 1, "nothing is left behind");
}
