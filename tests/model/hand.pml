/*
 * Model of a worker's hand: pool/hand.c, with those who use it: deal, steal, take_one and tti_queue_take in pool/queue.c,
 * tti_worker_run and hand_back_zombie in pool/worker.c, claim, take_back and tti_cancel_ask in pool/cancel.c. A hand is up to
 * HAND jobs that a worker takes at once, and one atomic word {deal number, index of the running job, mask of those that were
 * taken out, given-up flag}; the number of jobs stands beside it.
 *
 * Proved: every dealt job is started exactly once or taken back exactly once; one that runs is finished or given up, never
 * both, and one that runs can always be given up, also a stolen one, also the one that a zombie has just stepped onto; a
 * finished job is handed over before the next one can block; nobody stays parked while an unstarted job lies in a
 * hand whose worker is blocked; whoever is inside a job that was given up is known as a zombie, and is counted as long as it
 * is one; nobody but the loop and its worker looks at a job that isn't theirs: the loop may have freed it; an interrupt hook
 * is called for the job that runs, and that job goes on to run until the hook has come back.
 *
 * How: a function returns at once, or blocks until no accepted job is unstarted and none that ended is held back. There are
 * as many workers as jobs, so a job left lying is an invalid end state.
 *
 * What the protocol must keep, found here; each line has its break:
 *   - jobs and their places in hands change under pool->lock, all in the same stretch of it; the only one who moves a word
 *     without the lock is its own worker, so the others need a compare-and-swap for its sake alone;
 *   - the worker ends a job, forgets its flag and steps over what was taken out in one compare-and-swap;
 *   - a take-back whose compare-and-swap fails looks again: the worker may just have stepped onto another job. A give-up's
 *     can fail for one reason only, that the job has ended;
 *   - giving up leaves the unstarted jobs in the hand: they count as ready where it is decided to wake a sleeper, and whoever
 *     finds the queue empty looks into the hands before it parks;
 *   - a zombie that has come back may be one again by then, with the next job of its hand: it is none only if it was last given
 *     up for the job that it hands back.
 *
 *   step here            function, and the order that it stands for
 *   take                 tti_queue_take with deal and take_one, under pool->lock; is_stale: TTI_HAND_STALE_US are over
 *   add, play            tti_hand_add, tti_hand_play: store release
 *   advance              advance with tti_hand_advance: load acquire, compare-and-swap acq_rel, without the lock
 *   steal                steal, tti_hand_steal: under pool->lock, load acquire, compare-and-swap acq_rel
 *   take_back            tti_cancel_waiting, tti_queue_take_back, tti_hand_take_back: a look at phase (relaxed), then the lock
 *   give_up              claim, tti_hand_give_up: the same
 *   hand_over            the rest of tti_worker_run: FINISHED (relaxed) and the push; or hand_back_zombie, under pool->lock
 *   ask                  is_running under pool->lock, then tti_cancel_ask under worker->guard
 *   leave_and_wake       tti_queue_wake_one, tti_park_wake: see queue.pml and park.pml
 *
 * run: two             -DWORKERS=2 -DJOBS=2
 * run: again           -DWORKERS=1 -DJOBS=4 -DHAND=2 -DACTIONS=1 -DALL_RETURN
 * run: three           -DWORKERS=3 -DJOBS=3 -DACTIONS=0 -DALL_BLOCK
 * run: thief           -DWORKERS=2 -DJOBS=3 -DHAND=2 -DACTIONS=1 -DALL_RETURN
 * run: hook            -DWORKERS=1 -DJOBS=3 -DALL_RETURN -DHOOK
 *
 * break: same_deal_number     again   the next deal has the number of the last one
 * break: take_back_by_store   two     load and store instead of compare-and-swap
 * break: give_up_by_store     two     the same, by the loop that gives up
 * break: advance_by_store     two     the same, by the worker
 * break: steal_by_store       two     the same, by the thief
 * break: flag_outlives        two     the worker forgets the flag when it has stepped on already
 * break: take_back_once       hook    a take-back whose compare-and-swap failed takes the job for started
 * break: no_look_at_flag      two     the worker does not see that its job was given up
 * break: no_look_at_taken     two     the worker starts what was taken from it
 * break: steals_current       two     the thief takes the job that runs
 * break: steal_looks_first    thief   the thief looks at a job before it has taken it
 * break: no_steal             two     a worker parks without a look into the others' hands
 * break: hands_not_counted    two     only the queue counts where sleepers are woken
 * break: held_back            two     the finished job is handed over after the next one
 * break: place_after_lock     thief   a stolen job's new place is stored when the lock has been left
 * break: zombie_no_more       two     a zombie that has come back is none, whatever has become of its next job
 * break: no_guard             hook    the worker goes on while its hook is being called
 * break: hook_not_asked       hook    the hook is called without another look at who runs
 */
