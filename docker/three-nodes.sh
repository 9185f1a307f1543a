#!/usr/bin/env bash
# Three nodes on this machine that know each other, from the built binary, on free ports of loopback.
# Without Docker. Prints for each how a client connects, and its owner's number and code; ends all of
# them, and removes what they stored, on Ctrl-C.
#
#   docker/three-nodes.sh           start, and wait
#   docker/three-nodes.sh --check   start, see that all three see each other, and end: for CI
#
# ROOKERY names the binary; else the newest one of this source tree is taken.
set -euo pipefail

names=(one two three)
within_s=60

usage() {
  sed -n '2,10s/^# \{0,1\}//p' "$0"
}

check=false
case ${1:-} in
  "") ;;
  --check) check=true ;;
  --help | -h) usage && exit ;;
  *) usage >&2 && exit 2 ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
rookery=${ROOKERY:-}
for built in "$target"/{release,debug}/rookery; do
  if [[ -z ${ROOKERY:-} && -x $built ]] && { [[ -z $rookery ]] || [[ $built -nt $rookery ]]; }; then
    rookery=$built
  fi
done
if [[ -z $rookery ]]; then
  echo "There is no binary in $target: cargo build --release" >&2
  exit 1
fi

directory=$(mktemp -d "${TMPDIR:-/tmp}/rookery-three.XXXXXX")
pids=()
end() {
  trap - EXIT INT TERM
  ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
  wait || true
  rm -rf "$directory"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

failed() {
  echo "$1" >&2
  tail -n 20 "$directory"/*.log >&2
  exit 1
}

node() { # NAME COMMAND…
  "$rookery" "${@:2}" --data "$directory/$1"
}

address() { # of a node, for the others
  node "$1" client-config --json | grep -o '"mesh":\["[^"]*"' | cut -d '"' -f 4
}

for name in "${names[@]}"; do
  ROOKERY_NODE_NAME=$name ROOKERY_FEDERATION_DOMAIN=$name.test \
    "$rookery" run --data "$directory/$name" \
    --mtproto 127.0.0.1:0 --http 127.0.0.1:0 --mesh /ip4/127.0.0.1/tcp/0 \
    >"$directory/$name.out" 2>"$directory/$name.log" &
  pids+=($!)
done

for i in "${!names[@]}"; do
  name=${names[$i]}
  until grep -q '^Code' "$directory/$name.out"; do
    kill -0 "${pids[$i]}" 2>/dev/null || failed "$name.test has ended"
    ((SECONDS < within_s)) || failed "$name.test is not ready in time"
    sleep 0.1
  done
done

# Both ways: who connects calls the other one by its domain.
for from in "${names[@]}"; do
  for to in "${names[@]}"; do
    if [[ $from != "$to" ]]; then
      node "$from" peer add "$(address "$to")" --json >/dev/null \
        || failed "$from.test does not connect to $to.test"
    fi
  done
done

if $check; then
  for name in "${names[@]}"; do
    until
      seen=$(node "$name" peer list --json)
      ((SECONDS >= within_s)) || [[ $(grep -o '"connected":true' <<<"$seen" | wc -l) == 2 ]]
    do
      sleep 0.2
    done
    for other in "${names[@]}"; do
      [[ $name == "$other" || $seen == *"\"domain\":\"$other.test\""* ]] \
        || failed "$name.test does not know $other.test: $seen"
    done
    node "$name" doctor || failed "$name.test is not well"
  done
  echo "All three nodes see each other."
  exit
fi

for name in "${names[@]}"; do
  printf '\n===== %s.test\n' "$name"
  cat "$directory/$name.out"
  printf 'Others find its people and channels as NAME@%s.test. To look at it:\n  %s doctor --data %s\n' \
    "$name" "$rookery" "$directory/$name"
done
printf '\nThree nodes are connected. Ctrl-C ends them and removes what they stored.\n'
wait
