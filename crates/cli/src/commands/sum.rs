//! `rowmill sum`

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
        let sum = A::sum().masked(of.mask).nan(of.nan);
        if of.everything {
            let count = A::cell_len(of.array.shape()) as u64;
            let (dims, sums) = A::cells(of.engine.reduce(of.array, sum)?);
            let total = |sum: T::Sum| Total { value: sum.into(), count };
            return Ok((dims, sums.into_iter().map(total).collect()));
        }
        let counts = A::counts().masked(of.mask).nan(of.nan);
        let (sums, counts) = of.engine.reduce(of.array, (sum, counts))?;
        let ((dims, sums), (_, counts)) = (A::cells(sums), A::cells(counts));
        let both = sums.into_iter().zip(counts);
        Ok((dims, both.map(|(s, c)| Total { value: s.into(), count: c.count }).collect()))
    }
}
