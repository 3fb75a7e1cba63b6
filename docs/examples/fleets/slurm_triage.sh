#!/bin/sh
# One task of a Slurm array: the rows of one part of the dumps that a file lists, one name a line.
#
#     sbatch --array=1-40 slurm_triage.sh dumps.txt rows 40
#     pyinquest triage reduce 'rows/*.ndjson' --out triage/
#
#SBATCH --job-name=triage
#SBATCH --requeue
set -eu
dumps=$1 rows=$2 parts=$3
part=$SLURM_ARRAY_TASK_ID
unfinished=$rows/$part.$SLURM_JOB_ID.unfinished
# A task has one processor. That a dump is not there (exit code 3) is a row too; it ends the task as failed, with all its rows.
status=0
split -n "r/$part/$parts" "$dumps" | xargs -d '\n' pyinquest triage map --jobs 1 >"$unfinished" || status=$?
# The rows of a task are there when all of them are: one that was killed leaves none, and one that ran twice the same.
mv "$unfinished" "$rows/$part.ndjson"
exit "$status"
