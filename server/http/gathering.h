/**
 * Gathering: POST /gather and [gather NAME] over HTTP.
 *
 * The answer is {"results":[...]}, in the order of the calls, when all have ended. Each item is {"status":200,"body":...} or
 * {"status":504,"problem":{...}}; a body that is no JSON is given as {"status":200,"type":...,"text":...} or, where
 * it isn't text either, {"status":200,"type":...,"base64":...}. Without return_exceptions one failed call makes the whole
 * answer that call's problem: the first one in the order of the calls.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_GATHERING_H
#define SERVER_HTTP_GATHERING_H

#include "request.h"

/** Runs a request whose target is a gather. */
void gathering_run(struct request *request) TT_ON_LOOP;

#endif
