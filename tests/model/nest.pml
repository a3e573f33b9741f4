/*
 * Model of a nest: pool/nest.c, with what it shares with the loop in pool/queue.c, pool/cancel.c and pool/limiter.c. A parent
 * on a pool's worker sends its two children to the loop, runs those itself that nobody has begun, and sleeps until OVER.
 *
 * Proved: each child is started once or ends unstarted, never both, and is told once; the parent never sleeps for good while a
 * child could be started here, be it the only worker or be the child in the hand of one that is stuck; OVER comes once and isn't
 * lost; after it nobody touches the nest, which lies on the parent's stack, nor the lodger's record, neither by a
 * child that still runs elsewhere.
 *
 * How: a function returns at once, or blocks until both children have started or ended (CROWD). A nest that never ends is an
 * invalid end state.
 *
 * What the protocol must keep, found here; each line has its break:
 *   - QUEUED, as read under pool->lock, means in the queue's lanes: not in the batch, and not taken back meanwhile. The
 *     parent is a third one who removes jobs, next to the loop and the workers;
 *   - a child forgets its nest with its done: a zombie may outlive it, and begin a nest of its own.
 *
 *   step here            function, and the order that it stands for
 *   post                 tt_wake_post in send: see wake.pml
 *   on_start, submit     on_start, submit_item, tt_pool_submit, tti_limiter_take, tti_submit_batch
 *   flush                tti_queue_flush: under pool->lock, tti_nest_look as well
 *   raise, wait          tti_flags_raise (fetch_or release), tti_flags_wait (exchange acquire): the kernel's part is park.pml's,
 *                        and what the loop does about parents that sleep is circle.pml's
 *   take_child           take_child with take, under pool->lock: phase relaxed, tti_lane_remove or tti_hand_take_back
 *   finish               the end of tti_worker_run; a hand is one word, see hand.pml
 *   cancel               tti_cancel_waiting, tti_queue_take_back
 *   give_up              claim, tti_complete_give_up
 *   dispatch             tti_complete_dispatch, on_child_done, tti_limiter_give
 *   walk                 is_circle for a nest that a child has begun: parent_of
 *
 * run: alone           -DACTIONS=2
 * run: permit          -DACTIONS=1 -DPERMIT
 * run: two             -DACTIONS=1 -DOTHER
 * run: crowd           -DACTIONS=0 -DOTHER -DCROWD
 *
 * break: phase_after_lock     alone    what was taken back keeps its phase until the lock has been left
 * break: batch_is_queued      permit   the phase of a job in the batch is QUEUED
 * break: nest_stays           two      a child keeps its nest after its done
 * break: no_look_at_flush     permit   the parent isn't told of a child that has got its permit
 * break: no_look_into_hands   crowd    the parent takes children out of the queue only
 * break: refused_not_over     alone    when all children are refused there is no OVER
 * break: touch_after_over     alone    the nest is looked at after OVER
 * break: wait_by_store        alone    the flags are read, then cleared
 * break: on_start_uncounted   permit   on_start says OVER where only a child without a permit is left
 * break: claim_by_pointer     alone    the loop follows a child's worker without a look at its phase
 */
#define CHILDREN 2
#define BIT(n)   (1 << (n))
#define LOOK 1
#define OVER 2
#define LODGER 0
#define OTHER_ONE 1

mtype = { IDLE, LIMITED, BATCHED, QUEUED, DEALT, FINISHED, ZOMBIE };

bool lock;
mtype phase[CHILDREN + 1] = IDLE;
byte lane; /* sets */
byte finished;
byte worker_of[CHILDREN + 1];
byte current[2];   /* what a worker is inside of: its word */
bool is_given_up[2];
byte waiting;      /* the job in the other's hand behind the one that runs */

bool is_sent;
byte flags;
byte refused;
bool is_over;

/* What is proved. */
bool nest_is_gone;
bool has_started[CHILDREN + 1];
bool was_taken_back[CHILDREN + 1];
bool was_told[CHILDREN + 1];
byte settled; /* started, or ended without */

inline enter() { atomic { !lock -> lock = true } }
inline raise(bits) { atomic { assert(!nest_is_gone); flags = flags | bits } }

inline start(me, job) {
    assert(!has_started[job] && !was_taken_back[job]);
    has_started[job] = true;
    settled++;
    current[me] = job
}

inline deal(me, job) {
    assert((lane & BIT(job)) == 0);
    worker_of[job] = me;
    phase[job] = DEALT
}

inline call() {
#ifdef CROWD
    if
    :: true
    :: true -> settled == CHILDREN
    fi;
#endif
    skip
}

