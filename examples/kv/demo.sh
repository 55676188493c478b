#!/bin/bash
# The replicated key-value store on this machine, with real data and a real crash.
#
# Installs what is missing, builds, starts three servers in a temporary directory,
# loads every installed package (name -> version) through all three, kills the
# leader half-way with SIGKILL, goes on, and compares what each server answers with
# the source. Exit 0 only if every comparison held.
set -euo pipefail
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$top/build/release/bin
dir=$(mktemp -d)
declare -A pid peer client # by server id

say() { printf 'demo: %s\n' "$*"; }

fail() {
  say "FAILED: $*"
  for id in 1 2 3; do [ ! -s "$dir/$id.err" ] || sed "s/^/server $id: /" "$dir/$id.err"; done
  exit 1
}

cleanup() {
  for id in "${!pid[@]}"; do
    while kill -KILL "${pid[$id]}" 2>/dev/null; do sleep 0.01; done
  done
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

build() {
  "$top/cmake/bootstrap.sh" --build
  say "building; the first time takes a few minutes"
  (cd "$top" && cmake --preset release && cmake --build --preset release \
    --target zkq-kvd zkq-kv) >"$dir/build.log" 2>&1 || { cat "$dir/build.log"; fail "build"; }
}

# Sets `port` to one that nobody listens on, below those of outgoing connections.
find_port() {
  while :; do
    port=$((10240 + (RANDOM * 32768 + RANDOM) % 20000))
    [[ " ${peer[*]-} ${client[*]-} " != *":$port "* ]] || continue
    (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
}

start() {
  "$bin/zkq-kvd" --id="$1" --data_dir="$dir/$1" --listen="${client[$1]}" \
    --ensemble="1=${peer[1]},2=${peer[2]},3=${peer[3]}" >"$dir/$1.out" 2>>"$dir/$1.err" &
  pid[$1]=$!
  disown # the shell need not report how it ends
}

# wait_for WHAT COMMAND…: until the command succeeds.
wait_for() {
  local what=$1
  shift
  for _ in $(seq 1200); do
    ! "$@" || return 0
    sleep 0.05
  done
  fail "waited in vain for $what"
}

is_ready() {
  kill -0 "${pid[$1]}" 2>/dev/null || fail "server $1 has ended"
  grep -q ^ready "$dir/$1.out"
}

# kv "ID ID …" COMMAND…: the command line, with these servers to try in this order.
kv() {
  local id servers=
  for id in $1; do servers+=${servers:+,}${client[$id]}; done
  shift
  "$bin/zkq-kv" --timeout=30s --servers="$servers" "$@"
}

# field NAME ID: one field of a server's status.
field() { kv "$2" status | grep -o " $1=[^ ]*" | cut -d= -f2; }

has_leader() { [ "$(field role "$1")" != looking ] && [ "$(field leader "$1")" != 0 ]; }
has_caught_up() { [ "$(field applied "$1")" = "$(field committed "$2")" ]; }

compare() {
  cmp -s "$dir/source" "$2" || { diff "$dir/source" "$2" | head -20; fail "$1 differs"; }
  say "$1: all $(wc -l <"$2") records are as in the source"
}

# Waits for the given children; any failure is ours.
wait_all() {
  local child
  for child in "$@"; do wait "$child" || fail "loading"; done
}

build

dpkg-query -W | sort >"$dir/source"
records=$(wc -l <"$dir/source")
half=$(((records + 1) / 2))
head -n "$half" "$dir/source" >"$dir/first"
tail -n +"$((half + 1))" "$dir/source" >"$dir/second"
split -n l/3 --numeric-suffixes=1 -a 1 "$dir/first" "$dir/first."
split -n l/3 --numeric-suffixes=1 -a 1 "$dir/second" "$dir/second."
say "the source: $records packages of this machine, from dpkg-query -W"

for id in 1 2 3; do
  find_port && peer[$id]=127.0.0.1:$port
  find_port && client[$id]=127.0.0.1:$port
done
for id in 1 2 3; do start "$id"; done
for id in 1 2 3; do wait_for "server $id to serve" is_ready "$id"; done
for id in 1 2 3; do wait_for "a leader" has_leader "$id"; done
leader=$(field leader 1)
epoch=$(field epoch 1)
say "three servers in $dir; server $leader leads epoch $epoch"

loaders=()
for id in 1 2 3; do
  kv "$id" load "$dir/first.$id" | sed "s/^/demo: through server $id: /" &
  loaders+=($!)
done
wait_all "${loaders[@]}"

# The second half is under way when the leader dies.
case $leader in 1) live="2 3" ;; 2) live="1 3" ;; 3) live="1 2" ;; esac
loaders=()
for id in 1 2 3; do
  kv "$id $live" load "$dir/second.$id" | sed "s/^/demo: through server $id, while it lives: /" &
  loaders+=($!)
done
kill -KILL "${pid[$leader]}"
killed=$(date +%s%N)
IFS=$'\t' read -r key value <"$dir/second"
kv "$live" put "$key" "$value" || fail "the first write after the crash"
failover=$((($(date +%s%N) - killed) / 1000000))
say "killed server $leader, the leader, with SIGKILL; the next write took $failover ms"
wait_all "${loaders[@]}"

new_leader=$(field leader "${live%% *}")
new_epoch=$(field epoch "${live%% *}")
say "server $new_leader leads epoch $new_epoch"
if [ "$new_leader" = "$leader" ] || [ "$new_epoch" -le "$epoch" ]; then fail "no new leader"; fi

for id in $live; do
  kv "$id" list "" >"$dir/read.$id" || fail "reading from server $id"
  compare "server $id, linearizable" "$dir/read.$id"
done

start "$leader"
wait_for "server $leader to serve" is_ready "$leader"
wait_for "server $leader to catch up" has_caught_up "$leader" "$new_leader"
kv "$leader" --serializable list "" >"$dir/read.$leader" || fail "reading from server $leader"
compare "server $leader, started again, serializable" "$dir/read.$leader"

kv "1 2 3" status -o table | sed "s/^/demo: /"
say "done: $records records, $half of them before the crash; leaders $leader then $new_leader," \
  "epochs $epoch then $new_epoch, failover $failover ms; every comparison held"
