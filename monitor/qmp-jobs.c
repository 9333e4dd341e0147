/*
 * monitor/qmp-jobs.c  snapshot-save, -load and -delete: jobs in QEMU's protocol. The machine stands still while it is
 * saved, so a job is over when its command returns; clients see the same states in the same order, and dismiss it.
 */
#include "block/block-int.h"
#include "block/block.h"
#include "migration/snapshot.h"
#include "qmp-internal.h"

typedef struct Job {
    char *id, *error; /* error: NULL when it went well */
    const char *type, *status;
} Job;

static GPtrArray *jobs; /* of Job; I/O thread, machine_lock */

static Job *find_job(const char *id)
{
    for (guint i = 0; jobs && i < jobs->len; i++) {
        Job *job = g_ptr_array_index(jobs, i);
        if (!strcmp(job->id, id)) {
            return job;
        }
    }
    return NULL;
}

static void free_job(gpointer data)
{
    Job *job = data;
    g_free(job->id);
    g_free(job->error);
    g_free(job);
}

static void set_status(Job *job, const char *status)
{
    JsonObject *data = json_object_new();
    job->status = status;
    json_object_set_string_member(data, "status", status);
    json_object_set_string_member(data, "id", job->id);
    qmp_send_event("JOB_STATUS_CHANGE", data);
}

static bool check_device(JsonArray *devices, guint i, Error **errp)
{
    JsonNode *node = json_array_get_element(devices, i);
    const char *name = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
    if (!name || (!bdrv_find_node(name) && !blk_find(name))) {
        error_setg(errp, "No block device node '%s'", name ? name : "");
        return false;
    }
    return true;
}

/* Which images take part is the machine's affair (migration/snapshot.h); names that do not exist are a mistake all the
 * same. */
static bool check_devices(JsonObject *args, Error **errp)
{
    const char *vmstate = qmp_string(args, "vmstate", NULL);
    if (vmstate && !bdrv_find_node(vmstate) && !blk_find(vmstate)) {
        error_setg(errp, "No block device node '%s'", vmstate);
        return false;
    }
    JsonArray *devices = json_object_has_member(args, "devices") ? json_object_get_array_member(args, "devices") : NULL;
    for (guint i = 0; devices && i < json_array_get_length(devices); i++) {
        if (!check_device(devices, i, errp)) {
            return false;
        }
    }
    return true;
}

static JsonNode *run_job(JsonObject *args, const char *type, bool (*run)(const char *name, Error **errp), Error **errp)
{
    const char *id = qmp_string(args, "job-id", "");
    Error *err = NULL;
    if (find_job(id)) {
        error_setg(errp, "Job ID '%s' already in use", id);
        return NULL;
    }
    if (!check_devices(args, errp)) {
        return NULL;
    }
    if (!jobs) {
        jobs = g_ptr_array_new_with_free_func(free_job);
    }
    Job *job = g_new0(Job, 1);
    job->id = g_strdup(id);
    job->type = type;
    g_ptr_array_add(jobs, job);
    set_status(job, "created");
    set_status(job, "running");
    if (!run(qmp_string(args, "tag", ""), &err)) {
        job->error = g_strdup(error_get_pretty(err));
        error_free(err);
        set_status(job, "aborting");
    } else {
        set_status(job, "waiting");
        set_status(job, "pending");
    }
    set_status(job, "concluded");
    return NULL;
}

static JsonNode *snapshot_save(JsonObject *args, Error **errp)
{
    return run_job(args, "snapshot-save", save_snapshot, errp);
}

static JsonNode *snapshot_load(JsonObject *args, Error **errp)
{
    return run_job(args, "snapshot-load", load_snapshot, errp);
}

static JsonNode *snapshot_delete(JsonObject *args, Error **errp)
{
    return run_job(args, "snapshot-delete", delete_snapshot, errp);
}

static JsonNode *query_jobs(JsonObject *args, Error **errp)
{
    (void)args, (void)errp;
    JsonArray *list = json_array_new();
    for (guint i = 0; jobs && i < jobs->len; i++) {
        const Job *job = g_ptr_array_index(jobs, i);
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "id", job->id);
        json_object_set_string_member(object, "type", job->type);
        json_object_set_string_member(object, "status", job->status);
        json_object_set_int_member(object, "current-progress", 1);
        json_object_set_int_member(object, "total-progress", 1);
        if (job->error) {
            json_object_set_string_member(object, "error", job->error);
        }
        json_array_add_object_element(list, object);
    }
    return qmp_array(list);
}

static JsonNode *job_dismiss(JsonObject *args, Error **errp)
{
    Job *job = find_job(qmp_string(args, "id", ""));
    if (!job) {
        error_setg(errp, "Job not found");
        return NULL;
    }
    set_status(job, "null");
    g_ptr_array_remove(jobs, job);
    return NULL;
}

const QMPCommand qmp_job_commands[] = {
    { "job-dismiss", "id:s", job_dismiss },
    { "query-jobs", "", query_jobs },
    { "snapshot-delete", "job-id:s,tag:s,devices:?a", snapshot_delete },
    { "snapshot-load", "job-id:s,tag:s,vmstate:?s,devices:?a", snapshot_load },
    { "snapshot-save", "job-id:s,tag:s,vmstate:?s,devices:?a", snapshot_save },
    { 0 },
};
