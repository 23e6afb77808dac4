use proptest::prelude::*;
use rowmill_core::SliceSource;

use super::*;
use crate::engine::Engine;
use crate::error::Error;
use crate::kernel::select::mask::Select;
use crate::kernel::{Moments, NanPolicy, Numeric, Stats, Sum};

fn compare(op: CompareOp, threshold: Threshold) -> Condition {
    Condition::of(Node::Compare(Condition::value(), op, threshold))
}

fn float(op: CompareOp, t: f64) -> Condition {
    compare(op, Threshold::Float(t))
}

fn integer(op: CompareOp, t: i128) -> Condition {
    compare(op, Threshold::Integer(t))
}

#[test]
fn every_spelling() {
    use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
    let cases = [
        ("x > 0.5", float(Gt, 0.5)),
        ("x>0.5", float(Gt, 0.5)),
        ("  x\t>=\n1e-3 ", float(Ge, 1e-3)),
        ("x<-2", integer(Lt, -2)),
        ("x <= +7", integer(Le, 7)),
        ("x == 3", integer(Eq, 3)),
        ("x = 3", integer(Eq, 3)),
        ("x!=0", integer(Ne, 0)),
        ("0.5 < x", float(Gt, 0.5)),
        ("0.5<x", float(Gt, 0.5)),
        ("-1 <= x", integer(Ge, -1)),
        ("1e+2>x", float(Lt, 100.0)),
        ("1E-2 >= x", float(Le, 0.01)),
        ("3 != x", integer(Ne, 3)),
        ("x < inf", float(Lt, f64::INFINITY)),
        ("-inf < x", float(Gt, f64::NEG_INFINITY)),
        ("x > .5", float(Gt, 0.5)),
        ("x > 5.", float(Gt, 5.0)),
        ("x > 18446744073709551615", integer(Gt, u64::MAX.into())),
        ("(x > 5)", integer(Gt, 5)),
        ("temp>5", Condition::column("temp").gt(5)),
        ("été > 5", Condition::column("été").gt(5)),
        ("\"wind \\\"gust\\\"\" > 5", Condition::column("wind \"gust\"").gt(5)),
        ("[3] <= 5", Condition::column(3).le(5)),
        ("5 >= [3]", Condition::column(3).le(5)),
        ("isnan( temp )", Condition::column("temp").is_nan()),
        ("0 < x <= 1", Condition::value().gt(0).and(Condition::value().le(1))),
        (
            "a > 1 and b > 2 or not c > 3 and (d > 4 or x > 5)",
            Condition::column("a")
                .gt(1)
                .and(Condition::column("b").gt(2))
                .or((!Condition::column("c").gt(3))
                    .and(Condition::column("d").gt(4).or(Condition::value().gt(5)))),
        ),
        ("not not x > 1", !!Condition::value().gt(1)),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<Condition>().as_ref(), Ok(&expected), "{text}");
    }
}

