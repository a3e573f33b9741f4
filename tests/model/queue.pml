/*
 * Model of the queue and of who is woken for it: pool/queue.c, and tt_pool_resize and stop_workers in pool/pool.c.
 *
 * Proved: the queue never holds a job while a worker that may start it stays parked, be the jobs tiny or not, be there workers
 * reserved for the high priority or not; each accepted job is started once or taken back, never both; a pool that
 * was made smaller gets rid of the threads that are too many, all of them and no more, and none that can serve for one whose
 * start hook fails; all workers end when they are told to.
 *
 * How: a function blocks until as many jobs have started as there are workers (CROWD), or returns at once. A job left lying
 * while somebody sleeps is then an invalid end state. A deal is one job here: more, and who steals them, are hand.pml's.
 *
 * What the protocol must keep, found here: what makes room for the lower priorities wakes a worker, for one may sleep beside a
 * queue that isn't empty. That is a give-up (claim_wakes_nobody), and a resize to more (grow_wakes_nobody): the new
 * threads would come by themselves, but they may fail to start, or others may stand in their place that fail.
 *
 *   step here            function, and the order that it stands for
 *   enter, leave         tti_lock_enter, tti_lock_leave. What stands between them is done in single steps, or the lock could
 *                        not be missed
 *   flush                tti_queue_flush
 *   wake_one             tti_queue_wake_one with ready_count and lower_room
 *   take                 tti_queue_take with deal, take_one, judge_hand, tti_queue_set_lower
 *   park_wait, park_wake tti_park_wait (exchange acquire), tti_park_wake (exchange release): see park.pml
 *   take_back            tti_cancel_waiting, tti_queue_take_back
 *   resize, stop         tt_pool_resize with tti_worker_fill, stop_workers
 *   begin                start in worker.c; FAILING: the hook of a thread that is started later may fail for ever
 *   zombie               claim and tti_worker_fill in tti_cancel_running; hand_back_zombie
 *
 * run: crowd           -DWORKERS=3 -DJOBS=3 -DCROWD=3
 * run: tiny            -DWORKERS=3 -DJOBS=3 -DCROWD=3 -DTINY
 * run: cancel          -DWORKERS=2 -DJOBS=3 -DCROWD=1 -DCANCEL
 * run: resize          -DWORKERS=2 -DJOBS=2 -DCROWD=1 -DRESIZE -DFAILING
 * run: zombie          -DWORKERS=2 -DJOBS=3 -DCROWD=3 -DZOMBIE -DSPARE=1
 * run: reserved        -DWORKERS=2 -DJOBS=3 -DCROWD=2 -DRESERVED=1 -DHIGH=4
 * run: room            -DWORKERS=2 -DJOBS=2 -DCROWD=1 -DRESERVED=1 -DZOMBIE
 * run: least           -DWORKERS=2 -DJOBS=2 -DCROWD=1 -DRESERVED=1 -DRESIZE
 * run: grow            -DWORKERS=2 -DJOBS=2 -DCROWD=2 -DRESERVED=1 -DGROW -DFAILING
 *
 * break: take_without_lock    crowd    the worker takes the first job without the lock
 * break: flush_without_lock   crowd    the loop adds its batch without the lock
 * break: leave_before_idle    crowd    the worker leaves the lock, then puts itself onto the stack of sleepers
 * break: still_waking         crowd    waking_count is not decremented by who was woken
 * break: no_chain             crowd    who takes a job wakes nobody else
 * break: wake_before_splice   crowd    flush looks for sleepers before it adds the jobs
 * break: wake_too_few         crowd    one job alone wakes nobody
 * break: no_signal            crowd    the second sleeper that flush picks is not woken
 * break: none_while_tiny      tiny     while jobs are tiny nobody is woken
 * break: no_look_at_phase     cancel   a job is taken out of the queue without a look whether it still is there
 * break: resize_wakes_nobody  resize   idle workers that are too many go on sleeping
 * break: end_uncounted        resize   the end of a worker is counted when it has left the lock
 * break: surplus_by_threads   resize   a worker ends for one whose start hook fails
 * break: stop_wakes_nobody    crowd    parked workers are not told the end
 * break: zombie_uncounted     zombie   a returned zombie stays counted
 * break: room_counts_zombies  room     a zombie's job goes on to count against the reserved workers
 * break: claim_wakes_nobody   room     a give-up wakes nobody for the room that it makes
 * break: grow_wakes_nobody    grow     a resize to more wakes nobody for the room that it makes
 * break: no_least_room        least    a pool smaller than its reserved workers has no room at all
 */
