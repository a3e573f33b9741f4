/*
 * Model of a worker's hand: up to HAND jobs that a worker takes from the queue at once, and one atomic word for each worker
 * {deal number, index of the current job, jobs taken from it, given-up flag}.
 *
 * Proved: every dealt job is started exactly once or taken back exactly once; one that runs is finished or given up, never
 * both; a finished job is handed over before the next one can block; nobody stays parked while an unstarted job lies in a
 * hand whose worker is blocked; a zombie's hand starts nothing more; a job that runs can always be given up, also a
 * stolen one.
 *
 * How: a function returns at once, or blocks until no accepted job is unstarted and none that ended is held back. There are
 * as many workers as jobs, so a job left lying is an invalid end state.
 *
 * What the word's protocol must keep, found here; each line has its break:
 *   - a deal is published by one store, after its jobs and their places; places of jobs that are dealt or stolen change
 *     under pool->lock, and so does a deal: only the worker's own step and the loop's take-back go without it;
 *   - slots beyond the deal's last job count as taken from the start: nobody needs to read a number of jobs beside the word;
 *   - giving up takes all unstarted jobs of that hand in the same compare-and-swap, and puts them back into the queue. The
 *     flag stays set when the zombie steps on, so there must be no job that it could step on to;
 *   - a give-up whose compare-and-swap fails looks again: the worker may just have stepped onto that very job;
 *   - unstarted jobs in hands count as queued work where it is decided to wake a sleeper. What a give-up puts back has
 *     been counted already, and needs no wake of its own.
 *
 *   step here            stands for
 *   deal                 a take under pool->lock; the word's store is release
 *   step                 fetch_add acq_rel on the own word: ends the running job and starts the next one, if it is still there
 *   take_back            compare-and-swap acq_rel by the loop: cancel, expiry in the queue. No lock, but for the look whether
 *                        the job is still in the queue
 *   give_up              compare-and-swap acq_rel by the loop, under pool->lock: run deadline, abandon
 *   steal                compare-and-swap acq_rel by a worker that found the queue empty, under the same lock
 *   park, wake           tti_park_wait, tti_park_wake in pool/lock.h: see park.pml
 *
 * run: two             -DWORKERS=2 -DJOBS=2
 * run: again           -DWORKERS=1 -DJOBS=4 -DHAND=2 -DACTIONS=1 -DALL_RETURN
 * run: three           -DWORKERS=3 -DJOBS=3 -DACTIONS=0 -DALL_BLOCK
 * run: thief           -DWORKERS=2 -DJOBS=3 -DHAND=2 -DACTIONS=1 -DALL_RETURN
 *
 * break: same_deal_number     again   the next deal has the number of the last one
 * break: take_back_by_store   two     load and store instead of compare-and-swap
 * break: give_up_by_store     two     the same, by the loop that gives up
 * break: step_by_store        two     the same, by the worker
 * break: steal_by_store       two     the same, by the thief
 * break: give_up_keeps_hand   two     giving up leaves the unstarted jobs in the hand
 * break: give_up_tries_once   again   a give-up whose compare-and-swap failed takes the job for ended
 * break: no_look_at_flag      two     the worker does not see that its job was given up
 * break: no_look_at_taken     two     the worker starts what was taken from it
 * break: steals_current       two     the thief takes the job that runs
 * break: no_steal             two     a worker parks without a look into the others' hands
 * break: hands_not_counted    two     only the queue counts where sleepers are woken
 * break: held_back            two     the finished job is handed over after the next one
 * break: place_after_word     thief   a stolen job's new place is stored when the lock has been left
 */
#ifndef HAND
#define HAND 3
#endif
#ifndef ACTIONS
#define ACTIONS 2 /* of the loop: take-backs and give-ups */
#endif
#define WAKING_MAX 2
#define ALL_TAKEN  ((1 << HAND) - 1)
#define NONE       255

/* The word, read and written in one step only. */
typedef word {
    byte deal;
    byte index;
    byte taken;
    bool given_up
};
word words[WORKERS];
byte cards[WORKERS * HAND]; /* the jobs of each hand: written by its worker before the word */

/* A job's place: one word too. */
typedef place {
    byte whose;
    byte slot;
    byte deal
};
place places[JOBS];

/* locked */
bool lock;
byte queue; /* a set: order is no matter here */
byte dealt_count;            /* unstarted jobs in hands, at least */
byte dealt_by[WORKERS];
bool is_parked[WORKERS];
bool is_woken[WORKERS];
byte waking_count;
byte zombie_count;
bool is_stopping;

bool signal[WORKERS];

/* What is proved. */
bool has_started[JOBS];
bool was_taken_back[JOBS];
bool was_given_up[JOBS];
bool was_finished[JOBS];
byte unstarted = JOBS;
byte held;  /* jobs that ended, and the loop can't know yet */
byte ended; /* done and release, both */

