use super::*;
use crate::dtype::DType;

fn field(descr: &str, wanted: Option<&str>) -> Result<Dict, HeaderError> {
    let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (5, 2), }}");
    parse_field(text.as_bytes(), Encoding::Utf8, wanted)
}

/// `np.lib.format.dtype_to_descr` of an aligned dtype, a nested one, and one with a title.
const MANY: &str = "[('id', '<u2'), ('', '|V2'), ('temp', '>f4'), ('name', '<U3'), \
    ('pos', [('x', '<f8'), ('y', '<f8', (2, 3))]), (('a title', 'when'), '<M8[ns]'), \
    ('many', [('k', '|i1')], (4,)), ('one', [('k', '|i1')], (1,)), ('last', '<c8', (2,))]";

#[test]
fn fields_are_where_numpy_puts_them() {
    // From numpy: dtype.fields, and the sizes of sub-arrays.
    for (name, dtype, offset, axes) in [
        ("id", DType::U16, 0, &[][..]),
        ("temp", DType::F32, 4, &[]),
        ("pos.x", DType::F64, 20, &[]),
        ("pos.y", DType::F64, 28, &[2, 3]),
        ("one.k", DType::I8, 88, &[]),
        ("last", DType::C64, 89, &[2]),
    ] {
        let found = field(MANY, Some(name)).expect(name);
        let record = found.record.expect("structured");
        assert_eq!((found.dtype, record.offset, record.size), (dtype, offset, 105), "{name}");
        assert_eq!((record.count, record.len), (10, axes.iter().product()), "{name}");
        assert_eq!(found.shape.dims(), [&[5, 2], axes].concat(), "{name}");
    }
    assert_eq!(field(MANY, Some("temp")).expect("there").byte_order, crate::dtype::ByteOrder::Big);
}

#[test]
fn unsupported_fields_are_refused_by_name() {
    let says = |descr: &str, wanted: Option<&str>, texts: &[&str]| {
        let error = field(descr, wanted).expect_err(descr).to_string();
        for text in texts {
            assert!(error.contains(text), "{text:?} is not in {error:?}");
        }
        assert!(error.len() < 1000, "{error}");
    };
    says(MANY, None, &["fields id, temp, name, pos.x, pos.y, when, many.k", "FILE.npy[NAME]"]);
    says(MANY, Some("tmep"), &["no field \"tmep\"", "id, temp"]);
    says(MANY, Some("name"), &["\"name\"", "Unicode strings"]);
    says(MANY, Some("when"), &["dates and times"]);
    says(MANY, Some("pos"), &["a record itself"]);
    says(MANY, Some("many.k"), &["sub-array themselves"]);
    says(MANY, Some(""), &["no field"]);
    says("'<f4'", Some("x"), &["\"x\"", "no structured array"]);
    says("[('x', '<f4'), ('x', '<f8')]", Some("x"), &["more than one"]);
    says("[('x', '|O')]", Some("x"), &["Python objects"]);
    says("[]", None, &["structured"]);
    for broken in [
        "[",
        "[('x')]",
        "[('x', '<f4'",
        "[('x', '<f4') ('y', '<f4')]",
        "[('x', 4)]",
        "[(4, '<f4')]",
    ] {
        assert!(matches!(field(broken, Some("x")), Err(HeaderError::Syntax { .. })), "{broken}");
    }
    let deep = format!("{}{}", "[('a', ".repeat(1000), ")]".repeat(1000));
    says(&deep, Some("a"), &["eight deep"]);
    says("[('x', '|V9223372036854775807', (3,)), ('y', '<f4')]", Some("y"), &["can be counted"]);
    says("[('x', '<f4', (9223372036854775807, 2))]", Some("x"), &["[9223372036854775807, 2]"]);
    let many: String = (0..3000).map(|i| format!("('f{i}', '<f4'), ")).collect();
    says(&format!("[{many}]"), None, &["f0, f1", "f19, …"]);
    assert_eq!(
        field(&format!("[{many}]"), Some("f2999")).expect("last").record.expect("r").offset,
        11_996
    );
    let text = "{'descr': [('x', '<f4')], 'fortran_order': True, 'shape': (5, 2), }";
    let fortran = parse_field(text.as_bytes(), Encoding::Utf8, Some("x"));
    assert!(matches!(fortran, Err(HeaderError::FortranRecords)));
}