#ifndef HAND
#define HAND 3
#endif
#ifndef ACTIONS
#define ACTIONS 2 /* of the loop: take-backs, give-ups, interrupts */
#endif
#define WAKING_MAX 2
#define NONE       255
#define BIT(n)     (1 << (n))

mtype = { QUEUED, DEALT, FINISHED, ZOMBIE };

/* The word, read and written in one step only. */
typedef word {
    byte deal;
    byte index;
    byte taken;
    bool given_up
};
word words[WORKERS];

/* locked */
bool lock;
byte queue;                /* a set: order is no matter here */
byte cards[WORKERS * HAND]; /* and read by its worker */
byte counts[WORKERS];       /* the same */
bool is_listed[WORKERS];    /* in pool->hands */
byte whose[JOBS];           /* job->worker, slot, deal */
byte slots[JOBS];
byte deals[JOBS];
bool is_parked[WORKERS];
bool is_woken[WORKERS];
byte zombies[WORKERS] = NONE; /* the job that was given up and has not been handed back: the latest one */
byte waking_count;
byte zombie_count;
bool is_stopping;

mtype phase[JOBS] = QUEUED;
bool signal[WORKERS];
bool guard[WORKERS];

/* What is proved. */
bool has_started[JOBS];
bool was_taken_back[JOBS];
bool was_given_up[JOBS];
bool was_finished[JOBS];
bool is_freed[JOBS];
byte unstarted = JOBS;
byte held;  /* jobs that ended, and the loop can't know yet */
byte ended; /* done and release, both */

#ifdef BREAK_same_deal_number
#define NEXT_DEAL 0
#else
#define NEXT_DEAL 1
#endif

inline enter() { atomic { !lock -> lock = true } }

#define LIES(who, at) \
    (at < HAND && is_listed[who] && words[who].index < at && at < counts[who] && (words[who].taken & BIT(at)) == 0)
#define IN_HAND(who)  (LIES(who, 1) + LIES(who, 2))
#if WORKERS == 1
#define IN_HANDS IN_HAND(0)
#elif WORKERS == 2
#define IN_HANDS (IN_HAND(0) + IN_HAND(1))
#else
#define IN_HANDS (IN_HAND(0) + IN_HAND(1) + IN_HAND(2))
#endif
#define IN_QUEUE ((queue & 1) + ((queue >> 1) & 1) + ((queue >> 2) & 1) + ((queue >> 3) & 1))
#ifdef BREAK_hands_not_counted
#define READY IN_QUEUE
#else
#define READY (IN_QUEUE + IN_HANDS)
#endif

/* Under the lock, which it leaves. */
inline leave_and_wake() {
    atomic {
        sleeper = 0;
        do
        :: sleeper < WORKERS && !is_parked[sleeper] -> sleeper++
        :: else -> break
        od;
        if
        :: sleeper < WORKERS && READY > waking_count && waking_count < WAKING_MAX ->
            is_parked[sleeper] = false;
            is_woken[sleeper] = true;
            waking_count++
        :: else -> sleeper = NONE
        fi;
        lock = false
    }
    atomic {
        if
        :: sleeper != NONE -> signal[sleeper] = true; sleeper = NONE
        :: else
        fi
    }
}

