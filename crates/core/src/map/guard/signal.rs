//! The SIGBUS handler, and its installation.
//!
//! Everything that the handler does is async-signal-safe: loads and stores of atomics, one `mmap`,
//! `sigaction`, `raise`. It allocates nothing, locks nothing and returns.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::registry::Registry;

static REGISTRY: Registry = Registry::new();

/// The previous action for SIGBUS, to which our handler is chained. Never freed, because a handler
/// may be reading it. Null for the default action.
static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// Set before the handler can run: a signal handler must not query it.
static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);

/// The registry, once its handler is installed: with the first mapping, and again if the default
/// action was restored since. Another handler is assumed to be chained to ours. `None` if the
/// system refuses.
pub(super) fn install() -> Option<&'static Registry> {
    // Serializes threads that open files; the handler does not take it.
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    let before = action(None)?;
    if !*installed || is_none(before.sa_sigaction) {
        set_handler(before)?;
        *installed = true;
    }
    Some(&REGISTRY)
}

/// Replaces `before` by our handler.
fn set_handler(before: libc::sigaction) -> Option<()> {
    PAGE_SIZE.store(rustix::param::page_size(), Ordering::SeqCst);
    // Stored first, then replaced: the handler can chain from its first moment on.
    remember(before);
    let mut ours = before;
    ours.sa_sigaction = on_sigbus as *const () as usize;
    // The thread's stack may be exhausted; the mask stays that of the previous handler.
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let replaced = action(Some(&ours))?;
    if replaced.sa_sigaction != before.sa_sigaction {
        // Another thread installed a handler in between, which is the one that we replaced.
        remember(replaced);
    }
    Some(())
}

const fn is_none(handler: libc::sighandler_t) -> bool {
    handler == libc::SIG_DFL || handler == libc::SIG_IGN
}

fn remember(action: libc::sigaction) {
    PREVIOUS.store(Box::into_raw(Box::new(action)), Ordering::SeqCst);
}

/// The action for SIGBUS; replaced by `new` if there is one.
fn action(new: Option<&libc::sigaction>) -> Option<libc::sigaction> {
    let new = new.map_or(ptr::null(), ptr::from_ref);
    let mut old = MaybeUninit::uninit();
    // SAFETY: `new` is null or a whole action, `old` has room for one. The handler of `new` is ours
    // or the default. Reason: there is no safe way to handle SIGBUS.
    let done = unsafe { libc::sigaction(libc::SIGBUS, new, old.as_mut_ptr()) } == 0;
    // SAFETY: the call has filled it when it says so.
    done.then(|| unsafe { old.assume_init() })
}

/// Whether a signal with this code was raised by an access, which is then retried.
const fn is_access(code: c_int) -> bool {
    // Linux: BUS_ADRALN, BUS_ADRERR, BUS_OBJERR, BUS_MCEERR_AR. Not BUS_MCEERR_AO, which reports a
    // bad page without an access, and not 0 and below, which processes send. Apple's codes of
    // accesses are 0 to 3, those of senders far above.
    if cfg!(target_os = "linux") { matches!(code, 1..=4) } else { matches!(code, 0..=3) }
}

/// Handles a SIGBUS: see [`super`]. The interrupted code finds its `errno` unchanged.
extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let before = errno::errno();
    answer(signal, info, context);
    errno::set_errno(before);
}

fn answer(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: installed with SA_SIGINFO, so `info` is the report of the kernel.
    let report = unsafe { &*info };
    if is_access(report.si_code) {
        // SAFETY: for a signal raised by an access the kernel reports the address.
        let address = unsafe { report.si_addr() }.addr();
        let page = PAGE_SIZE.load(Ordering::SeqCst);
        if REGISTRY.cover(address, page, map_zeros) {
            return;
        }
    }
    pass_on(signal, info, context, is_access(report.si_code));
}

/// Maps zeros over these pages.
fn map_zeros(pages: Range<usize>, writable: bool) -> bool {
    let access = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
    // No memory needs to be reserved for them: the mapping is of no further use.
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    let at = ptr::without_provenance_mut::<c_void>(pages.start);
    // SAFETY: the pages are those of one of our mappings, page-aligned, which cannot be unmapped
    // meanwhile: the thread that runs this handler has it borrowed, for the access that faulted.
    // They are read and written only through it, as types for which zeros are valid; every user
    // learns that they are not the file's. Reason: the access that faulted has to succeed for the
    // thread to resume.
    unsafe { mmap_anonymous(at, pages.len(), access, flags) }.is_ok()
}

/// Does with a foreign signal what would have happened without our handler.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void, repeats: bool) {
    let previous = PREVIOUS.load(Ordering::SeqCst);
    // SAFETY: null, or never freed.
    let previous = unsafe { previous.as_ref() };
    let handler = previous.map_or(libc::SIG_DFL, |p| p.sa_sigaction);
    if handler == libc::SIG_IGN && !repeats {
        return;
    }
    if is_none(handler) {
        // Retrying the access kills the process at the faulting place.
        set_default();
    } else {
        let flags = previous.map_or(0, |p| p.sa_flags);
        if flags & libc::SA_RESETHAND != 0 {
            PREVIOUS.store(ptr::null_mut(), Ordering::SeqCst);
        }
        call(handler, flags & libc::SA_SIGINFO != 0, signal, info, context);
    }
    // A handler that restores the default action, like that of Rust's runtime, wants the retried
    // access to kill the process. If there was no access, the process is killed here.
    if !repeats && action(None).is_some_and(|now| now.sa_sigaction == libc::SIG_DFL) {
        // SAFETY: a system call without pointers. The signal comes when the handler returns.
        unsafe { libc::raise(signal) };
    }
}

/// Calls the previous handler.
fn call(
    handler: usize,
    with_info: bool,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    let handler = ptr::with_exposed_provenance::<c_void>(handler);
    if with_info {
        type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
        // SAFETY: neither the default nor to be ignored, so it is the address of a function, and
        // SA_SIGINFO says of which type. Reason: the signal belongs to whoever was here before.
        let handler = unsafe { std::mem::transmute::<*const c_void, Handler>(handler) };
        handler(signal, info, context);
    } else {
        // SAFETY: as above; without SA_SIGINFO it takes the number only.
        let handler =
            unsafe { std::mem::transmute::<*const c_void, extern "C" fn(c_int)>(handler) };
        handler(signal);
    }
}

fn set_default() {
    // SAFETY: all zeros is an action: the default one, without flags, an empty mask.
    let mut default: libc::sigaction = unsafe { std::mem::zeroed() };
    default.sa_sigaction = libc::SIG_DFL;
    action(Some(&default));
}
