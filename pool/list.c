/* List: a FIFO of jobs, linked both ways. */
#include "internal.h"

void tti_list_append(struct tti_list *list, struct tt_job *job) {
    job->next = NULL;
    job->prev = list->last;
    if (list->last != NULL)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
    list->count++;
}

void tti_list_remove(struct tti_list *list, struct tt_job *job) {
    if (job->prev != NULL)
        job->prev->next = job->next;
    else
        list->first = job->next;
    if (job->next != NULL)
        job->next->prev = job->prev;
    else
        list->last = job->prev;
    job->next = NULL;
    job->prev = NULL;
    list->count--;
}

struct tt_job *tti_list_take(struct tti_list *list) {
    struct tt_job *job = list->first;
    if (job != NULL)
        tti_list_remove(list, job);
    return job;
}
