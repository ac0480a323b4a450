#!/usr/bin/env bash
# sbatch --array=0-7 slurm-array.sh /etc/tilescout/naip.yaml
# Each task takes its share of the files and then whatever is left in the queue; the last to end publishes. A task that is
# requeued or lost is run again with the same number: what it had done stays. The array's own number, another one each night, keeps its
# tasks apart from an earlier or a later night's. All nodes need one server: TILESCOUT_DATABASE, or PG* variables.
#SBATCH --job-name=tilescout
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

pipeline=${1:?usage: sbatch --array=0-N slurm-array.sh PIPELINE}
first=${SLURM_ARRAY_TASK_MIN:?this is an array job: sbatch --array=0-7}
exec "${TILESCOUT:-tilescout}" run "$pipeline" --shard "$((SLURM_ARRAY_TASK_ID - first))/$SLURM_ARRAY_TASK_COUNT" \
    --array "slurm-$SLURM_ARRAY_JOB_ID"