#define WAKING_MAX 2
#define NONE 255
#define BIT(n) (1 << (n))
#ifndef SPARE
#define SPARE 0
#endif
#ifndef RESERVED
#define RESERVED 0
#endif
#ifndef HIGH
#define HIGH 0 /* a set of jobs */
#endif
#define THREADS (WORKERS + 1)
#define COUNT_OF(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1))

bool lock;
byte queue; /* a set: order is no matter here */
byte idle = NONE; /* the stack of sleepers */
byte next_idle[THREADS];
bool is_woken[THREADS];
byte waking_count;
byte target_count = WORKERS;
byte thread_count = WORKERS;
byte zombie_count;
byte ready_count;
byte lower_count;
bool is_lower[THREADS];
bool jobs_are_tiny;
bool is_stopping;

bool signal[THREADS];

bool is_in[JOBS]; /* its phase is QUEUED */
bool has_started[JOBS];
bool was_taken_back[JOBS];
byte started_count; /* or gone */
byte ended_count;
byte zombie = NONE; /* a job that was given up */
bool zombie_may_return;
#ifdef ZOMBIE
byte inside[THREADS] = NONE; /* the job that its hand is at */
#endif

inline enter() { atomic { !lock -> lock = true } }

#if RESERVED
#ifdef BREAK_no_least_room
#define LOWER_MOST (RESERVED >= target_count -> 0 : target_count - RESERVED)
#else
#define LOWER_MOST (RESERVED >= target_count -> 1 : target_count - RESERVED)
#endif
#define LOWER_ROOM (LOWER_MOST > lower_count -> LOWER_MOST - lower_count : 0)
#define LOWER_READY (COUNT_OF(queue & ~HIGH) < LOWER_ROOM -> COUNT_OF(queue & ~HIGH) : LOWER_ROOM)
#else
#define LOWER_ROOM 255
#define LOWER_READY COUNT_OF(queue & ~HIGH)
#endif
#define READY (COUNT_OF(queue & HIGH) + LOWER_READY)
#ifdef BREAK_none_while_tiny
#define MOST (jobs_are_tiny -> 0 : WAKING_MAX)
#else
#define MOST (jobs_are_tiny -> 1 : WAKING_MAX)
#endif

/* One sleeper, or NONE, under the lock. */
inline wake_one(who) {
    who = idle;
    if
#ifdef BREAK_wake_too_few
    :: who == NONE || READY <= waking_count + 1 || waking_count >= MOST -> who = NONE
#else
    :: who == NONE || READY <= waking_count || waking_count >= MOST -> who = NONE
#endif
    :: else ->
        idle = next_idle[who];
        is_woken[who] = true;
        waking_count++
    fi
}

inline park_wake(who) {
    atomic {
        if
        :: who != NONE -> signal[who] = true; who = NONE
        :: else
        fi
    }
}

inline flush(jobs) {
#ifndef BREAK_flush_without_lock
    enter();
#endif
#ifdef BREAK_wake_before_splice
    wake_one(first);
    wake_one(second);
#endif
    was = queue;
    atomic {
        queue = was | (jobs);
        job = 0;
        do
        :: job < JOBS -> is_in[job] = is_in[job] || ((jobs) & BIT(job)) != 0; job++
        :: else -> break
        od;
        job = 0;
        was = 0
    }
#ifdef BREAK_flush_without_lock
    enter();
#endif
#ifndef BREAK_wake_before_splice
    atomic {
        wake_one(first);
        if
        :: first != NONE -> wake_one(second)
        :: else
        fi
    }
#endif
    lock = false;
    park_wake(first);
#ifndef BREAK_no_signal
    park_wake(second)
#endif
}

