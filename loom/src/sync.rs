//! `std::sync` for the included source: the atomics are loom's.

pub use real_std::sync::{Arc, Mutex, MutexGuard, OnceLock};

pub mod atomic {
    use crate::model::{as_ordered, has_fences};
    pub use loom::sync::atomic::Ordering;

    pub fn fence(order: Ordering) {
        if has_fences() {
            loom::sync::atomic::fence(order);
        }
    }

    macro_rules! atomic {
        ($name:ident, $value:ty $(, $change:ident)*) => {
            #[derive(Default)]
            pub struct $name(loom::sync::atomic::$name);

            impl $name {
                pub fn new(value: $value) -> $name {
                    $name(loom::sync::atomic::$name::new(value))
                }
                pub fn load(&self, order: Ordering) -> $value {
                    self.0.load(as_ordered(order))
                }
                pub fn store(&self, value: $value, order: Ordering) {
                    self.0.store(value, as_ordered(order));
                }
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    self.0.swap(value, as_ordered(order))
                }
                $(
                    pub fn $change(&self, value: $value, order: Ordering) -> $value {
                        self.0.$change(value, as_ordered(order))
                    }
                )*
            }
        };
    }

    atomic!(AtomicUsize, usize, fetch_add, fetch_sub);
    atomic!(AtomicU64, u64, fetch_add);
    atomic!(AtomicBool, bool);
}