#define BIT(n) (1 << (n))
#ifdef BREAK_same_deal_number
#define NEXT_DEAL 0
#else
#define NEXT_DEAL 1
#endif

inline enter() { atomic { !lock -> lock = true } }

#define QUEUED ((queue & 1) + ((queue >> 1) & 1) + ((queue >> 2) & 1) + ((queue >> 3) & 1))
#ifdef BREAK_hands_not_counted
#define WAITING QUEUED
#else
#define WAITING (QUEUED + dealt_count)
#endif

/* Under the lock, which it leaves: pick_sleeper, tti_park_wake. */
inline leave_and_wake() {
    atomic {
        sleeper = 0;
        do
        :: sleeper < WORKERS && !is_parked[sleeper] -> sleeper++
        :: else -> break
        od;
        if
        :: sleeper < WORKERS && WAITING > waking_count && waking_count < WAKING_MAX ->
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

/* The word of a new deal of `count` jobs. */
inline publish() {
    write_word(me, words[me].deal + NEXT_DEAL, 0, ALL_TAKEN & ~(BIT(count) - 1), false);
#ifdef BREAK_no_look_at_taken
    size = count;
#endif
    count = 0;
    has_hand = true
}

inline put_place(job, at) {
    atomic {
        places[job].whose = me;
        places[job].slot = at;
        places[job].deal = words[me].deal + NEXT_DEAL
    }
}

/* Takes 1 to HAND jobs. Cards and places first, one store of the word last. */
inline deal_hand() {
    atomic {
        do
        :: count < HAND && queue != 0 ->
            slot = 0;
            do
            :: (queue & BIT(slot)) == 0 -> slot++
            :: else -> break
            od;
            queue = queue & ~BIT(slot);
            cards[me * HAND + count] = slot;
            put_place(slot, count);
            count++
        :: count > 0 -> break
        od;
        slot = 0;
        dealt_by[me] = count - 1;
        dealt_count = dealt_count + count - 1
    }
    atomic { start(cards[me * HAND]); publish() }
}

/* Looks into the others' hands for an unstarted job. */
inline steal() {
    victim = 0;
    do
    :: victim == WORKERS -> break
    :: victim == me -> victim++
    :: victim < WORKERS && victim != me ->
        read_word(victim);
        atomic {
#ifdef BREAK_steals_current
            slot = index;
#else
            slot = index + 1;
#endif
            do
            :: slot < HAND && (taken & BIT(slot)) != 0 -> slot++
            :: else -> break
            od;
            skip
        };
        if
        :: slot >= HAND -> victim++
        :: else ->
            atomic {
                if
#ifdef BREAK_steal_by_store
                :: true ->
#else
                :: IS_COPY(victim) ->
#endif
                    write_word(victim, deal, index, taken | BIT(slot), given_up);
                    mine = cards[victim * HAND + slot];
                    start(mine);
                    if
                    :: dealt_by[victim] > 0 -> dealt_by[victim]--; dealt_count--
                    :: else
                    fi;
                    break
                :: else /* it has moved on: look again */
                fi
            }
        fi
    od;
    atomic { forget_locals(); victim = 0 }
}

/* The stolen job becomes a hand of its own. */
inline hold_stolen() {
    atomic { cards[me * HAND] = mine; count = 1; put_place(mine, 0); mine = NONE }
    atomic { publish() }
}

/* A take: at the end of the pool no hand, else one with its first job started. */
inline take() {
    enter();
    atomic {
        dealt_count = dealt_count - dealt_by[me];
        dealt_by[me] = 0;
        has_hand = false
    }
    do
    :: is_stopping -> break
    :: !is_stopping && queue != 0 -> deal_hand(); break
    :: !is_stopping && queue == 0 ->
#ifndef BREAK_no_steal
        steal();
#endif
        if
        :: mine != NONE -> break
        :: else
        fi;
        atomic { is_parked[me] = true; lock = false }
        atomic { signal[me] -> signal[me] = false }
        enter();
        atomic {
            if
            :: is_woken[me] -> is_woken[me] = false; waking_count--
            :: else
            fi
        }
    od;
#ifdef BREAK_place_after_word
    leave_and_wake();
    if
    :: mine != NONE -> hold_stolen()
    :: else
    fi
#else
    if
    :: mine != NONE -> hold_stolen()
    :: else
    fi;
    leave_and_wake()
#endif
}

/* One fetch_add on the own word. The copy is what it was before. */
inline step() {
#ifdef BREAK_step_by_store
    read_word(me);
    atomic {
        write_word(me, deal, index + 1, taken, given_up);
#else
    atomic {
        read_word(me);
        words[me].index++;
#endif
        if
        :: job == NONE /* it stood on a slot that was taken */
        :: job != NONE && given_up -> held++
        :: job != NONE && !given_up ->
            assert(!was_finished[job] && !was_given_up[job]);
            was_finished[job] = true;
            held++
        fi;
        index++;
        next = NONE;
        if
#ifdef BREAK_no_look_at_taken
        :: index < HAND && index < size -> next = cards[me * HAND + index]; start(next)
#else
        :: index < HAND && (taken & BIT(index)) == 0 -> next = cards[me * HAND + index]; start(next)
#endif
        :: else
        fi
    }
}

inline hand_over() {
    if
    :: job == NONE
#ifdef BREAK_no_look_at_flag
    :: job != NONE ->
#else
    :: job != NONE && given_up ->
        enter();
        atomic { zombie_count--; held--; ended++ }
        leave_and_wake()
    :: job != NONE && !given_up ->
#endif
        /* tti_complete_push */
        atomic { assert(was_finished[job] && !was_given_up[job]); held--; ended++ }
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
    byte deal, index, taken, slot, count, victim, job, next;
    byte mine = NONE, sleeper = NONE;
    bool given_up, has_hand;
#ifdef BREAK_no_look_at_taken
    byte size;
#endif
    do
    :: take();
       if
       :: !has_hand -> break
       :: else -> job = cards[me * HAND]
       fi;
       do
       :: true ->
           if
           :: job != NONE -> call()
           :: else
           fi;
           step();
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
               if
               :: job == NONE && (index >= HAND || ((taken | (BIT(index) - 1)) & ALL_TAKEN) == ALL_TAKEN) -> break
               :: else
               fi
           }
       od;
       atomic { forget_locals(); job = 0 }
    od
}

/* Cancel, or expiry in the queue. */
inline take_back(what) {
    enter();
    atomic {
        lock = false;
        if
        :: (queue & BIT(what)) != 0 -> queue = queue & ~BIT(what); taken_back(what); goto acted
        :: else
        fi
    }
    atomic { who = places[what].whose; at = places[what].slot; its_deal = places[what].deal }
    do
    :: read_word(who);
       if
#ifdef BREAK_same_deal_number
       :: index >= at || (taken & BIT(at)) != 0 -> break
#else
       :: deal != its_deal || index >= at || (taken & BIT(at)) != 0 -> break
#endif
       :: else ->
           atomic {
               if
#ifdef BREAK_take_back_by_store
               :: true ->
#else
               :: IS_COPY(who) ->
#endif
                   write_word(who, deal, index, taken | BIT(at), given_up);
                   taken_back(what);
                   break
               :: else
               fi
           }
       fi
    od
}

/* A run deadline, or abandon. */
inline give_up(what) {
    enter();
    atomic { who = places[what].whose; at = places[what].slot; its_deal = places[what].deal }
    do
    :: read_word(who);
    atomic {
        if
#ifdef BREAK_give_up_by_store
        :: deal == its_deal && index == at && (taken & BIT(at)) == 0 && !given_up ->
#else
        :: IS_COPY(who) && deal == its_deal && index == at && (taken & BIT(at)) == 0 && !given_up ->
#endif
            assert(has_started[what] && !was_finished[what] && !was_given_up[what]);
            was_given_up[what] = true;
            zombie_count++;
#ifdef BREAK_give_up_keeps_hand
            write_word(who, deal, index, taken, true);
#else
            write_word(who, deal, index, ALL_TAKEN, true);
            slot = at + 1;
            do
            :: slot < HAND ->
                if
                :: (taken & BIT(slot)) == 0 -> queue = queue | BIT(cards[who * HAND + slot])
                :: else
                fi;
                slot++
            :: else -> break
            od;
            slot = 0;
            dealt_count = dealt_count - dealt_by[who];
            dealt_by[who] = 0;
#endif
            break
#ifndef BREAK_give_up_tries_once
        :: !IS_COPY(who) /* it has moved on, perhaps to this job: look again */
#endif
        :: else -> /* under the lock it can only have ended, or not have started */
            assert(!has_started[what] || was_finished[what] || was_given_up[what]);
            break
        fi
    }
    od;
    lock = false
}

active proctype loop() {
    byte deal, index, taken, slot, who, at, its_deal, what, actions;
    byte sleeper = NONE;
    bool given_up;
    atomic {
        do
        :: who < WORKERS -> words[who].taken = ALL_TAKEN; who++
        :: else -> break
        od;
        who = 0
    }
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
        fi;
acted:
        skip;
        atomic { forget_locals(); who = 0; at = 0; its_deal = 0; what = 0 }
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
    assert(zombie_count == 0 && dealt_count == 0 && unstarted == 0 && held == 0);
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