#define HAS_SURPLUS (thread_count - zombie_count > target_count)
#ifdef BREAK_surplus_by_threads
#define HAS_READY_SURPLUS HAS_SURPLUS
#else
#define HAS_READY_SURPLUS (ready_count > zombie_count && ready_count - zombie_count > target_count)
#endif

inline set_lower(who, new) {
    lower_count = lower_count + (new) - is_lower[who];
    is_lower[who] = (new)
}

/* The first job of either class that may start, taken in two steps. */
inline list_take() {
#ifdef BREAK_take_without_lock
    atomic { was = queue; all = was }
#else
    was = queue;
#endif
    atomic {
        job = 0;
        if
        :: (was & HIGH) != 0 -> was = was & HIGH
        :: (was & ~HIGH) != 0 && LOWER_ROOM > 0 -> was = was & ~HIGH /* also where a high one waits: ageing */
        :: else -> was = 0
        fi;
        do
        :: job < JOBS && (was & BIT(job)) == 0 -> job++
        :: else -> break
        od;
        if
        :: job == JOBS -> job = NONE
        :: else ->
#ifdef BREAK_take_without_lock
            queue = all & ~BIT(job);
            all = 0
#else
            queue = queue & ~BIT(job)
#endif
        fi;
        was = 0
    }
}

/* deal_one: from here on the queue is not the place to take it back from. */
inline start() {
    atomic {
        assert(!has_started[job] && !was_taken_back[job]);
        is_in[job] = false;
        has_started[job] = true;
        started_count++;
#ifdef ZOMBIE
        inside[me] = job;
#endif
        set_lower(me, RESERVED != 0 && (HIGH & BIT(job)) == 0)
    }
}

inline take() {
    job = NONE;
#ifdef BREAK_take_without_lock
    if
    :: queue != 0 && !is_stopping -> list_take()
    :: else
    fi;
#endif
    enter();
    do
    :: job != NONE || is_stopping || HAS_READY_SURPLUS -> break
    :: else ->
        atomic { /* deal */
            set_lower(me, 0);
#ifdef TINY
            if /* judge_hand */
            :: jobs_are_tiny = true
            :: jobs_are_tiny = false
            fi
#endif
        }
        list_take();
        if
        :: job != NONE -> break
        :: else
        fi;
#ifdef BREAK_leave_before_idle
        lock = false;
        enter();
#endif
        atomic { next_idle[me] = idle; idle = me }
        lock = false;
        atomic { signal[me] -> signal[me] = false } /* tti_park_wait */
        enter();
        atomic {
            if
            :: is_woken[me] ->
                is_woken[me] = false;
#ifndef BREAK_still_waking
                waking_count--
#endif
            :: else
            fi
        }
    od;
    if
    :: job != NONE -> start()
    :: else ->
        atomic {
            set_lower(me, 0);
#ifndef BREAK_end_uncounted
            ready_count--;
            thread_count--
#endif
        }
    fi;
#ifndef BREAK_no_chain
    atomic { wake_one(sleeper) }
#endif
    lock = false;
    park_wake(sleeper);
#ifdef BREAK_end_uncounted
    if
    :: job == NONE -> enter(); atomic { ready_count--; thread_count--; lock = false }
    :: else
    fi
#endif
}

inline call() {
#ifdef ZOMBIE
    started_count >= CROWD && (job != 0 || zombie_may_return); /* the first job hangs until it is given up, and after */
#else
    started_count >= CROWD;
#endif
    if
    :: zombie == job -> /* hand_back_zombie */
        enter();
#ifndef BREAK_zombie_uncounted
        zombie_count--;
#endif
        lock = false
    :: else
    fi;
#ifdef ZOMBIE
    inside[me] = NONE;
#endif
    ended_count++
}

/* One that never is ready ends with the pool, or as one too many. */
inline begin() {
    if
    :: true -> atomic { !lock -> ready_count++ }
#ifdef FAILING
    :: me >= WORKERS -> atomic { !lock && (is_stopping || HAS_SURPLUS) -> thread_count--; goto gone }
#endif
    fi
}