/* The loop has a job that never ran. */
inline taken_back(job) {
    assert(!has_started[job] && !was_taken_back[job]);
    was_taken_back[job] = true;
    phase[job] = FINISHED;
    is_freed[job] = true;
    ended++;
    unstarted--
}

inline start(job) {
    assert(!has_started[job] && !was_taken_back[job]);
    has_started[job] = true;
    unstarted--
}

/* Compare-and-swap on words[who] from the local copy; without it under the named break. */
#define IS_COPY(who) (words[who].deal == deal && words[who].index == index && words[who].taken == taken && \
                      words[who].given_up == given_up)

inline read_word(who) {
    atomic {
        deal = words[who].deal;
        index = words[who].index;
        taken = words[who].taken;
        given_up = words[who].given_up
    }
}

inline write_word(who, new_deal, new_index, new_taken, new_given_up) {
    words[who].deal = new_deal;
    words[who].index = new_index;
    words[who].taken = new_taken;
    words[who].given_up = new_given_up
}

inline forget_locals() {
    deal = 0; index = 0; taken = 0; given_up = 0; slot = 0
}

/* deal_one and tti_hand_add. */
inline add(job) {
    assert(!is_freed[job]);
    whose[job] = me;
    slots[job] = counts[me];
    deals[job] = words[me].deal + NEXT_DEAL;
    phase[job] = DEALT;
    cards[me * HAND + counts[me]] = job;
    counts[me]++
}

inline take_queued() {
    slot = 0;
    do
    :: (queue & BIT(slot)) == 0 -> slot++
    :: else -> break
    od;
    queue = queue & ~BIT(slot)
}

/* The first is what take_one has found; then what the queue has, as many as it wants. */
inline deal_hand() {
    atomic {
        add(mine);
        do
        :: counts[me] < HAND && queue != 0 -> take_queued(); add(slot)
        :: true -> break
        od;
        slot = 0;
        is_listed[me] = counts[me] > 1;
        start(mine);
        write_word(me, words[me].deal + NEXT_DEAL, 0, 0, false)
    }
}

/* Looks into the others' hands for an unstarted job; the own one is off the list. */
inline steal() {
    victim = 0;
    do
    :: victim == WORKERS || mine != NONE -> break
    :: victim < WORKERS && mine == NONE && !is_listed[victim] -> victim++
    :: victim < WORKERS && mine == NONE && is_listed[victim] ->
        read_word(victim);
        atomic {
#ifdef BREAK_steals_current
            slot = index;
#else
            slot = index + 1;
#endif
            do
            :: slot < counts[victim] && (taken & BIT(slot)) != 0 -> slot++
            :: else -> break
            od;
            if
            :: slot >= counts[victim] -> is_listed[victim] = false
            :: else
            fi
        };
        if
        :: !is_listed[victim]
        :: else ->
#ifdef BREAK_steal_looks_first
            assert(!is_freed[cards[victim * HAND + slot]]);
#endif
            atomic {
                if
#ifdef BREAK_steal_by_store
                :: true ->
#else
                :: IS_COPY(victim) ->
#endif
                    write_word(victim, deal, index, taken | BIT(slot), given_up);
                    mine = cards[victim * HAND + slot]
                :: else /* it has moved on: look again */
                fi
            }
        fi
    od;
    atomic { forget_locals(); victim = 0 }
}