/* tti_worker_run from advance on. */
inline finish(me) {
    atomic {
        job = current[me];
        was_given_up = is_given_up[me];
        is_given_up[me] = false;
        current[me] = 0;
        if
        :: me == OTHER_ONE && waiting != 0 -> start(me, waiting); waiting = 0
        :: else
        fi
    }
    if
    :: was_given_up -> enter(); finished = finished | BIT(job); lock = false
    :: else -> phase[job] = FINISHED; atomic { assert((finished & BIT(job)) == 0); finished = finished | BIT(job) }
    fi;
    atomic { job = 0; was_given_up = false }
}

#ifdef OTHER
proctype other() {
    byte job;
    bool was_given_up;
end:
    do
    :: atomic {
           !lock && lane != 0 -> /* a hand of one, or of both */
           job = ((lane & BIT(1)) != 0 -> 1 : 2);
           lane = lane & ~BIT(job);
           deal(OTHER_ONE, job);
           start(OTHER_ONE, job);
           if
           :: lane != 0 -> waiting = 2; lane = 0; deal(OTHER_ONE, 2)
           :: true
           fi;
           job = 0
       }
       do
       :: current[OTHER_ONE] != 0 -> call(); finish(OTHER_ONE)
       :: else -> break
       od
    od
}
#endif

/* The first that can be taken; 0: none. One step a child, for the loop doesn't change all phases under the lock. */
inline take_child() {
    child = 1;
    do
    :: child > CHILDREN -> child = 0; break
    :: child <= CHILDREN ->
        atomic {
            if
            :: (refused & BIT(child)) == 0 && phase[child] == QUEUED ->
                assert((lane & BIT(child)) != 0); /* tti_lane_remove */
                lane = lane & ~BIT(child);
                break
#ifndef BREAK_no_look_into_hands
            :: (refused & BIT(child)) == 0 && phase[child] == DEALT && waiting == child -> waiting = 0; break
#endif
            :: else -> child++
            fi
        }
    od
}

proctype parent() {
    byte child, job, bits;
    bool was_given_up;
    is_sent = true; /* post */
    do
    ::
#ifdef BREAK_wait_by_store
       flags != 0;
       bits = flags;
       flags = 0;
#else
       atomic { flags != 0 -> bits = flags; flags = 0 }
#endif
       if
       :: (bits & OVER) != 0 -> break
       :: else
       fi;
       do
       :: enter();
          take_child();
          if
          :: child != 0 -> atomic { deal(LODGER, child); start(LODGER, child); child = 0; lock = false }
          :: else -> lock = false; break
          fi;
          call();
          finish(LODGER)
       od
    od;
    assert(current[LODGER] == 0);
    nest_is_gone = true /* its stack, and the lodger's record */
}

/* -- the loop */

inline batch(job) {
#ifdef BREAK_batch_is_queued
    phase[job] = QUEUED;
#else
    phase[job] = BATCHED;
#endif
    batched = batched | BIT(job)
}

inline flush() {
    if
    :: batched != 0 ->
        enter();
        atomic {
            what = 1;
            do
            :: what <= CHILDREN ->
                if
                :: (batched & BIT(what)) != 0 ->
                    phase[what] = QUEUED;
                    lane = lane | BIT(what);
                    assert(has_nest[what]);
#ifndef BREAK_no_look_at_flush
                    raise(LOOK)
#endif
                :: else
                fi;
                what++
            :: else -> break
            od;
            batched = 0;
            what = 0
        }
        lock = false
    :: else
    fi
}

inline submit(job) {
    if
    :: true ->
        has_nest[job] = true;
        pending_count++;
#ifdef PERMIT
        if
        :: job == 2 && (batched & BIT(1)) != 0 -> phase[2] = LIMITED
        :: else -> batch(job)
        fi
#else
        batch(job)
#endif
#ifndef CROWD
    :: true -> refused = refused | BIT(job); settled++ /* TT_FULL */
#endif
    fi
}

inline on_start() {
    atomic {
        assert(!nest_is_gone);
        is_sent = false;
        pending_count = 1;
        submit(1);
        submit(2)
    }
    flush();
    atomic {
#ifdef BREAK_on_start_uncounted
        if
        :: phase[1] == LIMITED || phase[2] == LIMITED -> pending_count--
        :: else
        fi;
#endif
        pending_count--;
        if
#ifndef BREAK_refused_not_over
        :: pending_count == 0 -> raise(OVER)
#endif
        :: else -> raise(LOOK)
        fi
    }
}

inline take_back_done(job) {
    assert(!has_started[job] && !was_taken_back[job]);
    was_taken_back[job] = true;
    settled++;
    given_up = given_up | BIT(job)
}

