//! The text forms of axes, statistics and scalars. The tests are not beside the code, because the
//! crate would be compiled once more for them.

use proptest::prelude::*;
use rowmill_any::{
    AnySource, Axes, ParseAxesError, Request, Scalar, Scalars, Statistic, Statistics,
};
use rowmill_core::{Complex, SliceSource, f16};
use rowmill_exec::{Engine, NormOrder};

#[test]
fn axes_are_names_or_lists() {
    assert_eq!("columns".parse(), Ok(Axes::Columns));
    assert_eq!("0, -1".parse(), Ok(Axes::Listed(vec![0, -1])));
    for text in ["", "column", "0,", "1.5", "0-2"] {
        assert_eq!(text.parse::<Axes>(), Err(ParseAxesError), "{text}");
    }
    assert_eq!(Axes::Listed(vec![0, -1]).to_string(), "0,-1");
}

#[test]
fn every_name_round_trips() {
    for text in [
        "count",
        "nan",
        "inf",
        "sum",
        "sum(exact)",
        "mean",
        "mean(exact)",
        "var",
        "var(1)",
        "std",
        "std(2)",
        "min",
        "max",
        "ptp",
        "argmin",
        "argmax",
        "prod",
        "skew",
        "skew(unbiased)",
        "kurtosis",
        "kurtosis(unbiased)",
        "norm",
        "norm(1)",
        "norm(max)",
        "any",
        "all",
        "distinct",
        "top_k(10)",
        "bottom_k(1)",
        "median",
        "quantile(0.25,0.75)",
        "approx_quantile(0.5)",
        "histogram(20)",
        "histogram(20,-1,1.5)",
        "cov",
        "cov(1)",
        "corr",
    ] {
        let statistic: Statistic = text.parse().expect(text);
        assert_eq!(statistic.to_string(), text);
    }
    assert_eq!("norm(2)".parse(), Ok(Statistic::Norm(NormOrder::L2)));
    assert_eq!(" quantile( 0.5 ) ".parse(), Ok(Statistic::Quantile(vec![0.5])));
}

#[test]
fn errors_name_the_expected_form() {
    for (text, message) in [
        ("", "there are count"),
        ("maximum", "did you mean max?"),
        ("avg", "did you mean mean?"),
        ("min(1)", "min takes no options"),
        ("var(-1)", "from 0 on"),
        ("var(1.5)", "from 0 on"),
        ("top_k", "top_k(10)"),
        ("top_k(0)", "top_k(10)"),
        ("quantile", "from 0 to 1"),
        ("quantile(50)", "from 0 to 1"),
        ("quantile(0.5", "not closed"),
        ("norm(3)", "norm(max)"),
        ("sum(fast)", "sum(exact)"),
        ("histogram", "histogram(BINS"),
        ("histogram(0)", "histogram(BINS"),
        ("histogram(5,1,0)", "histogram(BINS"),
        ("histogram(5,0,inf)", "histogram(BINS"),
    ] {
        let error = text.parse::<Statistic>().expect_err(text).to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn lists_have_commas_within_brackets() {
    let list: Statistics = "min, quantile(0.5,0.99),max".parse().expect("three");
    assert_eq!(list.to_string(), "min,quantile(0.5,0.99),max");
    for text in ["", "min,", ",min", "min,,max", "min max", "quantile(0.5,0.9"] {
        assert!(text.parse::<Statistics>().is_err(), "{text}");
    }
}

#[test]
fn shapes_of_the_named_axes() {
    let engine = Engine::new().expect("threads");
    let dims_of = |shape: &[usize], axes: &Axes, keepdims: bool| {
        let data = [1_i32; 24];
        let x = SliceSource::new(&data[..shape.iter().product()], shape).expect("enough values");
        let request = Request::new("sum".parse().expect("one")).axes(axes.clone());
        let answer = request.keepdims(keepdims).reduce(&engine, &AnySource::new(x));
        answer.expect("small").dims().to_vec()
    };
    for (axes, dims, kept) in [
        (Axes::All, &[][..], &[1, 1, 1][..]),
        (Axes::Columns, &[3, 4], &[1, 3, 4]),
        (Axes::Rows, &[2], &[2, 1, 1]),
    ] {
        assert_eq!(dims_of(&[2, 3, 4], &axes, false), dims);
        assert_eq!(dims_of(&[2, 3, 4], &axes, true), kept);
    }
    assert_eq!(dims_of(&[], &Axes::Rows, false), [1]);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z_(),. 0-9-]{0,40}") {
        if let Ok(list) = text.parse::<Statistics>() {
            let again: Statistics = list.to_string().parse().expect("as displayed");
            prop_assert_eq!(again, list);
        }
    }
}