/* A hand with its first job started, or `mine` is NONE: the end of the pool. */
inline take() {
    enter();
    is_listed[me] = false; /* unlist_hand */
    do
    :: is_stopping -> break
    :: else ->
#ifndef BREAK_no_steal
        if
        :: queue == 0
        :: queue != 0
        :: queue != 0 -> steal() /* is_stale */
        fi;
#endif
        atomic {
            counts[me] = 0;
            if
            :: mine == NONE && queue != 0 -> take_queued(); mine = slot; slot = 0
            :: else
            fi
        }
#ifndef BREAK_no_steal
        if
        :: mine == NONE -> steal()
        :: else
        fi;
#endif
        if
        :: mine != NONE -> break
        :: else
        fi;
        atomic { is_parked[me] = true; lock = false }
        atomic { signal[me] -> signal[me] = false } /* tti_park_wait */
        enter();
        atomic {
            if
            :: is_woken[me] -> is_woken[me] = false; waking_count--
            :: else
            fi
        }
    od;
#ifdef BREAK_place_after_lock
    leave_and_wake();
    if
    :: mine != NONE -> deal_hand()
    :: else
    fi
#else
    if
    :: mine != NONE -> deal_hand()
    :: else
    fi;
    leave_and_wake()
#endif
}

inline advance() {
#ifdef HOOK
#ifndef BREAK_no_guard
    atomic { !guard[me] -> guard[me] = true }
#endif
#endif
    do
    :: read_word(me);
       atomic {
           slot = index + 1;
#ifndef BREAK_no_look_at_taken
           do
           :: slot < counts[me] && (taken & BIT(slot)) != 0 -> slot++
           :: else -> break
           od;
#endif
           skip
       }
       atomic {
           if
#ifdef BREAK_advance_by_store
           :: true ->
#else
           :: IS_COPY(me) ->
#endif
#ifdef BREAK_flag_outlives
               write_word(me, deal, slot, taken, given_up);
#else
               write_word(me, deal, slot, taken, false);
#endif
               held++;
               assert(!was_finished[job] && was_given_up[job] == given_up);
               was_finished[job] = !given_up;
               if
               :: slot < counts[me] -> next = cards[me * HAND + slot]; start(next)
               :: else -> next = NONE
               fi;
               break
           :: else
           fi
       }
    od;
#ifdef BREAK_flag_outlives
    words[me].given_up = false;
#endif
#ifdef HOOK
#ifndef BREAK_no_guard
    guard[me] = false;
#endif
#endif
    skip
}

inline hand_over() {
    if
#ifndef BREAK_no_look_at_flag
    :: given_up -> /* hand_back_zombie */
        enter();
        atomic {
            if
#ifdef BREAK_zombie_no_more
            :: true -> zombies[me] = NONE
#else
            :: zombies[me] == job -> zombies[me] = NONE
#endif
            :: else
            fi;
            assert(zombies[me] != NONE || !words[me].given_up);
            zombie_count--;
            held--;
            is_freed[job] = true;
            ended++;
            lock = false
        }
    :: !given_up ->
#else
    :: true ->
#endif
        atomic { assert(was_finished[job] && !was_given_up[job]); phase[job] = FINISHED }
        /* tti_complete_push */
        atomic { held--; is_freed[job] = true; ended++ }
    fi
}

/* The function: returns at once, or blocks while anything is left lying. */
inline call() {
    if
#ifndef ALL_BLOCK
    :: true
#endif
#ifndef ALL_RETURN
    :: true -> unstarted == 0 && held == 0
#endif
    fi
}

proctype worker(byte me) {
    byte deal, index, taken, slot, victim, job, next;
    byte mine = NONE, sleeper = NONE;
    bool given_up;
    do
    :: take();
       if
       :: mine == NONE -> break
       :: else -> job = mine; mine = NONE
       fi;
       do
       :: true ->
           call();
           advance();
#ifdef BREAK_held_back
           if /* runs the next one, then hands this one over */
           :: next != NONE -> call()
           :: else
           fi;
#endif
           hand_over();
           atomic {
               job = next;
               next = 0;
               forget_locals();
               if
               :: job == NONE -> job = 0; break
               :: else
               fi
           }
       od
    od
}

