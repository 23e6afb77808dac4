//! The SIGBUS handler, and its installation.
//!
//! Everything that the handler does is safe in a signal handler: loads and stores of atomics,
//! `mmap` (once, or twice when that fails), `sigaction`, `raise`. It allocates nothing, locks
//! nothing and returns.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::registry::{Answer, Registry};

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
    let what = |action: &libc::sigaction| (action.sa_sigaction, action.sa_flags);
    if what(&replaced) != what(&before) && replaced.sa_sigaction != ours.sa_sigaction {
        // Somebody else was faster. What they put there is what we replaced, unless it was ours,
        // which must not be chained to itself.
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
    let mut old = MaybeUninit::zeroed();
    // SAFETY: `new` is null or a whole action, `old` has room for one. The handler of `new` is ours
    // or the default. Reason: there is no safe way to handle SIGBUS.
    let done = unsafe { libc::sigaction(libc::SIGBUS, new, old.as_mut_ptr()) } == 0;
    // SAFETY: all zeros is an action, of which the call has filled in what it knows. Some libraries
    // leave the rest as it was: musl leaves most of the mask, and `sa_restorer`.
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
    // SAFETY: installed with SA_SIGINFO, so `info` is what the kernel says about the signal: it
    // calls us, or a handler that was installed later, which has to pass that on (`BusErrors`).
    let report = unsafe { &*info };
    if is_access(report.si_code) {
        // SAFETY: of a signal raised by an access the kernel says the address.
        let address = unsafe { report.si_addr() }.addr();
        let page = PAGE_SIZE.load(Ordering::SeqCst);
        match REGISTRY.cover(address, page, map_zeros) {
            Answer::Covered => return,
            Answer::Failed => {
                // Nobody may go on, not even a handler of the host's that would.
                set_default();
                return raise(signal);
            }
            Answer::NotOurs => {}
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
    // SAFETY: the pages are those of a mapping of ours, page-aligned, which cannot go meanwhile:
    // the thread that runs this handler has it borrowed, for the access that faulted. They are read
    // and written only through it, as types for which zeros are valid. Pages behind the one that
    // faulted may have been good, lent, even written to: they become zeros as if another process
    // had written those (see `ReadMap`), and everyone who uses them learns of it. Reason: the
    // access that faulted has to succeed for the thread to go on.
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
        raise(signal);
    }
}

/// Has the signal come once more when the handler returns.
fn raise(signal: c_int) {
    // SAFETY: a system call without pointers. Reason: std has no safe one.
    unsafe { libc::raise(signal) };
}

/// Calls a handler that somebody else has installed.
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
        // SA_SIGINFO, which came in the same action, says of which type. Reason: the signal belongs
        // to whoever was here before.
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