#[test]
fn errors_point_at_their_place() {
    let deep = "(".repeat(200);
    let nots = "not ".repeat(5000);
    let cases = [
        ("", 0, "expected x, a column or a number, found the end"),
        ("  ", 2, "expected x, a column or a number, found the end"),
        ("x", 1, "expected > >= < <= == or !=, found the end"),
        ("x >", 3, "expected a number, found the end"),
        ("5 <", 3, "expected x or a column, found the end"),
        ("x > x", 4, "found x on both sides"),
        ("1 < 2", 4, "found numbers on both sides"),
        ("0 < x < y", 8, "expected a number, found y"),
        ("x > foo", 4, "expected a number, found foo; a term can be compared with numbers only"),
        ("x > 1.2.3", 4, "\"1.2.3\" is not a number"),
        ("x > -", 4, "\"-\" is not a number"),
        ("x > nan", 4, "write isnan(x)"),
        ("x > 1e999", 4, "too large"),
        ("x & 1", 2, "found '&'"),
        ("x >> 1", 3, "found '>'"),
        ("x <> 1", 3, "found '>'"),
        ("x > 1 & x < 2", 6, "write and"),
        ("x > 1 || x < 2", 6, "write or"),
        ("x > 5 %", 6, "expected and, or, or the end; found '%'"),
        ("x > 5 and", 9, "found the end"),
        ("x > 5 and or", 10, "found or"),
        ("(x > 5", 6, "expected ')', found the end"),
        ("x > 5)", 5, "found ')'"),
        ("isnan x", 6, "expected '(', found 'x'"),
        ("isnan(5)", 6, "found a number"),
        ("[-1] > 5", 1, "the number of a column"),
        ("[1.5] > 5", 1, "the number of a column"),
        ("[1 > 5", 3, "expected ']'"),
        ("\"temp > 5", 0, "no closing quote"),
        ("\"te\\mp\" > 5", 3, "after a backslash"),
        ("a.b > 5", 0, "put it into double quotes"),
        ("x > ½", 4, "is not a number"),
        (&deep, 100, "100 parentheses deep"),
        (&nots, 400, "100 parentheses deep"),
    ];
    for (text, at, message) in cases {
        let error = text.parse::<Condition>().expect_err(text);
        assert_eq!(error.at(), at, "{text}: {}", error.message());
        assert!(error.message().contains(message), "{text}: {}", error.message());
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        if let Err(error) = text.parse::<Condition>() {
            let _ = error.to_string();
        }
    }

    #[test]
    fn nothing_close_to_a_condition_panics(text in "([x0-9.eEinf+<>=! \u{a0}é()\"\\\\\\[\\]-]| and | or |not ){0,12}") {
        match text.parse::<Condition>() {
            Ok(condition) => prop_assert_eq!(condition.to_string().parse(), Ok(condition)),
            Err(error) => prop_assert!(text.is_char_boundary(error.at())),
        }
    }

    #[test]
    fn numbers_keep_their_bits(t in any::<f64>().prop_filter("NaN", |t| !t.is_nan())) {
        let condition = format!("x>={t:?}").parse::<Condition>().expect("a number");
        let Node::Compare(_, _, Threshold::Float(parsed)) = condition.root else {
            panic!("{t:?} has a point")
        };
        prop_assert_eq!(parsed.to_bits(), t.to_bits());
    }
}

/// The value of a condition for an element, computed in the simplest way.
fn naive(node: &Node, x: f64, row: &[f64]) -> bool {
    let of = |term: &Term| match &term.column {
        None => x,
        Some(ColumnName::Index(i)) => row[*i],
        Some(ColumnName::Name(_)) => panic!("resolved"),
    };
    match node {
        Node::Compare(term, op, t) => {
            let (x, t) = (of(term), t.to_f64());
            match op {
                CompareOp::Gt => x > t,
                CompareOp::Ge => x >= t,
                CompareOp::Lt => x < t,
                CompareOp::Le => x <= t,
                CompareOp::Eq => x == t,
                CompareOp::Ne => x != t,
            }
        }
        Node::IsNan(term) => of(term).is_nan(),
        Node::Not(node) => !naive(node, x, row),
        Node::All(nodes) => nodes.iter().all(|node| naive(node, x, row)),
        Node::Any(nodes) => nodes.iter().any(|node| naive(node, x, row)),
    }
}

/// Masked by a condition, and by an array that was decided naively: the same bits.
fn check<T: Numeric>(values: &[T], dims: [usize; 2], text: &str) {
    let x = SliceSource::new(values, dims).expect("as long as its shape");
    let condition: Condition = text.parse().expect(text);
    let floats: Vec<f64> = values.iter().map(|&x| T::to_f64(x)).collect();
    let kept: Vec<bool> = floats
        .chunks(dims[1])
        .flat_map(|row| row.iter().map(|&x| naive(&condition.root, x, row)))
        .collect();
    assert!(kept.contains(&true) && kept.contains(&false), "{text} decides something");
    let kept = SliceSource::new(&kept, dims).expect("as long as its shape");
    for workers in [1, 3] {
        let engine = Engine::builder().workers(workers).build().expect("workers");
        let by_array = (
            Stats::all().masked(Mask::array(&kept)).nan(NanPolicy::Skip),
            Sum::per_column().masked(Mask::array(&kept)),
            Moments::per_row().masked(Mask::array(&kept)),
        );
        let on = condition.on(&x);
        let by_condition = (
            Stats::all().masked(on.clone()).nan(NanPolicy::Skip),
            Sum::per_column().masked(on.clone()),
            Moments::per_row().masked(on),
        );
        let expected = engine.reduce(&x, by_array).expect("a sound array");
        let found = engine.reduce(&x, by_condition).expect("a sound array");
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}");
    }
}