/* Cancel, or expiry in the queue. */
inline take_back(what) {
    if
    :: phase[what] == QUEUED || phase[what] == DEALT ->
        enter();
        if
        :: phase[what] == QUEUED -> atomic { queue = queue & ~BIT(what); taken_back(what) }
        :: else ->
            who = whose[what];
            do
            :: read_word(who);
               if
               :: deal != deals[what] || index >= slots[what] || (taken & BIT(slots[what])) != 0 ->
                   assert(has_started[what] || was_taken_back[what]);
                   break
               :: else ->
                   atomic {
                       if
#ifdef BREAK_take_back_by_store
                       :: true ->
#else
                       :: IS_COPY(who) ->
#endif
                           write_word(who, deal, index, taken | BIT(slots[what]), given_up);
                           taken_back(what);
                           break
#ifdef BREAK_take_back_once
                       :: else -> assert(has_started[what]); break
#else
                       :: else
#endif
                       fi
                   }
               fi
            od
        fi;
        lock = false
    :: else
    fi
}

/* A run deadline, or abandon. */
inline give_up(what) {
    enter();
    if
    :: phase[what] == DEALT ->
        who = whose[what];
        do
        :: read_word(who);
           if
           :: deal != deals[what] || index != slots[what] || given_up ->
               atomic { /* under the lock it can only have ended, or not have started; but look at it now */
                   assert(!has_started[what] || was_finished[what] || was_given_up[what] || !IS_COPY(who));
                   break
               }
           :: else ->
               atomic {
                   if
#ifdef BREAK_give_up_by_store
                   :: true ->
#else
                   :: IS_COPY(who) ->
#endif
                       write_word(who, deal, index, taken, true);
                       assert(has_started[what] && !was_finished[what] && !was_given_up[what]);
                       was_given_up[what] = true;
                       phase[what] = ZOMBIE;
                       zombies[who] = what;
                       zombie_count++;
                       break
                   :: else -> assert(was_finished[what]) /* it is looked at again for spurious failures */
                   fi
               }
           fi
        od
    :: else
    fi;
    leave_and_wake()
}

#ifdef HOOK
inline ask(what) {
    enter();
    atomic {
        who = whose[what];
        at = phase[what] == DEALT && words[who].deal == deals[what] && words[who].index == slots[what];
        lock = false
    }
    if
    :: at ->
        atomic { !guard[who] -> guard[who] = true }
#ifdef BREAK_hook_not_asked
        if
        :: true ->
#else
        if
        :: words[who].deal == deals[what] && words[who].index == slots[what] ->
#endif
            assert(!was_finished[what]); /* it is called */
            assert(!was_finished[what])  /* it returns */
        :: else
        fi;
        guard[who] = false
    :: else
    fi;
    at = 0
}
#endif

active proctype loop() {
    byte deal, index, taken, slot, who, what, actions;
    byte sleeper = NONE;
    bool given_up;
#ifdef HOOK
    bool at;
#endif
    atomic {
        run worker(0);
#if WORKERS > 1
        run worker(1);
#endif
#if WORKERS > 2
        run worker(2)
#endif
    }
    enter();
    queue = BIT(JOBS) - 1;
    leave_and_wake();
    do
    :: actions == ACTIONS -> break
    :: actions < ACTIONS ->
        actions++;
        select(what : 0 .. JOBS - 1);
        if
        :: true -> take_back(what)
        :: true -> give_up(what)
#ifdef HOOK
        :: true -> ask(what)
#endif
        fi;
        atomic { forget_locals(); who = 0; what = 0 }
    od;
    ended == JOBS;
    enter();
    atomic {
        is_stopping = true;
        do
        :: who < WORKERS ->
            if
            :: is_parked[who] -> is_parked[who] = false; signal[who] = true
            :: else
            fi;
            who++
        :: else -> break
        od;
        lock = false
    }
    _nr_pr == 1;
    assert(zombie_count == 0 && unstarted == 0 && held == 0);
    atomic {
        what = 0;
        do
        :: what < JOBS ->
            assert(has_started[what] != was_taken_back[what]);
            assert(has_started[what] == (was_finished[what] != was_given_up[what]));
            what++
        :: else -> break
        od;
        what = 0
    }
}
