/*
 * Model of a pool's end: tt_pool_drain and tt_pool_destroy in pool/pool.c, with the workers' side in pool/worker.c
 * (hand_back_zombie, say_goodbye), while functions may hang for ever and jobs wait for a permit that a hanging one holds.
 *
 * Proved: a drain's hard end always comes (`ends`, for fair schedules), and destroy returns: the pool is idle or only workers
 * inside a function are left, which nobody can wait for. Until then each job's done is called once; its release once, on the
 * loop before destroy returns or on the worker that outlived it; nobody touches the wake after destroy, nor the pool after
 * the last reference has gone; each thread is joined or left behind, never both.
 *
 * How: destroy that returns too early is a touch of what is gone; one that never does is an invalid end state where the loop
 * sleeps, and a cycle without is_over where it goes round. The details of a job's end are end.pml's, the pipe is wake.pml's:
 * here a push is one step, and wakes.
 *
 *   step here            function, and the order that it stands for
 *   take                 tti_queue_take, under pool->lock
 *   finish               compare-and-swap of phase, acq_rel, in tti_worker_run
 *   hand_back, goodbye   hand_back_zombie, say_goodbye: is_orphaned is read and answered under pool->lock
 *   dispatch             tt_wake_dispatch: posts (on_gone), then the loop's own list, then the completion list
 *   give_up_all          give_up_all, give_up_limited, tti_cancel_running
 *   only_stuck_left      only_stuck_left, under pool->lock
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
 */
#define WORKERS 2
#define JOBS    2 /* the second waits for the permit that the first one holds, or for nothing */
mtype = { IDLE, LIMITED, QUEUED, RUNNING, FINISHED, ZOMBIE, ENDED };

#define BIT(n) (1 << (n))

bool lock;
mtype phase[JOBS + 1] = IDLE;
byte queue;
byte running[WORKERS]; /* worker->job */
byte worker_of[JOBS + 1];
bool is_zombie[WORKERS];
byte zombie_count;
bool is_stopping;
bool is_told[WORKERS]; /* parked when the pool stopped, and woken for it */
bool is_orphaned;
byte references = 1 + WORKERS;
byte finished; /* sets */
byte gone;
byte workers = BIT(WORKERS) - 1; /* pool->workers: not joined yet */

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
inline post() { atomic { assert(!wake_is_gone); gone = gone | BIT(me) } }

inline release(what) {
    assert(was_done[what] && !was_released[what]);
    was_released[what] = true
}

inline hand_back() {
#ifdef BREAK_orphan_look_first
    is_left = is_orphaned;
#endif
    enter();
    atomic {
        is_zombie[me] = false;
        zombie_count--;
#ifndef BREAK_orphan_look_first
        is_left = is_orphaned
#endif
    }
    if
    :: is_left
    :: else -> phase[job] = ENDED; push(job)
    fi;
    leave();
    if
    :: is_left -> atomic { release(job) }
    :: else
    fi
}

inline goodbye() {
    enter();
    is_left = is_orphaned;
    if
    :: is_left
    :: else -> post()
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

proctype worker(byte me) {
    byte job;
    bool is_won, is_left;
    do
    :: atomic { /* take; parked until there is a job or an end, which is queue.pml's */
           !lock && (queue != 0 || is_stopping && is_told[me]) -> assert(!pool_is_freed);
           if
           :: is_stopping -> break
           :: else ->
               job = (queue & BIT(1) -> 1 : 2);
               queue = queue & ~BIT(job);
               worker_of[job] = me;
               running[me] = job;
               phase[job] = RUNNING
           fi
       }
       if /* the function returns, or hangs for ever */
       :: true
       :: true ->
end_hung:  false
       fi;
       running[me] = 0;
       atomic {
           is_won = phase[job] == RUNNING;
           if
           :: is_won -> phase[job] = FINISHED
           :: else
           fi
       }
       if
       :: is_won -> push(job)
       :: else -> hand_back()
       fi;
       atomic {
           job = 0;
           is_won = false;
           is_told[me] = is_told[me] || is_stopping /* it comes by itself */
       }
    od;
    goodbye()
}

/* -- the loop */

inline tell(what) {
    assert(!was_done[what] && !wake_is_gone);
    was_done[what] = true;
    waiting_count--
}

inline let_go(what) {
    release(what);
    inside_count--;
    if
    :: what == 1 && limited != 0 -> phase[limited] = QUEUED; queue = queue | BIT(limited); limited = 0
    :: else
    fi
}

inline dispatch() {
    do /* posts: joins, and the thread's reference goes with it */
    :: gone != 0 ->
        enter();
        atomic {
            job = (gone & 1 -> 0 : 1);
            gone = gone & ~BIT(job);
            workers = workers & ~BIT(job);
            job = 0
        }
        leave();
#ifndef BREAK_no_reference
        pool_release()
#endif
    :: else -> break
    od;
    atomic {
        !lock;
        room = 1; /* a job a turn: DISPATCH_COUNT of them, while posts have no such limit */
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
                :: phase[job] == ENDED
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
            :: phase[what] == RUNNING ->
                phase[what] = ZOMBIE;
                given_up = given_up | BIT(what);
                zombie_count++;
                is_zombie[worker_of[what]] = true
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
    atomic { /* the jobs that run, under the lock */
        !lock;
        late = (is_zombie[0] -> 0 : running[0]);
        later = (is_zombie[1] -> 0 : running[1])
    }
    claim(late);
    claim(later)
#endif
}

#define IS_STUCK(who) ((workers & BIT(who)) == 0 || is_zombie[who])

active proctype loop() {
    byte job, late, later, room;
    bool only_stuck;
    atomic {
        run worker(0);
        run worker(1)
    }
    atomic { /* submit and flush */
        phase[1] = QUEUED;
        queue = BIT(1);
        waiting_count = JOBS;
        inside_count = JOBS;
        if
        :: true -> phase[2] = LIMITED; limited = 2
        :: true -> phase[2] = QUEUED; queue = queue | BIT(2)
        fi
    }
    /* tt_pool_drain: the time is over whenever it wants */
    do
    :: inside_count == 0 -> break
    :: true -> break
    :: finished != 0 || gone != 0 -> dispatch()
    od;
    do
    :: waiting_count == 0 -> break
    :: else -> give_up_all(); dispatch()
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
#ifdef BREAK_waits_for_stuck
           only_stuck = workers == 0;
#else
#ifdef BREAK_threads_not_awaited
           only_stuck = inside_count == zombie_count;
#else
#ifdef BREAK_release_not_awaited
           only_stuck = IS_STUCK(0) && IS_STUCK(1);
#else
           only_stuck = inside_count == zombie_count && IS_STUCK(0) && IS_STUCK(1);
#endif
#endif
#endif
           if
           :: only_stuck -> is_orphaned = true; break
           :: else
           fi
       }
       finished != 0 || gone != 0; /* turn: sleeps */
       dispatch()
    od;
    pool_release();
    atomic {
        wake_is_gone = true; /* destroyed next */
        assert(given_up == 0 && waiting_count == 0 && finished == 0 && gone == 0);
        assert(was_done[1] && was_done[2]);
        assert(was_released[1] || phase[1] == ZOMBIE);
        assert(was_released[2] || phase[2] == ZOMBIE);
        is_over = true
    }
    /* Whoever returned has ended, whoever hangs holds the pool. */
end_hung:
    _nr_pr == 1;
    assert(pool_is_freed && was_released[1] && was_released[2])
}

ltl ends { <> is_over }
