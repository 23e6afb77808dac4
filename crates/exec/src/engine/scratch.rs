//! Scratch buffers of one worker, lent to kernels.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use rowmill_core::TileBuffer;

/// A worker's own pool of buffers. They keep their size, so that all blocks after the first reuse
/// allocated memory that is in cache.
#[derive(Debug, Default)]
pub struct Scratch {
    free: RefCell<Vec<Vec<u64>>>,
    /// The buffer that a mask is read into.
    pub(crate) mask: RefCell<TileBuffer<bool>>,
}

impl Scratch {
    /// A buffer of `len` elements with arbitrary contents.
    pub(crate) fn take<T: Pod>(&self, len: usize) -> Lease<'_, T> {
        let mut words = self.free.borrow_mut().pop().unwrap_or_default();
        let needed = (len * size_of::<T>()).div_ceil(size_of::<u64>());
        if words.len() < needed {
            words.resize(needed, 0);
        }
        Lease { words, len, pool: self, element: PhantomData }
    }
}

/// A buffer that returns to its pool when dropped.
#[derive(Debug)]
pub(crate) struct Lease<'a, T> {
    words: Vec<u64>,
    len: usize,
    pool: &'a Scratch,
    element: PhantomData<T>,
}

impl<T: Pod> Deref for Lease<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

impl<T: Pod> DerefMut for Lease<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        self.pool.free.borrow_mut().push(std::mem::take(&mut self.words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back() {
        let scratch = Scratch::default();
        let mut a = scratch.take::<f32>(5);
        a.fill(1.0);
        let b = scratch.take::<u8>(3);
        assert_eq!((a.len(), b.len()), (5, 3));
        drop((a, b));
        assert_eq!(scratch.free.borrow().len(), 2);
        assert_eq!(scratch.take::<u64>(9).len(), 9);
    }
}
