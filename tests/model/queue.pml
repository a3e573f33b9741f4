/*
 * Model of the queue and of who is woken for it: pool/queue.c, and tt_pool_resize and stop_workers in pool/pool.c.
 *
 * Proved: the queue never holds a job while a worker that could take it stays parked; each accepted job is started once or
 * taken back, never both; a pool that was made smaller gets rid of the threads that are too many, all of them and no more; all
 * workers end when they are told to.
 *
 * How: a function blocks until as many jobs have started as there are workers (CROWD), or returns at once. A job left lying
 * while somebody sleeps is then an invalid end state.
 *
 *   step here            function, and the order that it stands for
 *   enter, leave         tti_lock_enter, tti_lock_leave. What stands between them is done in single steps, or the lock could
 *                        not be missed
 *   flush                tti_queue_flush
 *   pick_sleeper         pick_sleeper
 *   take                 tti_queue_take, with assign
 *   park_wait, park_wake tti_park_wait (exchange acquire), tti_park_wake (exchange release): see park.pml
 *   take_back            tti_queue_remove
 *   resize, stop         tt_pool_resize with tti_worker_fill, stop_workers
 *   zombie               claim and tti_worker_fill in tti_cancel_running; hand_back_zombie
 *
 * run: crowd           -DWORKERS=3 -DJOBS=3 -DCROWD=3
 * run: cancel          -DWORKERS=2 -DJOBS=3 -DCROWD=1 -DCANCEL
 * run: resize          -DWORKERS=2 -DJOBS=2 -DCROWD=1 -DRESIZE
 * run: zombie          -DWORKERS=2 -DJOBS=3 -DCROWD=3 -DZOMBIE
 *
 * break: take_without_lock    crowd    the worker takes the first job without the lock
 * break: flush_without_lock   crowd    the loop adds its batch without the lock
 * break: leave_before_idle    crowd    the worker leaves the lock, then puts itself onto the stack of sleepers
 * break: still_waking         crowd    waking_count is not decremented by who was woken
 * break: no_chain             crowd    who takes a job wakes nobody else
 * break: pick_before_splice   crowd    flush looks for sleepers before it adds the jobs
 * break: pick_too_few         crowd    one job alone wakes nobody
 * break: no_signal            crowd    the second sleeper that flush picks is not woken
 * break: no_look_at_phase     cancel   a job is taken out of the queue without a look whether it still is there
 * break: resize_wakes_nobody  resize   idle workers that are too many go on sleeping
 * break: end_uncounted        resize   the end of a worker is counted when it has left the lock
 * break: stop_wakes_nobody    crowd    parked workers are not told the end
 * break: zombie_uncounted     zombie   a returned zombie stays counted
 */
#define WAKING_MAX 2
#define NONE 255
#define BIT(n) (1 << (n))
#ifdef RESIZE
#define THREADS (WORKERS + 1)
#else
#ifdef ZOMBIE
#define THREADS (WORKERS + 1)
#else
#define THREADS WORKERS
#endif
#endif
#define QUEUED(q) (((q) & 1) + (((q) >> 1) & 1) + (((q) >> 2) & 1))

bool lock;
byte queue; /* a set: order is no matter here */
byte idle = NONE; /* the stack of sleepers */
byte next_idle[THREADS];
bool is_woken[THREADS];
byte waking_count;
byte target_count = WORKERS;
byte thread_count = WORKERS;
byte zombie_count;
bool is_stopping;

bool signal[THREADS];

bool is_in[JOBS]; /* its phase is QUEUED */
bool has_started[JOBS];
bool was_taken_back[JOBS];
byte started_count; /* or gone */
byte ended_count;
byte zombie = NONE; /* a job that was given up */
bool zombie_may_return;

inline enter() { atomic { !lock -> lock = true } }

/* One sleeper, or NONE, under the lock. */
inline pick_sleeper(who) {
    who = idle;
    if
#ifdef BREAK_pick_too_few
    :: who == NONE || QUEUED(queue) <= waking_count + 1 || waking_count >= WAKING_MAX -> who = NONE
#else
    :: who == NONE || QUEUED(queue) <= waking_count || waking_count >= WAKING_MAX -> who = NONE
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
#ifdef BREAK_pick_before_splice
    pick_sleeper(first);
    pick_sleeper(second);
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
#ifndef BREAK_pick_before_splice
    atomic {
        pick_sleeper(first);
        if
        :: first != NONE -> pick_sleeper(second)
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

/* The first job that is queued, taken in two steps. */
inline list_take() {
    was = queue;
    atomic {
        job = 0;
        do
        :: job < JOBS && (was & BIT(job)) == 0 -> job++
        :: else -> break
        od;
        if
        :: job == JOBS -> job = NONE
        :: else -> queue = was & ~BIT(job)
        fi;
        was = 0
    }
}

/* assign: from here on nobody takes it back. */
inline start() {
    atomic {
        assert(!has_started[job] && !was_taken_back[job]);
        is_in[job] = false;
        has_started[job] = true;
        started_count++
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
    :: job != NONE || is_stopping || HAS_SURPLUS -> break
    :: else ->
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
#ifndef BREAK_end_uncounted
        thread_count--
#endif
    fi;
#ifndef BREAK_no_chain
    atomic { pick_sleeper(sleeper) }
#endif
    lock = false;
    park_wake(sleeper);
#ifdef BREAK_end_uncounted
    if
    :: job == NONE -> enter(); thread_count--; lock = false
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
    ended_count++
}

proctype worker(byte me) {
    byte job, was;
    byte sleeper = NONE;
    do
    :: take();
       if
       :: job == NONE -> break
       :: else -> call()
       fi
    od
}

/* tti_queue_remove */
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
        :: !is_stopping && thread_count - zombie_count < target_count && thread_count < target_count + 1 && next_worker < THREADS ->
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
            idle = NONE
#endif
        :: else
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
#endif
#ifdef ZOMBIE
    atomic { has_started[0] && !lock -> zombie = 0; zombie_count++ } /* claim */
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
    assert(thread_count == 0 && zombie_count == 0 && waking_count == 0);
    atomic {
        job = 0;
        do
        :: job < JOBS -> assert(has_started[job] != was_taken_back[job]); job++
        :: else -> break
        od
    }
}
