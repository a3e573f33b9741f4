/*
 * Model of a job's end: start or expire, finish or abandon, done, release and the permit. pool/queue.c (deal_one,
 * tti_queue_take_back), pool/worker.c, pool/cancel.c, pool/complete.c, pool/deadline.c (scan_workers), pool/limiter.c.
 *
 * Proved: done exactly once and release exactly once, after it; nothing starts that was taken back; what was given up is never
 * told as finished, and its result never overwrites the verdict; a permit comes back only when the function has really
 * returned; the loop follows no hand's pointer to a job that it has let go, and no job's pointer to a worker whose record is
 * freed, although the job may still be on the completion list by then; a worker is counted as zombie only while it is
 * one; none of the three uses of a job's two links disturbs another.
 *
 * How: a count that is wrong is a failed assertion; a job that gets lost is a loop that waits for ever. The pipe is wake.pml's,
 * who is woken is queue.pml's: here the loop sees at once what is on its list, and a worker what is in the queue. A hand has
 * one job here: more are hand.pml's.
 *
 *   step here            function, and the order that it stands for
 *   start                deal_one and tti_hand_play under pool->lock: phase stored relaxed, the word release
 *   take_back            tti_cancel_waiting, tti_queue_take_back: a look at phase relaxed, another under the lock that decides
 *   advance              tti_hand_advance, acq_rel: ends the job, and says whether it was given up
 *   finish               the rest of tti_worker_run: the outcome, then FINISHED (relaxed, the push's release makes it known)
 *   push                 tti_complete_push, seq_cst
 *   hand_back            hand_back_zombie, under pool->lock
 *   goodbye              say_goodbye, and on_gone on the loop: the thread has ended, its record is freed
 *   scan                 scan_workers: tti_hand_running acquire, late jobs linked by prev
 *   give_up              claim (phase relaxed, tti_hand_give_up acq_rel, both under pool->lock) and tti_complete_give_up: linked
 *                        by prev
 *   collect, dispatch    tti_complete_dispatch: exchange acquire
 *   let_go               let_go, tti_limiter_give
 *
 * run: permit          -DJOBS=2 -DPERMIT
 * run: apart           -DJOBS=2
 *
 * break: advance_by_store     apart    the worker's compare-and-swap becomes load and store
 * break: claim_by_store       apart    the loop's does
 * break: claim_without_lock   apart    a zombie comes back before it is counted
 * break: outcome_first        apart    the worker writes its outcome before it knows that nobody has given the job up
 * break: advance_late         apart    the worker hands the job over, then goes on
 * break: finished_late        apart    it is the loop that stores FINISHED, at the job's end
 * break: linked_by_next       apart    the loop's own list uses the link that a zombie's push uses
 * break: release_first        apart    the completion list is looked at before the loop's own is empty
 * break: permit_at_done       permit   a zombie's permit comes back with its done
 * break: no_look_at_phase     apart    a job is taken out of the queue without a look under the lock
 * break: start_without_lock   apart    the phase is stored when the lock has been left
 * break: taken_back_late      apart    what was taken back is off the queue only when the lock has been left
 */
#define WORKERS 2
#define NONE    255
mtype = { IDLE, LIMITED, QUEUED, DEALT, FINISHED, ZOMBIE };
mtype = { NOTHING, DONE, CANCELLED, EXPIRED };

bool lock;
mtype phase[JOBS + 1] = IDLE; /* jobs are 1 to JOBS; 0 is NULL */
mtype outcome[JOBS + 1] = NOTHING;
byte next[JOBS + 1];
byte prev[JOBS + 1];
byte queue; /* a set */
byte finished;
byte running[WORKERS]; /* with the next one, a hand's word */
bool is_given_up[WORKERS];
bool is_zombie[WORKERS];
byte zombie_count;
byte worker_of[JOBS + 1];
byte thread_count = WORKERS;
byte gone; /* posts: a set */
bool is_freed[WORKERS]; /* the worker's record */

/* What is proved. */
bool was_done[JOBS + 1];
bool was_released[JOBS + 1];
bool was_taken_back[JOBS + 1];
bool was_given_up[JOBS + 1];
byte inside_count; /* functions that run: with one permit, one */
byte end_count;    /* releases */

#define BIT(n) (1 << (n))

inline enter() { atomic { !lock -> lock = true } }

