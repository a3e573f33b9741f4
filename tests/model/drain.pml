/*
 * Model of a pool's end: tt_pool_drain and tt_pool_destroy in pool/pool.c, with the workers' side in pool/worker.c
 * (hand_back_zombie, say_goodbye) and in pool/nest.c, while functions may hang for ever and jobs wait for a permit that a
 * hanging one holds. The first job may begin a nest at any time, also as a zombie; its child is the second job.
 *
 * Proved: a drain's hard end always comes (`ends`, for fair schedules), and destroy returns: the pool is idle or only workers
 * inside a function are left, which nobody can wait for. Until then each job's done is called once; its release once, on the
 * loop before destroy returns or on the worker that outlived it, when no watch hangs on the job any more; nobody touches the
 * wake after destroy, nor the pool after the last reference has gone; each thread is joined or left behind, never both; a
 * parent that outlives its pool doesn't wait for children that nobody will start.
 *
 * How: destroy that returns too early is a touch of what is gone; one that never does is an invalid end state where the loop
 * sleeps, and a cycle without is_over where it goes round. The details of a job's end are end.pml's, a nest's are nest.pml's,
 * the pipe is wake.pml's: here a push is one step, and wakes.
 *
 * What the protocol must keep, found here; each line has its break:
 *   - a zombie's job is known under the lock as long as the worker is a zombie: its word forgets the job a moment earlier;
 *   - a lodger that isn't a zombie runs nothing once all done have been called. It leaves without a word to the loop, so
 *     the loop must not wait for it: its host counts.
 *
 *   step here            function, and the order that it stands for
 *   take                 tti_queue_take, under pool->lock
 *   advance              tti_hand_advance, acq_rel; the rest of tti_worker_run
 *   hand_back, goodbye   hand_back_zombie, say_goodbye: is_orphaned is read and answered under pool->lock
 *   nest                 tt_nest_run: tti_worker_lodge, send (both under pool->lock), help, tti_worker_leave
 *   dispatch             tt_wake_dispatch: posts (on_gone, on_start), then the loop's own list, then the completion list
 *   give_up_all          give_up_all, give_up_limited, tti_cancel_running
 *   only_stuck_left      only_stuck_left with drop_watches, under pool->lock; then the last dispatch
 *   pool_release         tti_pool_release: fetch_sub acq_rel
 *
 * run: safe
 * run: live            live
 *
 * break: orphan_look_first     safe   the returned zombie asks whether the loop has gone, then says that it is none any more
 * break: threads_not_awaited   safe   destroy looks at the jobs only, not at the threads
 * break: no_reference          safe   a thread holds no reference to its pool
 * break: release_not_awaited   safe   destroy does not wait for a release that is on its way
 * break: parked_not_stopped    safe   parked workers are not told
 * break: running_not_given_up  live   a drain's hard end waits for what runs
 * break: limited_not_given_up  live   a drain's hard end leaves what waits for a permit
 * break: waits_for_stuck       safe   destroy joins also those inside a function
 * break: lodgers_awaited       safe   destroy waits for a lodger that runs nothing
 * break: lodgers_not_counted   safe   a child that hangs on its parent's thread is taken for a release on its way
 * break: watches_by_word       safe   the jobs that lose their watches are those that the words call given up
 * break: no_last_dispatch      safe   what a zombie has posted when the pool was orphaned stays on the list
 * break: posts_without_look    safe   a nest posts to a loop that has gone
 */
#define WORKERS 2
#define RECORDS 3 /* the last one is the lodger */
#define LODGER  2
#define JOBS    2 /* the second waits for the permit that the first one holds, or for nothing, or is its child */
#define BIT(n)  (1 << (n))

mtype = { IDLE, LIMITED, QUEUED, DEALT, FINISHED, ZOMBIE };