const TEXTS: [&str; 9] = [
    "x > 3",
    "[1] > 3",
    "x > 3 and [1] > 3",
    "[0] > 3 or x == 2 or [1] != 4",
    "not (x > 2 and [1] > 3)",
    "2 <= x < 6 and not [0] < 2",
    "[0] > 2 and [1] > 2",
    "not [0] > 2 or [1] <= 2",
    "x != 3 and (x > 4 or [1] >= 5)",
];

#[test]
fn decided_as_said() {
    let value = |i: usize| (i * 7 + i / 11 * 3) % 9;
    for text in TEXTS {
        // Whole rows, and rows of several tiles.
        for dims in [[501, 3], [40_000, 9], [300, 5000]] {
            let n = dims[0] * dims[1];
            let float = |i: usize| if i % 17 == 3 { f32::NAN } else { value(i) as f32 };
            check(&(0..n).map(float).collect::<Vec<_>>(), dims, text);
            if dims[0] < 40_000 {
                check(&(0..n).map(|i| value(i) as u8).collect::<Vec<_>>(), dims, text);
                check(&(0..n).map(|i| value(i) as i64).collect::<Vec<_>>(), dims, text);
                check(&(0..n).map(|i| value(i) as f64).collect::<Vec<_>>(), dims, text);
            }
        }
    }
    let values: Vec<f32> = (0..999).map(|i| if i % 5 == 0 { f32::NAN } else { 1.0 }).collect();
    check(&values, [333, 3], "isnan(x)");
    check(&values, [333, 3], "isnan([0]) or not isnan([2])");
    check(&values, [333, 3], "x != 1 and not isnan([1])");
}

#[test]
fn columns_that_are_not_there() {
    let x = SliceSource::new(&[1.0_f64, 2.0, 3.0, 4.0], [2, 2]).expect("two rows");
    let engine = Engine::builder().workers(1).build().expect("a worker");
    let sum = |text: &str| {
        let condition: Condition = text.parse().expect(text);
        engine.reduce(&x, Sum::all().masked(condition.on(&x)))
    };
    assert_eq!(sum("[1] > 3").expect("a column"), 7.0);
    for (text, at, message) in [
        ("x > 1 and [2] > 3", 10, "there is no column [2]; columns go from [0] to [1]"),
        ("temp > 3", 0, "the columns have no names, so there is no \"temp\""),
    ] {
        let Err(Error::Condition(error)) = sum(text) else { panic!("{text}") };
        assert_eq!((error.at(), error.text()), (at, text));
        assert!(error.message().contains(message), "{}", error.message());
    }
    let other = SliceSource::new(&[1.0_f64, 2.0, 3.0], [3, 1]).expect("three rows");
    let condition = Condition::column(0).gt(1);
    let masked = Sum::all().masked(condition.on(&other));
    assert!(matches!(engine.reduce(&x, masked), Err(Error::MaskShape { .. })));
}

#[test]
fn jobs_on_columns_of_memory_have_no_name() {
    let x = SliceSource::new(&[1.0_f64, 2.0], [2, 1]).expect("two rows");
    let describe = |text: &str| {
        let condition: Condition = text.parse().expect(text);
        Select::<f64>::describe(&condition.on(&x))
    };
    assert_eq!(describe("x > 1 or isnan(x)").as_deref(), Some("x > 1 or isnan(x)"));
    assert_eq!(describe("[0] > 1"), None);
}
