/*
 * Model of one worker's sleep: pool/lock.h, tti_park_wait and tti_park_wake over the kernel's futex.
 *
 * Proved: each wake ends one wait, also one that comes before the wait; no wait without a limit ends without a wake, whatever
 * the kernel returns for; what was written before the wake is seen after the wait. A wait with a limit may end early, and
 * takes along a wake that came meanwhile. tti_flags_raise and tti_flags_wait are the same with more than one bit, and one of
 * the waiter's own, with which it sleeps; what the bits say is nest.pml's and circle.pml's.
 *
 *   step here            stands for
 *   exchange             atomic_exchange_explicit on park->signal: release in wake, acquire in wait
 *   FUTEX_WAIT           compares and sleeps in one step; may return for nothing (a signal, or somebody else's FUTEX_WAKE
 *                        on memory that was used before)
 *   news                 what the waker wrote before (worker->is_woken under the lock, in the pool)
 *
 * run: no_limit
 * run: limit           -DLIMIT
 *
 * break: wake_before_signal   no_limit   FUTEX_WAKE, then the word
 * break: no_compare           no_limit   the kernel sleeps without a look at the word
 * break: no_second_look       no_limit   a return for nothing is taken for a wake
 * break: keeps_signal         no_limit   the wait looks at the word and leaves it set
 */
#define WAKES 3

bool signal;
bool is_asleep; /* in the kernel */
byte news;
byte seen;

inline futex_wake() {
    is_asleep = false
}

active proctype waker() {
    bool old;
    byte sent;
    do
    :: sent == WAKES -> break
    :: else ->
        seen == sent; /* tti_queue_wake_one: it is on the stack again */
        atomic { sent++; news = sent }
#ifdef BREAK_wake_before_signal
        futex_wake();
        signal = true
#else
        atomic { old = signal; signal = true }
        if
        :: !old -> futex_wake()
        :: else
        fi
#endif
    od
}

active proctype waiter() {
    bool old;
    byte nothings = 2;
    do
    :: seen == WAKES -> break
    :: else ->
        do
        ::
#ifdef BREAK_keeps_signal
            old = signal;
#else
            atomic { old = signal; signal = false }
#endif
            if
            :: old -> break
            :: else
            fi;
#ifdef BREAK_no_compare
            is_asleep = true;
#else
            atomic { /* FUTEX_WAIT */
                if
                :: !signal -> is_asleep = true
                :: else
                fi
            }
#endif
            if
            :: !is_asleep
            :: atomic { is_asleep && nothings > 0 -> nothings--; is_asleep = false }
#ifdef LIMIT
                atomic { old = signal; signal = false }
                break
#endif
            fi;
#ifdef BREAK_no_second_look
            old = true;
            break
#endif
        od;
        if
        :: old -> assert(news == seen + 1); seen = news
#ifdef LIMIT
        :: else /* the caller looks for itself */
#endif
        fi
    od
}