bool lock;
mtype phase[JOBS + 1] = IDLE;
byte queue;
byte running[RECORDS]; /* with the next one, a hand's word */
bool is_given_up[RECORDS];
byte worker_of[JOBS + 1];
byte zombie_job[RECORDS]; /* 0: it is no zombie */
bool is_stopping;
bool is_told[WORKERS]; /* parked when the pool stopped, and woken for it */
bool is_orphaned;
byte references = 1 + WORKERS;
byte finished; /* sets */
byte gone;
bool nest_post;
byte records = BIT(WORKERS) - 1; /* pool->workers: not joined yet, or not left */
bool nest_is_over;
bool is_child; /* the second job */

/* onloop */
byte given_up;
byte waiting_count;
byte inside_count;
byte limited;

/* What is proved. */
bool pool_is_freed;
bool wake_is_gone;
bool is_over;
bool was_done[JOBS + 1];
bool was_released[JOBS + 1];
byte watched = BIT(1) + BIT(2);
bool is_inside[WORKERS]; /* a job, or the end of one */

inline enter() { atomic { !lock -> assert(!pool_is_freed); lock = true } }
inline leave() { atomic { assert(!pool_is_freed); lock = false } }

inline pool_release() {
    atomic {
        assert(!pool_is_freed);
        references--;
        if
        :: references == 0 -> pool_is_freed = true
        :: else
        fi
    }
}

inline push(what) { atomic { assert(!wake_is_gone); finished = finished | BIT(what) } }

inline release(what) {
    assert(was_done[what] && !was_released[what]);
    was_released[what] = true
}

/* From advance on. */
inline end_run(record, what) {
    atomic {
        is_late = is_given_up[record];
        is_given_up[record] = false;
        running[record] = 0
    }
    if
    :: !is_late -> phase[what] = FINISHED; push(what)
    :: else -> /* hand_back */
#ifdef BREAK_orphan_look_first
        is_left = is_orphaned;
#endif
        enter();
        atomic {
            zombie_job[record] = 0;
#ifndef BREAK_orphan_look_first
            is_left = is_orphaned
#endif
        }
        if
        :: is_left
        :: else -> push(what)
        fi;
        leave();
        if
        :: is_left -> atomic { assert((watched & BIT(what)) == 0); release(what) }
        :: else
        fi
    fi;
    atomic { is_late = false; is_left = false }
}

inline deal(record, what) {
    queue = queue & ~BIT(what);
    worker_of[what] = record;
    running[record] = what;
    phase[what] = DEALT
}

inline goodbye() {
    enter();
    is_left = is_orphaned;
    if
    :: is_left
    :: else -> atomic { assert(!wake_is_gone); gone = gone | BIT(me) }
    fi;
    leave();
    if
    :: is_left ->
#ifndef BREAK_no_reference
        pool_release()
#endif
    :: else /* joined: the loop does it */
    fi
}

/* Goes to hung where the child never returns. */
inline nest() {
    atomic { !lock -> assert(!pool_is_freed); records = records | BIT(LODGER) }
#ifdef BREAK_posts_without_look
    atomic { assert(!wake_is_gone); nest_post = true }
#else
    enter();
    is_left = is_orphaned;
    if
    :: is_left -> nest_is_over = true /* TT_CLOSED */
    :: else -> atomic { assert(!wake_is_gone); nest_post = true }
    fi;
    leave();
#endif
    is_left = false;
    do
    :: nest_is_over -> break
    :: atomic { !lock && is_child && (queue & BIT(2)) != 0 -> assert(!pool_is_freed); deal(LODGER, 2) }
       if
       :: true
       :: true -> goto hung
       fi;
       end_run(LODGER, 2)
    od;
    atomic { !lock -> assert(!pool_is_freed); records = records & ~BIT(LODGER) }
}

proctype worker(byte me) {
    byte job;
    bool is_late, is_left;
    do
    :: atomic { /* take; parked until there is a job or an end, which is queue.pml's */
           !lock && (queue != 0 || is_stopping && is_told[me]) -> assert(!pool_is_freed);
           if
           :: is_stopping -> break
           :: else -> job = (queue & BIT(1) -> 1 : 2); deal(me, job); is_inside[me] = true
           fi
       }
       if
       :: is_child && job == 1 -> nest()
       :: true
       fi;
       if /* the function returns, or hangs for ever */
       :: true
       :: true -> goto hung
       fi;
       end_run(me, job);
       atomic {
           job = 0;
           is_inside[me] = false;
           is_told[me] = is_told[me] || is_stopping /* it comes by itself */
       }
    od;
    goodbye();
    goto ended;
hung:
end_hung:
    false;
ended:
    skip
}

