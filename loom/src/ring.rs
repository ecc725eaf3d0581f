//! `ringbuf::SharedRb` line by line, but for loom's indices, and a loom cell beside each slot that is touched whenever
//! the slot is handed out. Data is read and written right after that, before anything the other end could see.

use real_std::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    num::NonZeroUsize,
    ops::Range,
    slice,
    sync::{Arc, atomic::AtomicBool},
};

use loom::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Release},
};
use real_ringbuf::{
    traits::{Observer, Raw, RingBuffer, Split},
    wrap::{CachingCons, CachingProd},
};

use crate::model::{Order, weakened};

pub type HeapProd<T> = CachingProd<Arc<HeapRb<T>>>;
pub type HeapCons<T> = CachingCons<Arc<HeapRb<T>>>;

pub struct HeapRb<T> {
    read_index: AtomicUsize,
    write_index: AtomicUsize,
    /// Only swapped where an end is made or goes: nothing rests on them.
    read_held: AtomicBool,
    write_held: AtomicBool,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    watched: Box<[loom::cell::UnsafeCell<()>]>,
}

// SAFETY: as `SharedRb`; and the models run on one thread.
unsafe impl<T: Send> Sync for HeapRb<T> {}
// SAFETY: the same.
unsafe impl<T: Send> Send for HeapRb<T> {}

impl<T> HeapRb<T> {
    /// No model fills more than a few slots, and each costs loom time.
    pub fn new(capacity: usize) -> HeapRb<T> {
        let capacity = capacity.min(MOST_SLOTS);
        HeapRb {
            read_index: AtomicUsize::new(0),
            write_index: AtomicUsize::new(0),
            read_held: AtomicBool::new(false),
            write_held: AtomicBool::new(false),
            slots: (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
            watched: (0..capacity).map(|_| loom::cell::UnsafeCell::new(())).collect(),
        }
    }

    /// As ringbuf's own `ranges`.
    fn ranges(&self, start: usize, end: usize) -> (Range<usize>, Range<usize>) {
        let capacity = self.slots.len();
        let ((start_lap, start), (end_lap, end)) =
            ((start / capacity, start % capacity), (end / capacity, end % capacity));
        if start_lap % 2 == end_lap % 2 { (start..end, 0..0) } else { (start..capacity, 0..end) }
    }
}

impl<T> Observer for HeapRb<T> {
    type Item = T;

    fn capacity(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.slots.len()).unwrap()
    }
    fn read_index(&self) -> usize {
        self.read_index.load(weakened(Order::SeeRead, Acquire))
    }
    fn write_index(&self) -> usize {
        self.write_index.load(weakened(Order::SeeWritten, Acquire))
    }
    fn read_is_held(&self) -> bool {
        self.read_held.load(Acquire)
    }
    fn write_is_held(&self) -> bool {
        self.write_held.load(Acquire)
    }
}

// SAFETY: as `SharedRb`.
unsafe impl<T> Raw for HeapRb<T> {
    unsafe fn unsafe_slices(&self, start: usize, end: usize) -> (&[MaybeUninit<T>], &[MaybeUninit<T>]) {
        let (first, second) = self.ranges(start, end);
        let slice = |range: Range<usize>| {
            self.watched[range.clone()].iter().for_each(|slot| slot.with(|_| ()));
            let slots = &self.slots[range];
            // SAFETY: as `SharedRb`; an `UnsafeCell<T>` lies in memory as a `T`.
            unsafe { slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) }
        };
        (slice(first), slice(second))
    }
    unsafe fn unsafe_slices_mut(&self, start: usize, end: usize) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let (first, second) = self.ranges(start, end);
        let slice = |range: Range<usize>| {
            self.watched[range.clone()].iter().for_each(|slot| slot.with_mut(|_| ()));
            let slots = &self.slots[range];
            // SAFETY: as `SharedRb`; the cells may be written through a shared reference.
            unsafe { slice::from_raw_parts_mut(slots.as_ptr().cast_mut().cast(), slots.len()) }
        };
        (slice(first), slice(second))
    }
    unsafe fn set_read_index(&self, value: usize) {
        self.read_index.store(value, weakened(Order::PublishRead, Release));
    }
    unsafe fn set_write_index(&self, value: usize) {
        self.write_index.store(value, weakened(Order::PublishWritten, Release));
    }
    unsafe fn hold_read(&self, flag: bool) -> bool {
        self.read_held.swap(flag, real_std::sync::atomic::Ordering::AcqRel)
    }
    unsafe fn hold_write(&self, flag: bool) -> bool {
        self.write_held.swap(flag, real_std::sync::atomic::Ordering::AcqRel)
    }
}

impl<T> RingBuffer for HeapRb<T> {}

impl<T> Split for HeapRb<T> {
    type Prod = HeapProd<T>;
    type Cons = HeapCons<T>;

    fn split(self) -> (HeapProd<T>, HeapCons<T>) {
        let ring = Arc::new(self);
        (CachingProd::new(ring.clone()), CachingCons::new(ring))
    }
}

impl<T> Drop for HeapRb<T> {
    fn drop(&mut self) {
        // A model that has failed must not fail again on its way out.
        if !real_std::thread::panicking() {
            self.clear();
        }
    }
}

const MOST_SLOTS: usize = 8;
