#!/usr/bin/env bash
# Times training steps of lora4j and of the PyTorch reference in turn, and compares them.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: MODEL=DIR PYTHON=EXECUTABLE BENCH_STEP=bench_step.py benchmarks/compare.sh [OPTIONS]

  --model DIR         a GPT-2 folder in the Hugging Face layout   [$MODEL]
  --python FILE       a Python with torch, transformers and peft  [$PYTHON]
  --bench-step FILE   the script that times PyTorch               [$BENCH_STEP]
  --recipe book|peft  book: LoRA on every Linear, the head too; peft: on c_attn, c_proj and
                      c_fc, the head trained in full              [book]
  --lm                a language model instead of a classifier
  --batch N           sequences in a step                         [8]
  --tokens N          tokens of a sequence                        [120]
  --rank N            of the branches                             [16]
  --threads N         of each side                                [2]
  --steps N           timed in a round                            [8]
  --warmup N          steps before them                           [4]
  --rounds N          pairs of runs                               [3]

LORA4J_JAR          the command line      [target/lora4j-cli.jar of this project]
LORA4J_JAVA         the Java to run it    [java of JAVA_HOME or PATH]
LORA4J_JAVA_OPTIONS options of that Java  [--add-modules jdk.incubator.vector]

bench_step.py prints one JSON line with median_step_s, min_step_s, trainable_parameters and
peak_rss_mib, as `lora4j bench` does. Both compute every position of the batch.
USAGE
}

fail() {
  echo "compare.sh: $*" >&2
  exit 2
}

root=$(cd "$(dirname "$0")/.." && pwd)
model=${MODEL:-}
python=${PYTHON:-}
bench_step=${BENCH_STEP:-}
jar=${LORA4J_JAR:-$root/target/lora4j-cli.jar}
java=${LORA4J_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/}java}
read -r -a java_options <<<"${LORA4J_JAVA_OPTIONS---add-modules jdk.incubator.vector}"
recipe=book lm='' batch=8 tokens=120 rank=16 threads=2 steps=8 warmup=4 rounds=3

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --lm) lm=yes; shift; continue ;;
    --model | --python | --bench-step | --recipe | --batch | --tokens | --rank | --threads | --steps | --warmup | --rounds) ;;
    *) usage >&2; fail "unknown option $1" ;;
  esac
  [ $# -gt 1 ] || fail "$1: a value expected"
  name=${1#--}
  printf -v "${name//-/_}" '%s' "$2"
  shift 2
done

[ -n "$model" ] && [ -n "$python" ] && [ -n "$bench_step" ] || { usage >&2; fail "MODEL, PYTHON and BENCH_STEP are needed"; }
[ -d "$model" ] || fail "--model: a folder expected, got $model"
[ -f "$bench_step" ] || fail "--bench-step: a file expected, got $bench_step"
[ -f "$jar" ] || fail "$jar is missing; mvn -q package builds it"
for name in batch tokens rank threads steps warmup rounds; do
  [[ ${!name} =~ ^[0-9]+$ ]] || fail "--$name: a number expected, got ${!name}"
done
[ "$rounds" -gt 0 ] || fail "--rounds: at least 1 expected"

sizes=(--batch "$batch" --tokens "$tokens" --rank "$rank" --steps "$steps" --warmup "$warmup" --threads "$threads")
ours=(bench --model "$model" "${sizes[@]}" --alpha "$rank")
theirs=("$bench_step" "$model" "${sizes[@]}" --recipe "$recipe" ${lm:+--lm})
case $recipe in
  book) ;;
  peft) ours+=(--qkv fused --targets c_attn,c_proj,c_fc) ;;
  *) fail "--recipe: book or peft expected, got $recipe" ;;
esac
if [ -n "$lm" ]; then
  ours+=(--task lm)
else
  ours+=(--all-positions)
  [ "$recipe" = book ] || ours+=(--head full)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run COMMAND...: the last line of its output that is JSON; all it has said if there is none.
run() {
  "$@" >"$log.out" 2>"$log" || { cat "$log" >&2; fail "failed: $*"; }
  grep '^{' "$log.out" | tail -n 1
}
trap 'rm -f "$log" "$log.out"' EXIT

# number JSON NAME: the value of a number.
number() {
  awk -v name="$2" '{
    if (!match($0, "\"" name "\": *[0-9.]+")) exit 1
    value = substr($0, RSTART, RLENGTH); sub(/.*: */, "", value); print value }' <<<"$1"
}

echo "$recipe${lm:+, language model}: $batch x $tokens tokens, rank $rank, $threads threads; $rounds rounds of $steps steps after $warmup"
printf '%-6s %14s %12s %14s %12s %8s\n' round 'lora4j median' best 'PyTorch median' best ratio
for ((round = 1; round <= rounds; round++)); do
  left=$(run "$java" "${java_options[@]}" -jar "$jar" "${ours[@]}")
  right=$(run "$python" "${theirs[@]}")
  for json in "$left" "$right"; do
    for field in median_step_s min_step_s peak_rss_mib trainable_parameters; do
      number "$json" "$field"
    done
  done | paste -sd ' '
done | awk '
  function median(values, n,    i, j, swap) {
    for (i = 1; i < n; i++)
      for (j = i + 1; j <= n; j++)
        if (values[j] < values[i]) { swap = values[i]; values[i] = values[j]; values[j] = swap }
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
  }
  NF != 8 { exit 1 }
  {
    printf "%-6d %12.3f s %10.3f s %12.3f s %10.3f s %8.3f\n", NR, $1, $2, $5, $6, $1 / $5
    fflush()
    ours[NR] = $1; theirs[NR] = $5
    if (NR == 1 || $2 < best) best = $2
    if (NR == 1 || $6 < their_best) their_best = $6
    if ($3 > memory) memory = $3
    if ($7 > their_memory) their_memory = $7
    if ($4 != $8) differ = $4 " and " $8
    trained = $4
  }
  END {
    if (!NR) exit 1
    a = median(ours, NR); b = median(theirs, NR)
    printf "\n%-24s %12s %12s %8s\n", "", "lora4j", "PyTorch", "ratio"
    printf "%-24s %10.3f s %10.3f s %8.3f\n", "median of the medians", a, b, a / b
    printf "%-24s %10.3f s %10.3f s %8.3f\n", "best step", best, their_best, best / their_best
    printf "%-24s %8d MiB %8d MiB %8.3f\n", "peak resident set", memory, their_memory, memory / their_memory
    print "\nA ratio below 1: lora4j takes less."
    if (differ) print "The two do not train the same: " differ " numbers."
    else print trained " numbers are trained."
  }'
