# Steps, skips and the closing summary; sourced by ci/test.
# shellcheck shell=bash

LOG=$(mktemp "${TMPDIR:-/tmp}/browndog-test.XXXXXX")
trap 'rm -f "$LOG"' EXIT
failed=()
passed=0
began=$SECONDS

# step NAME COMMAND…: runs it, keeps what it prints, goes on after a failure.
step() {
  local name=$1 at=$SECONDS
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  if "$@" 2>&1 | tee -a "$LOG"; then
    passed=$((passed + 1))
    printf '== %s: ok, %s s\n' "$name" $((SECONDS - at))
  else
    failed+=("$name")
    printf '== %s: FAILED, %s s\n' "$name" $((SECONDS - at))
  fi
}

# skip WHAT REASON: said like a test says it, so that the summary finds both alike.
skip() {
  printf 'skipped: step %s: %s\n' "$1" "$2" | tee -a "$LOG"
}

# Adds up libtest's result lines: passed or failed.
tests() {
  sed -n "s/^test result: .* \([0-9]\+\) $1;.*/\1/p" "$LOG" | awk '{ n += $1 } END { print n + 0 }'
}

# A skipped test returns early, which libtest counts as passed: count it where it belongs.
summary() {
  local skips ok bad
  skips=$(grep -ohE 'skipped: .+' "$LOG" | sort | uniq -c || true)
  local skipped
  skipped=$(awk '{ n += $1 } END { print n + 0 }' <<<"$skips")
  printf '\n== Summary, %s s\n' $((SECONDS - began))
  if [ -n "$skips" ]; then printf '%s\n' "$skips"; else echo 'nothing was skipped'; fi
  if [ ${#failed[@]} -gt 0 ]; then printf 'FAILED step: %s\n' "${failed[@]}"; fi
  ok=$(($(tests passed) + passed - $(grep -cE 'skipped: ' "$LOG" || true) + $(grep -cE '^skipped: step ' "$LOG" || true)))
  bad=$(($(tests failed) + ${#failed[@]}))
  printf '%s passed, %s failed, %s skipped\n' "$ok" "$bad" "$skipped"
  [ "$bad" -eq 0 ]
}