inline cancel(job) {
    if
    :: phase[job] == LIMITED -> atomic { take_back_done(job); phase[job] = FINISHED }
    :: phase[job] != LIMITED && (batched & BIT(job)) != 0 ->
        atomic { batched = batched & ~BIT(job); take_back_done(job); phase[job] = FINISHED }
    :: (batched & BIT(job)) == 0 && (phase[job] == QUEUED || phase[job] == DEALT) ->
        enter();
        atomic {
            if
            :: phase[job] == QUEUED -> assert((lane & BIT(job)) != 0); lane = lane & ~BIT(job); is_ours = true
            :: phase[job] != QUEUED && waiting == job -> waiting = 0; is_ours = true
            :: else
            fi;
            if
            :: is_ours ->
#ifndef BREAK_phase_after_lock
                phase[job] = FINISHED;
#endif
                take_back_done(job)
            :: else
            fi
        }
        lock = false;
        atomic {
            if
            :: is_ours -> phase[job] = FINISHED; is_ours = false
            :: else
            fi
        }
    :: else
    fi
}

inline give_up(job) {
    atomic {
        !lock;
        if
#ifdef BREAK_claim_by_pointer
        :: has_started[job] ->
#else
        :: phase[job] == DEALT ->
#endif
            assert(worker_of[job] != LODGER || !nest_is_gone); /* the record is there */
            if
            :: current[worker_of[job]] == job && !is_given_up[worker_of[job]] ->
                is_given_up[worker_of[job]] = true;
                phase[job] = ZOMBIE;
                given_up = given_up | BIT(job)
            :: else
            fi
        :: else
        fi
    }
}

/* done, and on_child_done. */
inline tell(job) {
    assert(!was_told[job] && has_nest[job]);
    was_told[job] = true;
    assert(!nest_is_gone);
#ifndef BREAK_nest_stays
    has_nest[job] = false;
#endif
    pending_count--;
    if
    :: pending_count == 0 ->
        raise(OVER)
    :: else
    fi
}

inline let_go(job) {
    end_count++;
#ifdef PERMIT
    if
    :: job == 1 && phase[2] == LIMITED -> batch(2)
    :: else
    fi;
#endif
    phase[job] = IDLE
}

inline dispatch() {
    atomic {
        what = 1;
        do
        :: what <= CHILDREN ->
            if
            :: (given_up & BIT(what)) != 0 ->
                given_up = given_up & ~BIT(what);
                tell(what);
                if
                :: phase[what] == FINISHED -> let_go(what)
                :: else
                fi
            :: else
            fi;
            what++
        :: else -> break
        od;
        what = 0;
        taken = finished;
        finished = 0
    }
#ifdef BREAK_touch_after_over
    if
    :: pending_count == 0 -> assert(!nest_is_gone)
    :: else
    fi;
#endif
    /* a job a step: its done takes as long as it wants, and the next one's permit is in the batch meanwhile */
    do
    :: taken != 0 ->
        atomic {
            what = ((taken & BIT(1)) != 0 -> 1 : 2);
            taken = taken & ~BIT(what);
            if
            :: was_told[what]
            :: else -> tell(what)
            fi;
            let_go(what);
            what = 0
        }
    :: else -> break
    od
}

/* A child that runs has begun a nest: who are its ancestors? */
inline walk(job) {
    atomic {
        if
        :: phase[job] == DEALT || phase[job] == ZOMBIE -> assert(!has_nest[job] || !nest_is_gone)
        :: else
        fi
    }
}

active proctype loop() {
    byte what, batched, given_up, taken, pending_count, end_count, actions, which;
    bool is_ours;
    bool has_nest[CHILDREN + 1];
    atomic {
#ifdef OTHER
        run other();
#endif
        run parent()
    }
    is_sent;
    on_start();
    do
    :: end_count + ((refused >> 1) & 1) + ((refused >> 2) & 1) == CHILDREN -> break
    :: actions < ACTIONS ->
        actions++;
        select(which : 1 .. CHILDREN);
        if
        :: true -> cancel(which)
        :: true -> give_up(which)
        fi;
        which = 0
    :: finished != 0 || given_up != 0 -> dispatch()
    :: batched != 0 -> flush() /* at the dispatch's end: what its jobs' done wants comes first */
    :: nest_is_gone && actions == ACTIONS -> /* once more than the budget, when the nest is gone */
        actions++;
        if
        :: walk(1); walk(2)
        :: give_up(1); give_up(2)
        fi
    od;
    nest_is_gone;
    assert(pending_count == 0 && lane == 0 && waiting == 0 && finished == 0 && batched == 0);
    assert((refused & BIT(1)) != 0 || has_started[1] != was_taken_back[1]);
    assert((refused & BIT(2)) != 0 || has_started[2] != was_taken_back[2])
}