proctype worker(byte me) {
    byte job, was;
    byte sleeper = NONE;
#ifdef BREAK_take_without_lock
    byte all;
#endif
    begin();
    do
    :: take();
       if
       :: job == NONE -> break
       :: else -> call()
       fi
    od;
gone:
    skip
}

inline take_back(what) {
    if
    :: is_in[what] -> /* the phase says so, without the lock: another look under it decides */
        enter();
        atomic {
            if
#ifdef BREAK_no_look_at_phase
            :: true ->
#else
            :: is_in[what] ->
#endif
                assert(!has_started[what]);
                is_in[what] = false;
                queue = queue & ~BIT(what);
                was_taken_back[what] = true;
                started_count++;
                ended_count++
            :: else
            fi
        }
        lock = false
    :: else
    fi
}

/* Wakes the whole stack from the local copy on: each may sleep again at once, and be linked anew. */
inline wake_all() {
    do
    :: first != NONE -> atomic { second = next_idle[first]; signal[first] = true; first = second; second = NONE }
    :: else -> break
    od
}

/* tti_worker_fill */
inline fill() {
    atomic {
        !lock;
        if
        :: !is_stopping && thread_count - zombie_count < target_count && thread_count < target_count + SPARE &&
           next_worker < THREADS ->
            thread_count++;
            run worker(next_worker);
            next_worker++
        :: else
        fi
    }
}

inline resize(count) {
    enter();
    atomic {
        target_count = count;
        if
        :: HAS_SURPLUS ->
#ifndef BREAK_resize_wakes_nobody
            first = idle;
            second = first;
            do
            :: second != NONE -> is_woken[second] = true; waking_count++; second = next_idle[second]
            :: else -> break
            od;
            idle = NONE;
            second = NONE
#endif
        :: else ->
#ifndef BREAK_grow_wakes_nobody
            wake_one(first);
            if
            :: first != NONE -> next_idle[first] = NONE /* the list to be woken */
            :: else
            fi
#endif
            skip
        fi
    }
    lock = false;
    wake_all();
    fill()
}

active proctype loop() {
    byte job, was;
    byte first = NONE, second = NONE, next_worker = WORKERS;
    atomic {
        run worker(0);
        run worker(1);
#if WORKERS > 2
        run worker(2)
#endif
    }
    if
    :: flush(BIT(JOBS) - 1)
#ifdef RESIZE
    :: flush(1) /* the other one when the pool has changed */
#endif
    :: flush(1); flush((BIT(JOBS) - 1) & ~1)
    fi;
#ifdef CANCEL
    take_back(1);
    take_back(2);
#endif
#ifdef RESIZE
    resize(1);
    if /* settled or not */
    :: true -> thread_count == 1
    :: true
    fi;
    resize(2);
    resize(1);
    if
    :: started_count < JOBS && !is_in[1] && !has_started[1] -> flush(2)
    :: else
    fi;
#endif
#ifdef GROW
    has_started[0];
    resize(3);
#endif
#ifdef ZOMBIE
    atomic { /* claim */
        has_started[0] && !lock -> zombie = 0; zombie_count++;
        job = 0;
        do
        :: job < THREADS ->
            if
#ifdef BREAK_room_counts_zombies
            :: false
#else
            :: inside[job] == 0 -> set_lower(job, 0)
#endif
            :: else
            fi;
            job++
        :: else -> break
        od;
        job = 0;
#ifndef BREAK_claim_wakes_nobody
        wake_one(first)
#endif
    }
    park_wake(first);
    fill();
    started_count == JOBS; /* also while the zombie holds its thread */
    zombie_may_return = true;
#endif
    ended_count == JOBS;
    thread_count - zombie_count == target_count; /* those too many have ended, or will */
    enter();
    atomic {
        is_stopping = true;
        first = idle;
        idle = NONE;
        lock = false
    }
#ifndef BREAK_stop_wakes_nobody
    wake_all();
#endif
    _nr_pr == 1;
    assert(thread_count == 0 && zombie_count == 0 && waking_count == 0 && ready_count == 0 && lower_count == 0);
    atomic {
        job = 0;
        do
        :: job < JOBS -> assert(has_started[job] != was_taken_back[job]); job++
        :: else -> break
        od
    }
}