#[test]
fn json_keeps_every_bit() {
    let json = |n: Scalar| serde_json::to_string(&n).expect("plain");
    assert_eq!(json(Scalar::Float(f64::NAN)), "null");
    assert_eq!(json(Scalar::Missing), "null");
    assert_eq!(json(Scalar::Float(f64::INFINITY)), "\"inf\"");
    assert_eq!(json(Scalar::Float(f64::NEG_INFINITY)), "\"-inf\"");
    assert_eq!(json(u64::MAX.into()), "18446744073709551615");
    assert_eq!(json(i64::MIN.into()), "-9223372036854775808");
    assert_eq!(json(Scalar::Wide(1 << 100)), "\"1267650600228229401496703205376\"");
    assert_eq!(json(true.into()), "true");
    assert_eq!(json(Complex::new(1.5, f64::NAN).into()), "[1.5,null]");
    for value in [0.1_f64, -0.0, 1e300, 5e-324, 1.0 / 3.0, 123_456_789.0] {
        let back: f64 = serde_json::from_str(&json(value.into())).expect("a number");
        assert_eq!(back.to_bits(), value.to_bits());
    }
}

#[test]
fn display_shows_all_digits() {
    assert_eq!(Scalar::Float(0.1).to_string(), "0.1");
    assert_eq!(Scalar::Float(3.0).to_string(), "3.0");
    assert_eq!(Scalar::Float(f64::NAN).to_string(), "nan");
    assert_eq!(Scalar::Float(f64::NEG_INFINITY).to_string(), "-inf");
    assert_eq!(Scalar::from(f16::from_f32(1.5)).to_string(), "1.5");
    let z = |re, im| Scalar::from(Complex::new(re, im)).to_string();
    assert_eq!((z(1.5, -2.0), z(f64::NAN, f64::INFINITY)), ("1.5-2.0j".into(), "nan+infj".into()));
}

#[test]
fn columns_have_one_kind_if_possible() {
    let floats: Scalars = vec![Scalar::Float(1.5), Scalar::Float(2.0)].into();
    assert_eq!(floats, Scalars::Float(vec![1.5, 2.0]));
    let gaps: Scalars = vec![Scalar::Signed(1), Scalar::Missing].into();
    assert_eq!((gaps.len(), gaps.get(1)), (2, Scalar::Missing));
    assert!(Scalars::from(Vec::new()).is_empty());
}

#[test]
fn numbers_nest_by_shape() {
    let json = |dims: &[usize]| {
        let numbers = Scalars::Unsigned((0..6).collect());
        serde_json::to_string(&numbers.nested(dims)).expect("plain")
    };
    assert_eq!(json(&[]), "0");
    assert_eq!(json(&[3]), "[0,1,2]");
    assert_eq!(json(&[2, 3]), "[[0,1,2],[3,4,5]]");
    assert_eq!(json(&[2, 1, 2]), "[[[0,1]],[[2,3]]]");
    assert_eq!(json(&[0]), "[]");
    assert_eq!(json(&[2, 0]), "[[],[]]");
    let x = AnySource::new(SliceSource::new(&[3_u8, 1, 2, 5], [2, 2]).expect("small"));
    let request = Request::new("max,top_k(2)".parse().expect("statistics")).axes(Axes::Columns);
    let answer = request.reduce(&Engine::new().expect("workers"), &x).expect("an answer");
    let json = |i: usize| {
        serde_json::to_string(&answer.columns()[i].nested(answer.dims())).expect("plain")
    };
    assert_eq!((json(0), json(1)), ("[3,5]".to_owned(), "[[3,2],[5,1]]".to_owned()));
}
