#!/bin/bash
# The replicated key-value store on this machine, while its members come and go.
#
# Installs what is missing, builds, founds three servers in a temporary directory and
# writes to them without a pause. Meanwhile it grows them to five, replaces one that
# has died and one that has lost its disk, makes an observer a voter, and moves all of
# them to new servers in one step. After each it checks that every write that was
# acknowledged is there. Exit 0 only if every check held.
set -euo pipefail
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$top/build/release/bin
dir=$(mktemp -d)
declare -A pid peer client # by server id
live=""                    # the ids of those that belong to it
writer=""

say() { printf 'tour: %s\n' "$*"; }

fail() {
  say "FAILED: $*"
  for id in "${!peer[@]}"; do
    [ ! -s "$dir/$id.err" ] || sed "s/^/server $id: /" "$dir/$id.err"
  done
  exit 1
}

kill_server() {
  while kill -KILL "${pid[$1]}" 2>/dev/null; do sleep 0.01; done
  unset "pid[$1]"
}

cleanup() {
  [ -z "$writer" ] || kill "$writer" 2>/dev/null || true
  for id in "${!pid[@]}"; do kill_server "$id"; done
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

build() {
  "$top/cmake/bootstrap.sh" --build
  say "building; the first time takes a few minutes"
  (cd "$top" && cmake --preset release && cmake --build --preset release \
    --target zkq-kvd zkq-kv zkqctl) >"$dir/build.log" 2>&1 || { cat "$dir/build.log"; fail "build"; }
}

# Sets `port` to one that nobody listens on, below those of outgoing connections.
find_port() {
  while :; do
    port=$((10240 + (RANDOM * 32768 + RANDOM) % 20000))
    [[ " ${peer[*]-} ${client[*]-} " != *":$port "* ]] || continue
    (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
}

# entries "ID ID …": as a list of members.
entries() {
  local id list=
  for id in $1; do list+=${list:+,}$id=${peer[$id]}; done
  printf '%s' "$list"
}

# start ID FLAG…: returns once it can be called.
start() {
  local id=$1 before
  shift
  touch "$dir/$id.out"
  before=$(grep -c ^ready "$dir/$id.out" || true)
  "$bin/zkq-kvd" --id="$id" --data_dir="$dir/$id" --listen="${client[$id]}" "$@" \
    >>"$dir/$id.out" 2>>"$dir/$id.err" &
  pid[$id]=$!
  disown # the shell need not report how it ends
  for _ in $(seq 1200); do
    [ "$(grep -c ^ready "$dir/$id.out" || true)" -eq "$before" ] || return 0
    kill -0 "${pid[$id]}" 2>/dev/null || fail "server $id has ended"
    sleep 0.05
  done
  fail "waited in vain for server $id"
}

# join ID…: they learn, and do not count yet.
join() {
  local id
  for id in "$@"; do
    start "$id" --may_found=false --ensemble="$(entries "$live"),$id=${peer[$id]}"
  done
}

# kv "ID ID …" COMMAND…: the command line, with these servers to try in this order.
kv() {
  local id servers=
  for id in $1; do servers+=${servers:+,}${client[$id]}; done
  shift
  "$bin/zkq-kv" --timeout=30s --servers="$servers" "$@"
}

# ctl WORD…: as an operator.
ctl() {
  local id servers=
  for id in "${!pid[@]}"; do servers+=${servers:+,}${peer[$id]}; done
  say "$ zkqctl $*"
  "$bin/zkqctl" --servers="$servers" "$@" 2>&1 | sed 's/^/tour:   /' || fail "zkqctl $*"
}

# Writes one key after the other through any server that answers; $dir/written has those that were
# acknowledged.
write_on() {
  local i
  for i in $(seq 1000000); do
    # shellcheck disable=SC2046  # a list
    if kv "$(shuf -e $(seq 12) | tr '\n' ' ')" put "key$i" "$i" >/dev/null 2>>"$dir/writer.err"; then
      printf 'key%s\t%s\n' "$i" "$i" >>"$dir/written"
    fi
  done
}

# Every write that was acknowledged before is there, read through each server, and they go on.
check() {
  local id lines
  lines=$(wc -l <"$dir/written")
  for _ in $(seq 1200); do
    [ "$(wc -l <"$dir/written")" -le $((lines + 3)) ] || break
    sleep 0.05
  done
  [ "$(wc -l <"$dir/written")" -gt $((lines + 3)) ] || fail "no write is acknowledged any more"
  for id in $live; do
    ctl_quiet wait-ready "$id"
    sort "$dir/written" >"$dir/expected" # before it is read
    kv "$id" list key | sort >"$dir/read" || fail "reading from server $id"
    [ -z "$(comm -23 "$dir/expected" "$dir/read")" ] || fail "server $id has lost a write"
  done
  say "servers $live: all $(wc -l <"$dir/expected") acknowledged writes are there"
}

ctl_quiet() { ctl "$@" >"$dir/ctl.out" || { cat "$dir/ctl.out"; exit 1; }; }

build
for id in $(seq 12); do
  find_port && peer[$id]=127.0.0.1:$port
  find_port && client[$id]=127.0.0.1:$port
done

live="1 2 3"
founders=$(entries "$live")
for id in $live; do start "$id" --ensemble="$founders"; done
say "three servers in $dir"
: >"$dir/written"
write_on &
writer=$!
disown
check

say "--- it grows to five"
join 4 5
ctl add "4=${peer[4]}" "5=${peer[5]}"
live="1 2 3 4 5"
check

say "--- server 5 dies, and server 6 takes its place"
kill_server 5
join 6
ctl replace 5 "6=${peer[6]}"
live="1 2 3 4 6"
check

say "--- server 4 loses its disk, and takes its seat again"
kill_server 4
rm -rf "${dir:?}/4"
start 4 --may_found=false --ensemble="$(entries "$live")"
ctl replace 4
check

say "--- an observer, server 7, becomes a voter"
start 7 --may_found=false --ensemble="$(entries "$live")" --observers="7=${peer[7]}"
ctl add "7=${peer[7]}:observer"
ctl promote 7
live+=" 7"
check

say "--- all move to new servers, in one step"
join 8 9 10 11 12
ctl reconfig --add="$(entries "8 9 10 11 12")" --remove=1,2,3,4,6,7
for id in $live; do kill_server "$id"; done
live="8 9 10 11 12"
check

ctl status
say "done: $(wc -l <"$dir/written") writes, and every check held"
