//! Buffers that outlive their flows' need of them, so that a busy flow costs no allocation and an
//! idle one no memory.

use std::sync::{Mutex, PoisonError};

/// Bytes of a pooled buffer, or as many as whole items take of them.
const BUFFER_BYTES: usize = 4096;
/// Buffers kept for reuse.
const KEPT: usize = 1024;

/// A stack of empty buffers. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Pool<T = u8> {
    free: Mutex<Vec<Vec<T>>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            free: Mutex::default(),
        }
    }
}

impl<T> Pool<T> {
    /// Items in a buffer of the usual size.
    const ITEMS: usize = BUFFER_BYTES / size_of::<T>();

    /// An empty buffer for at least `len` items.
    pub(crate) fn take(&self, len: usize) -> Vec<T> {
        if len > Self::ITEMS {
            return Vec::with_capacity(len.next_power_of_two());
        }
        let pooled = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        pooled.unwrap_or_else(|| Vec::with_capacity(Self::ITEMS))
    }

    /// Takes a buffer back; one that isn't of the usual size, or too many, is freed.
    pub(crate) fn give(&self, mut buffer: Vec<T>) {
        if buffer.capacity() != Self::ITEMS {
            return;
        }
        buffer.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_taken_again_empty() {
        let pool = Pool::<u8>::default();
        let mut buffer = pool.take(10);
        buffer.push(1);
        let address = buffer.as_ptr();
        pool.give(buffer);
        let again = pool.take(BUFFER_BYTES);
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
    }

    #[test]
    fn large_and_surplus_buffers_are_freed() {
        let pool = Pool::<u8>::default();
        assert!(pool.take(BUFFER_BYTES + 1).capacity() > BUFFER_BYTES);
        for _ in 0..2 * KEPT {
            pool.give(Vec::with_capacity(BUFFER_BYTES));
        }
        pool.give(Vec::with_capacity(2 * BUFFER_BYTES));
        assert_eq!(pool.free.lock().expect("no panic while held").len(), KEPT);
    }
}