/* -- the loop */

inline tell(what) {
    assert(!was_done[what] && !wake_is_gone);
    was_done[what] = true;
    waiting_count--;
    if
    :: is_child && what == 2 -> nest_is_over = true
    :: else
    fi
}

inline let_go(what) {
    release(what);
    watched = watched & ~BIT(what);
    inside_count--;
    if
    :: what == 1 && limited != 0 -> phase[limited] = QUEUED; queue = queue | BIT(limited); limited = 0
    :: else
    fi
}

/* With room for a job: posts have no such limit. */
inline dispatch(most) {
    do /* joins, and the thread's reference goes with it */
    :: gone != 0 ->
        enter();
        atomic {
            job = (gone & 1 -> 0 : 1);
            gone = gone & ~BIT(job);
            records = records & ~BIT(job);
            job = 0
        }
        leave();
#ifndef BREAK_no_reference
        pool_release()
#endif
    :: nest_post ->
        atomic { /* on_start, and the flush under the lock */
            !lock;
            nest_post = false;
            if
            :: is_closed -> nest_is_over = true
            :: else -> phase[2] = QUEUED; queue = queue | BIT(2); waiting_count++; inside_count++
            fi
        }
    :: else -> break
    od;
    atomic {
        !lock;
        room = most;
        job = 1;
        do
        :: job <= JOBS ->
            if
            :: room > 0 && (given_up & BIT(job)) != 0 ->
                room--;
                given_up = given_up & ~BIT(job);
                tell(job);
                if
                :: phase[job] == FINISHED -> let_go(job)
                :: else
                fi
            :: else
            fi;
            job++
        :: else -> break
        od;
        job = 1;
        do
        :: job <= JOBS ->
            if
            :: room > 0 && given_up == 0 && (finished & BIT(job)) != 0 ->
                room--;
                finished = finished & ~BIT(job);
                if
                :: was_done[job]
                :: else -> tell(job)
                fi;
                let_go(job)
            :: else
            fi;
            job++
        :: else -> break
        od;
        job = 0;
        room = 0
    }
}

inline claim(what) {
    if
    :: what != 0 ->
        atomic {
            !lock;
            if
            :: phase[what] == DEALT && running[worker_of[what]] == what && !is_given_up[worker_of[what]] ->
                is_given_up[worker_of[what]] = true;
                phase[what] = ZOMBIE;
                given_up = given_up | BIT(what);
                zombie_job[worker_of[what]] = what
            :: else
            fi
        }
    :: else
    fi
}

inline give_up_all() {
#ifndef BREAK_limited_not_given_up
    atomic {
        if
        :: limited != 0 -> phase[limited] = FINISHED; given_up = given_up | BIT(limited); limited = 0
        :: else
        fi
    }
#endif
    atomic { /* what is queued, one after the other: each under the lock */
        !lock;
        job = 1;
        do
        :: job <= JOBS ->
            if
            :: (queue & BIT(job)) != 0 ->
                queue = queue & ~BIT(job);
                phase[job] = FINISHED;
                given_up = given_up | BIT(job)
            :: else
            fi;
            job++
        :: else -> break
        od;
        job = 0
    }
#ifndef BREAK_running_not_given_up
    atomic { /* the jobs that run, under the lock: two at most */
        !lock;
        job = 0;
        do
        :: job < RECORDS ->
            if
            :: is_given_up[job] || running[job] == 0
            :: else -> later = late; late = running[job]
            fi;
            job++
        :: else -> break
        od;
        job = 0
    }
    claim(late);
    claim(later);
    atomic { late = 0; later = 0 }
#endif
}