inline push(job) {
    newest = finished;
    do
    :: next[job] = newest;
       atomic {
           if
           :: finished == newest -> finished = job; newest = 0; break
           :: else -> newest = finished
           fi
       }
    od
}

inline list_take() {
    atomic {
        if
        :: (queue & BIT(1)) != 0 -> job = 1
        :: else -> job = 2
        fi;
        queue = queue & ~BIT(job)
    }
}

inline start() {
    worker_of[job] = me;
    phase[job] = DEALT;
    running[me] = job
}

inline advance() {
#ifdef BREAK_advance_by_store
    is_late = is_given_up[me];
    atomic { running[me] = 0; is_given_up[me] = false }
#else
    atomic { is_late = is_given_up[me]; running[me] = 0; is_given_up[me] = false }
#endif
}

proctype worker(byte me) {
    byte job, newest;
    bool is_late;
end:
    do
    :: atomic { !lock && queue != 0 -> lock = true }
       list_take();
#ifdef BREAK_start_without_lock
       lock = false;
       start();
#else
       start();
       lock = false;
#endif
       atomic { /* run */
           assert(!was_taken_back[job]);
           inside_count++;
#ifdef PERMIT
           assert(inside_count == 1)
#endif
       }
       inside_count--; /* it returns, whenever it wants */
#ifdef BREAK_outcome_first
       outcome[job] = DONE;
#endif
#ifdef BREAK_advance_late
       is_late = is_given_up[me];
#else
       advance();
#endif
       if
       :: !is_late ->
#ifndef BREAK_outcome_first
           outcome[job] = DONE;
#endif
#ifndef BREAK_finished_late
           phase[job] = FINISHED;
#endif
           push(job)
       :: else -> /* hand_back_zombie */
           enter();
           atomic {
               assert(zombie_count > 0);
               is_zombie[me] = false;
               zombie_count--
           }
           push(job);
           lock = false
       fi;
#ifdef BREAK_advance_late
       advance();
#endif
       atomic { job = 0; is_late = false }
       if
       :: atomic { !lock && thread_count > 1 -> thread_count--; gone = gone | BIT(me); break } /* goodbye: one too many */
       :: true
       fi
    od
}

/* -- the loop. What is its alone is done in one step. */

inline append_given_up(what, how) {
    outcome[what] = how;
#ifdef BREAK_linked_by_next
    next[what] = 0;
    if
    :: given_up == 0 -> given_up = what
    :: else -> next[given_up_last] = what
    fi;
#else
    prev[what] = 0;
    if
    :: given_up == 0 -> given_up = what
    :: else -> prev[given_up_last] = what
    fi;
#endif
    given_up_last = what
}

inline take_back(what) {
    if
    :: phase[what] == LIMITED ->
        atomic { limited = 0; was_taken_back[what] = true; append_given_up(what, CANCELLED); phase[what] = FINISHED }
    :: phase[what] == QUEUED || phase[what] == DEALT ->
        enter();
        if
#ifdef BREAK_no_look_at_phase
        :: true ->
#else
        :: phase[what] == QUEUED ->
#endif
#ifdef BREAK_taken_back_late
            lock = false;
            queue = queue & ~BIT(what);
#else
            queue = queue & ~BIT(what);
            lock = false;
#endif
            atomic { was_taken_back[what] = true; append_given_up(what, CANCELLED); phase[what] = FINISHED }
        :: else -> /* tti_hand_take_back: it runs, or has ended */
            assert(!is_freed[worker_of[what]]);
            lock = false
        fi
    :: else
    fi
}

#define CAN_CLAIM(job) (phase[job] == DEALT && running[worker_of[job]] == job && !is_given_up[worker_of[job]])

/* claim, and the rest of tti_cancel_running. */
inline give_up(what) {
#ifndef BREAK_claim_without_lock
    enter();
#endif
    assert(phase[what] != DEALT || !is_freed[worker_of[what]]);
#ifdef BREAK_claim_by_store
    is_ours = CAN_CLAIM(what);
    if
    :: is_ours -> atomic { running[worker_of[what]] = what; is_given_up[worker_of[what]] = true; phase[what] = ZOMBIE }
    :: else
    fi;
#else
    atomic {
        is_ours = CAN_CLAIM(what);
        if
        :: is_ours -> is_given_up[worker_of[what]] = true; phase[what] = ZOMBIE
        :: else
        fi
    }
#endif
    if
    :: is_ours -> atomic { is_zombie[worker_of[what]] = true; zombie_count++ }
    :: else
    fi;
#ifndef BREAK_claim_without_lock
    lock = false;
#endif
    if
    :: is_ours -> atomic { was_given_up[what] = true; append_given_up(what, EXPIRED); is_ours = false }
    :: else
    fi
}

