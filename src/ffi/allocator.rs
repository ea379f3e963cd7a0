//! The global allocator: the server's own, so that `maxmemory`, INFO and MEMORY USAGE see the module's memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use redis_module::raw;

#[global_allocator]
static ALLOCATOR: ServerAllocator = ServerAllocator;

/// Allocates with the server's functions once it is loaded, and with the system's if anything is allocated before.
struct ServerAllocator;

/// Which allocator serves this copy of the library. The first allocation decides, for good: a block is always freed
/// by the allocator it came from, and no block needs a tag.
static CHOICE: AtomicU8 = AtomicU8::new(UNDECIDED);
const UNDECIDED: u8 = 0;
const SERVER: u8 = 1;
const SYSTEM: u8 = 2;

/// Bytes that are allocated at present, as they were asked for.
static USED: AtomicUsize = AtomicUsize::new(0);
/// Whether they have become more by [`STRIDE`] since somebody looked.
static GREW: AtomicBool = AtomicBool::new(false);
/// Each time that `USED` passes a multiple of this, it is worth a look.
const STRIDE: usize = 256 * 1024;

/// Bytes that the module has allocated.
pub fn used_bytes() -> u64 {
    USED.load(Ordering::Relaxed) as u64
}

/// Whether a good deal was allocated since [`note_looked`].
#[inline]
pub fn has_grown() -> bool {
    GREW.load(Ordering::Relaxed)
}

/// Somebody looks at how much is used.
pub fn note_looked() {
    GREW.store(false, Ordering::Relaxed);
}

fn count_more(bytes: usize) {
    let before = USED.fetch_add(bytes, Ordering::Relaxed);
    if before / STRIDE != before.wrapping_add(bytes) / STRIDE {
        GREW.store(true, Ordering::Relaxed);
    }
}

fn count_less(bytes: usize) {
    USED.fetch_sub(bytes, Ordering::Relaxed);
}

fn count_change(from: usize, to: usize) {
    if to >= from { count_more(to - from) } else { count_less(from - to) }
}

/// What `malloc` of every supported platform (glibc, musl, jemalloc on 64 bits) aligns blocks of this size to.
pub const SERVER_ALIGN: usize = 16;

/// Whether blocks come from the server, and so are addresses that its defragmentation and size functions understand.
pub fn is_servers() -> bool {
    match CHOICE.load(Ordering::Relaxed) {
        UNDECIDED => decide() == SERVER,
        choice => choice == SERVER,
    }
}

#[cold]
fn decide() -> u8 {
    let wanted = if has_api!(RedisModule_Alloc) { SERVER } else { SYSTEM };
    match CHOICE.compare_exchange(UNDECIDED, wanted, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => wanted,
        Err(decided_meanwhile) => decided_meanwhile,
    }
}

/// The size to ask the server for, so that its block has the alignment; None when no size does.
fn padded(layout: Layout) -> Option<usize> {
    (layout.align() <= SERVER_ALIGN).then(|| layout.size().max(layout.align()))
}

// SAFETY: every method hands a block to the allocator that `CHOICE` named before the first block existed. Blocks of the
// server are aligned to 16 when they are at least that large, which `padded` sees to; above that, `over_aligned` places
// the block itself.
unsafe impl GlobalAlloc for ServerAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_more(layout.size());
        if !is_servers() {
            // SAFETY: the caller's promise about `layout` is passed on.
            return unsafe { System.alloc(layout) };
        }
        match padded(layout) {
            // SAFETY: any size may be asked for; null is allowed as an answer.
            Some(size) => unsafe { server_alloc(size) },
            // SAFETY: the layout is one the caller vouches for.
            None => unsafe { over_aligned(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count_less(layout.size());
        if !is_servers() {
            // SAFETY: nothing was ever allocated by the server, so `block` is the system's.
            return unsafe { System.dealloc(block, layout) };
        }
        let start = if padded(layout).is_some() {
            block
        } else {
            // SAFETY: `over_aligned` stored the start of its allocation in the word before `block`.
            unsafe { block.cast::<*mut u8>().sub(1).read() }
        };
        // SAFETY: `start` came from the server's allocator and is freed once.
        unsafe { server_free(start) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc` and `dealloc`; what `over_aligned` gives is written before it is handed out.
        unsafe {
            match (is_servers(), raw::RedisModule_Calloc, padded(layout)) {
                (false, _, _) => {
                    count_more(layout.size());
                    System.alloc_zeroed(layout)
                }
                (true, Some(calloc), Some(size)) => {
                    count_more(layout.size());
                    calloc(1, size).cast()
                }
                (true, ..) => {
                    let block = self.alloc(layout);
                    if !block.is_null() {
                        block.write_bytes(0, layout.size());
                    }
                    block
                }
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `new_size` is not zero and, rounded up to the alignment, fits an isize.
        let wanted = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: `block` is the server's and starts its allocation when `padded` says so; otherwise it is moved by hand,
        // copying what both sizes have.
        unsafe {
            match (is_servers(), raw::RedisModule_Realloc, padded(wanted)) {
                (false, _, _) => {
                    count_change(layout.size(), new_size);
                    System.realloc(block, layout, new_size)
                }
                (true, Some(realloc), Some(size)) => {
                    count_change(layout.size(), new_size);
                    realloc(block.cast(), size).cast()
                }
                (true, ..) => {
                    let moved = self.alloc(wanted);
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                        self.dealloc(block, layout);
                    }
                    moved
                }
            }
        }
    }
}

/// # Safety
/// The server's functions are there (`is_servers`).
unsafe fn server_alloc(size: usize) -> *mut u8 {
    // SAFETY: read only after the server wrote it; a missing function is an allocation that fails.
    unsafe { raw::RedisModule_Alloc.map_or(std::ptr::null_mut(), |alloc| alloc(size).cast()) }
}

/// # Safety
/// `start` was given by `server_alloc` and is freed once.
unsafe fn server_free(start: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(free) = raw::RedisModule_Free {
            free(start.cast());
        }
    }
}

/// A block aligned beyond what the server promises, with the start of its allocation in the word before it.
///
/// # Safety
/// As `server_alloc`; the alignment is above 16.
unsafe fn over_aligned(layout: Layout) -> *mut u8 {
    let Some(size) = layout.size().checked_add(layout.align()) else { return std::ptr::null_mut() };
    // SAFETY: between `start` and the block lie 16 to `align` bytes, since `start` is aligned to 16 and `align` is a larger
    // power of two: room for one pointer before the block, and for `layout.size()` behind it.
    unsafe {
        let start = server_alloc(size);
        if start.is_null() {
            return start;
        }
        let block = start.add(layout.align() - (start as usize & (layout.align() - 1)));
        block.cast::<*mut u8>().sub(1).write(start);
        block
    }
}