#define IS_IN(who)  ((records & BIT(who)) != 0)
#define STUCK_COUNT (IS_IN(0) + IS_IN(1) + (IS_IN(LODGER) && zombie_job[LODGER] != 0))

inline only_stuck_left() {
    only_stuck = (!IS_IN(0) || zombie_job[0] != 0) && (!IS_IN(1) || zombie_job[1] != 0);
#ifdef BREAK_lodgers_awaited
    only_stuck = only_stuck && (!IS_IN(LODGER) || zombie_job[LODGER] != 0);
#endif
#ifdef BREAK_threads_not_awaited
    only_stuck = inside_count == (zombie_job[0] != 0) + (zombie_job[1] != 0) + (zombie_job[LODGER] != 0);
#else
#ifdef BREAK_lodgers_not_counted
    only_stuck = only_stuck && inside_count == IS_IN(0) + IS_IN(1);
#else
#ifndef BREAK_release_not_awaited
    only_stuck = only_stuck && inside_count == STUCK_COUNT;
#endif
#endif
#endif
#ifdef BREAK_waits_for_stuck
    only_stuck = (records & (BIT(WORKERS) - 1)) == 0;
#endif
    if
    :: only_stuck ->
        assert((!IS_IN(0) || is_inside[0]) && (!IS_IN(1) || is_inside[1]));
        is_orphaned = true;
        job = 0;
        do
        :: job < RECORDS ->
#ifdef BREAK_watches_by_word
            if
            :: is_given_up[job] -> watched = watched & ~BIT(running[job])
            :: else
            fi;
#else
            watched = watched & ~BIT(zombie_job[job]);
#endif
            job++
        :: else -> break
        od;
        job = 0
    :: else
    fi
}

active proctype loop() {
    byte job, late, later, room;
    bool only_stuck, is_closed;
    atomic {
        run worker(0);
        run worker(1)
    }
    atomic { /* submit and flush */
        phase[1] = QUEUED;
        queue = BIT(1);
        waiting_count = 1;
        inside_count = 1;
        if
        :: true -> phase[2] = LIMITED; limited = 2; waiting_count++; inside_count++
        :: true -> phase[2] = QUEUED; queue = queue | BIT(2); waiting_count++; inside_count++
        :: true -> is_child = true
        fi
    }
    /* tt_pool_drain: the time is over whenever it wants */
    do
    :: inside_count == 0 -> break
    :: true -> break
    :: !is_closed -> is_closed = true
    :: finished != 0 || gone != 0 || nest_post -> dispatch(1)
    od;
    is_closed = true;
    do
    :: waiting_count == 0 -> break
    :: else -> give_up_all(); dispatch(1)
    od;
    /* tt_pool_destroy: stop_workers */
    enter();
    atomic {
        is_stopping = true;
#ifdef BREAK_parked_not_stopped
        is_told[0] = running[0] != 0;
        is_told[1] = running[1] != 0
#else
        is_told[0] = true;
        is_told[1] = true
#endif
    }
    leave();
    do
    :: atomic {
           !lock;
           only_stuck_left();
           if
           :: only_stuck -> break
           :: else
           fi
       }
       finished != 0 || gone != 0 || nest_post; /* turn: sleeps */
       dispatch(1)
    od;
#ifndef BREAK_no_last_dispatch
    dispatch(0);
#endif
    pool_release();
    atomic {
        wake_is_gone = true; /* destroyed next */
        assert(given_up == 0 && waiting_count == 0 && finished == 0 && gone == 0 && !nest_post);
        assert(was_done[1] && (was_done[2] || phase[2] == IDLE));
        assert(was_released[1] || phase[1] == ZOMBIE);
        assert(was_released[2] || phase[2] == ZOMBIE || phase[2] == IDLE);
        is_over = true
    }
    /* Whoever returned has ended, whoever hangs holds the pool. */
end_hung:
    _nr_pr == 1;
    assert(pool_is_freed && was_released[1] && was_released[2] == was_done[2])
}

ltl ends { <> is_over }
