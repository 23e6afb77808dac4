//! `rowmill mean`

use rowmill::{Result, Selector};

use super::total::Total;
use crate::reduce::{self, Answering, Kept, Of};

#[derive(Clone, Copy)]
pub(super) struct Question;

impl reduce::Question for Question {
    type Answer = Total;

    fn ask<T, A, M>(self, of: &Of<'_, T, M>) -> Result<(Vec<usize>, Vec<Total>)>
    where
        T: Answering,
        A: Kept,
        M: Selector<T> + Copy,
    {
        let mean = A::mean().masked(of.mask).nan(of.nan);
        if of.everything {
            let count = A::cell_len(of.array.shape()) as u64;
            let (dims, means) = A::cells(of.engine.reduce(of.array, mean)?);
            let total = |mean: f64| Total { value: mean.into(), count };
            return Ok((dims, means.into_iter().map(total).collect()));
        }
        let counts = A::counts().masked(of.mask).nan(of.nan);
        let (means, counts) = of.engine.reduce(of.array, (mean, counts))?;
        let ((dims, means), (_, counts)) = (A::cells(means), A::cells(counts));
        let both = means.into_iter().zip(counts);
        Ok((dims, both.map(|(m, c)| Total { value: m.into(), count: c.count }).collect()))
    }
}