/* Every job that runs, and its time is over. */
inline scan() {
    enter();
    late = 0;
    who = 0;
    do
    :: who < WORKERS ->
        atomic {
            job = running[who];
            if
            :: job != 0 && !is_given_up[who] ->
                assert(!was_released[job]); /* its memory is gone */
                prev[job] = late;
                late = job
            :: else
            fi;
            who++;
            job = 0
        }
    :: else -> break
    od;
    who = 0;
    lock = false;
    do
    :: late != 0 -> atomic { job = late; late = prev[job] } give_up(job)
    :: else -> job = 0; break
    od
}

inline tell(what) {
    assert(!was_done[what] && !was_released[what]);
    assert((outcome[what] == CANCELLED) == was_taken_back[what]);
    assert((outcome[what] == EXPIRED) == was_given_up[what]);
    was_done[what] = true
}

/* The permit goes to the job that waits for it. */
inline give_permit() {
    if
    :: limited != 0 ->
        has_permit[limited] = true;
        phase[limited] = QUEUED;
        queue = queue | BIT(limited);
        limited = 0
    :: else
    fi
}

inline let_go(what, had_permit) {
    assert(was_done[what] && !was_released[what]);
    was_released[what] = true;
    phase[what] = IDLE;
    end_count++;
    if
    :: had_permit -> give_permit()
    :: else
    fi
}

inline dispatch_given_up() {
    do
    :: given_up != 0 ->
        atomic {
            !lock; /* the permit's next job goes through the queue, under it */
            job = given_up;
#ifdef BREAK_linked_by_next
            given_up = next[job];
#else
            given_up = prev[job];
#endif
            tell(job);
            if
            :: phase[job] == FINISHED -> let_go(job, has_permit[job])
            :: else
#ifdef BREAK_permit_at_done
                -> give_permit(); has_permit[job] = false
#endif
            fi;
            job = 0
        }
    :: else -> break
    od
}

inline collect() {
    atomic {
        job = finished;
        finished = 0;
        do
        :: job != 0 ->
            assert((pending & BIT(job)) == 0);
            pending = pending | BIT(job);
            job = next[job]
        :: else -> break
        od
    }
}

inline dispatch_finished() {
    collect();
    atomic {
        !lock;
        job = 1;
        do
        :: job <= JOBS ->
            if
            :: (pending & BIT(job)) != 0 ->
                pending = pending & ~BIT(job);
                if
                :: was_done[job] -> let_go(job, has_permit[job]) /* TTI_DONE_CALLED */
                :: else -> tell(job); let_go(job, has_permit[job])
                fi
            :: else
            fi;
            job++
        :: else -> break
        od;
        job = 0
    }
}

active proctype loop() {
    byte job, late, who, given_up, given_up_last, pending, limited, what;
    byte actions;
    bool is_ours;
    bool has_permit[JOBS + 1];
    atomic {
        run worker(0);
        run worker(1)
    }
    atomic { /* submit and flush */
        phase[1] = QUEUED;
        queue = BIT(1);
#ifdef PERMIT
        has_permit[1] = true;
        phase[2] = LIMITED;
        limited = 2
#else
        phase[2] = QUEUED;
        queue = queue | BIT(2)
#endif
    }
    do
    :: end_count == JOBS -> break
    :: actions < 3 ->
        actions++;
        if
        :: what = 1
        :: what = 2
        fi;
        if
        :: true -> take_back(what)
        :: true -> give_up(what)
        :: true -> scan()
        fi;
        what = 0
    :: gone != 0 -> /* on_gone: the thread is joined */
        atomic { who = ((gone & 1) != 0 -> 0 : 1); gone = gone & ~BIT(who); is_freed[who] = true; who = 0 }
    :: given_up != 0 || finished != 0 ->
#ifdef BREAK_release_first
        dispatch_finished();
        dispatch_given_up()
#else
        dispatch_given_up();
        dispatch_finished()
#endif
    od;
    !lock && queue == 0;
    assert(zombie_count == 0 && !is_zombie[0] && !is_zombie[1] && finished == 0)
}
