//! Priority and locked memory for the thread that drives a pin: the only place with `unsafe`, for two
//! system calls that have no safe wrapper here. Without the right to them the bus works, with more tries.

#![allow(unsafe_code)]

/// Above every ordinary thread, below the kernel's own threads for interrupts (50).
const PRIORITY: libc::c_int = 40;

/// Gives the calling thread real-time priority (SCHED_FIFO), or takes it away again. Says whether that was
/// permitted: it needs CAP_SYS_NICE or a limit of RLIMIT_RTPRIO.
pub fn set_priority(urgent: bool) -> bool {
    // A zeroed sched_param is a valid one: it is a plain struct of integers.
    // SAFETY: all-zero bytes are a valid value of this struct of integers.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = if urgent { PRIORITY } else { 0 };
    let policy = if urgent { libc::SCHED_FIFO } else { libc::SCHED_OTHER };
    // SAFETY: 0 is the calling thread; the pointer is to a live struct that the kernel only reads.
    unsafe { libc::sched_setscheduler(0, policy, &raw const param) == 0 }
}

/// Keeps the pages that this program touches in memory from now on, so that a slot never waits for a disk.
/// Says whether that was permitted: it needs CAP_IPC_LOCK or a limit of RLIMIT_MEMLOCK.
pub fn lock_memory() -> bool {
    // On fault: the stacks of all threads, reserved and never touched, would otherwise be filled at once.
    // SAFETY: takes flags by value and no pointer.
    unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As root priority is granted and given back; otherwise it is refused and nothing changes. Either
    /// way the thread ends as an ordinary one.
    #[test]
    fn priority_is_given_back() {
        let granted = set_priority(true);
        // SAFETY: 0 is the calling thread; takes no pointer.
        let policy = || unsafe { libc::sched_getscheduler(0) };
        assert_eq!(granted, policy() == libc::SCHED_FIFO);
        assert!(set_priority(false) || !granted);
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
