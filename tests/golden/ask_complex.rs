//! The engine's answer to a case of complex numbers: fewer reductions, and masks by position only.

use rowmill::reduce::{Axes, ComplexMeanVar, Positional};
use rowmill::select::Unmasked;
use rowmill::view::SliceSource;
use rowmill::{Complex, Counts, Engine, Mask, Mean, Moments, Over, Result, Source, Sum};

use crate::answer::{Answer, Number, complex};
use crate::ask::tally;
use crate::case::Case;
use crate::common::erased::Erased;
use crate::input::{AnySource, Input, TestElement, mask};

pub(crate) const KERNELS: [&str; 5] = ["sum", "mean", "moments", "moments ddof-1", "counts"];

/// A complex element type.
pub(crate) trait ComplexElement: TestElement {
    /// The answer to a case, as in [`crate::ask::ask`].
    fn ask(case: &Case, input: &Input<Self>, engine: &Engine, layout: &str) -> Result<Answer>;
}

fn moments(found: ComplexMeanVar) -> Vec<Number> {
    vec![
        found.count.into(),
        found.mean.re.into(),
        found.mean.im.into(),
        found.var.into(),
        found.std().into(),
    ]
}

macro_rules! paired {
    ($($t:ty: $kernel:ident;)*) => {$(
        fn $kernel<'a, M>(case: &Case, axes: Axes<'a>, mask: M) -> Erased<'a, Complex<$t>, Answer>
        where
            M: Positional<$t> + Copy + 'a,
        {
            macro_rules! erased {
                ($reduction:expr, $numbers:expr) => {
                    Erased::new($reduction.masked(mask).nan(case.nan()), move |output| {
                        Answer::cells(output, $numbers)
                    })
                };
            }
            let ddof = u64::from(case.has("ddof-1"));
            match case.kernel {
                "sum" => erased!(Sum::over(axes), complex),
                "mean" => erased!(Mean::over(axes), complex),
                "moments" | "moments ddof-1" => erased!(Moments::over(axes).ddof(ddof), moments),
                "counts" => erased!(Counts::over(axes), tally),
                other => panic!("there is no {other} of complex numbers"),
            }
        }

        impl ComplexElement for Complex<$t> {
            fn ask(
                case: &Case,
                input: &Input<Self>,
                engine: &Engine,
                layout: &str,
            ) -> Result<Answer> {
                let over = over(case, input.source(layout));
                let x: AnySource<'_, Self> = Box::new(over.view());
                if case.mask == "none" {
                    return engine.reduce(&x, $kernel(case, over.axes(), Unmasked));
                }
                let (keep, dims) = mask(&input.dims, case.mask == "rows");
                let keep: AnySource<'_, bool> =
                    Box::new(SliceSource::new(&keep, &dims[..]).expect("matching shape"));
                let keep = match case.mask {
                    "rows" => keep,
                    _ => Box::new(self::over(case, keep).into_view()),
                };
                engine.reduce(&x, $kernel(case, over.axes(), Mask::array(&keep)))
            }
        }
    )*};
}
paired! {
    f32: kernel_c64;
    f64: kernel_c128;
}

fn over<'a, T: TestElement>(case: &Case, x: AnySource<'a, T>) -> Over<AnySource<'a, T>> {
    let (axes, keepdims) = case.axes(x.shape().ndim());
    let over = Over::new(x, &axes).unwrap_or_else(|error| panic!("{case}: {error}"));
    if keepdims { over.keepdims() } else { over }
}
