# Sourced by the commands here: builds what they need, starts and stops services, prints where it was measured.
#
#   BUILD   the build folder; build/release unless set. server/quickstart makes it.

set -euo pipefail
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-$root/build/release}
scratch=$(mktemp -d)

declare -A service_pid service_port service_admin
# Words before the command of a service and of a load generator: which core, say.
server_prefix=()
load_prefix=()

build_tools() {
    if [ ! -f "$build/CMakeCache.txt" ]; then
        (cd "$root" && server/quickstart --build-only) >&2
    fi
    cmake --build "$build" --target bench >&2
}

# start NAME [ARGUMENT...]: a service with the demo's calls, on ports that the kernel chooses.
start() {
    local name=$1 line='' log=$scratch/$1.log
    shift
    "${server_prefix[@]}" "$build/tothread" serve --demo --set server.listen=127.0.0.1:0 --set server.admin=127.0.0.1:0 "$@" \
        > /dev/null 2> "$log" < /dev/null &
    service_pid[$name]=$!
    for _ in $(seq 200); do
        line=$(grep -m 1 '^event=ready ' "$log") && break
        kill -0 "${service_pid[$name]}" 2> /dev/null || break
        sleep 0.05
    done
    if [ -z "$line" ]; then
        echo "the service did not start:" >&2
        cat "$log" >&2
        exit 1
    fi
    service_port[$name]=$(sed -n 's/.* listen=127\.0\.0\.1:\([0-9]*\).*/\1/p' <<< "$line")
    service_admin[$name]=$(sed -n 's/.* admin=127\.0\.0\.1:\([0-9]*\).*/\1/p' <<< "$line")
}

# stop NAME: a SIGTERM drains, a second one ends.
stop() {
    local pid=${service_pid[$1]}
    unset "service_pid[$1]"
    kill -TERM "$pid" 2> /dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2> /dev/null || break
        sleep 0.05
    done
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
}

finish() {
    local name
    for name in "${!service_pid[@]}"; do
        stop "$name"
    done
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

load() {
    timeout 60 "${load_prefix[@]}" "$build/tests/bench/load" "$@"
}

# value NAME LINE: the figure of "NAME=FIGURE" in a line of load or flood.
value() {
    sed -n "s/\(.* \)\{0,1\}$1=\([^ ]*\).*/\2/p" <<< "$2"
}

# median FIGURE...
median() {
    printf '%s\n' "$@" | sort -n | awk '{a[NR] = $1} END {print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'
}

# is "AWK CONDITION"
is() {
    awk "BEGIN {exit !($1)}"
}

# memory NAME VmRSS|VmHWM: KiB, resident now or at most
memory() {
    awk -v field="$2:" '$1 == field {print $2}' "/proc/${service_pid[$1]}/status"
}

load_before=$(cut -d' ' -f1 /proc/loadavg) # of what ran before this command
missed=0
# bar "AWK CONDITION": "yes" or "NO"; the latter makes the exit status 1.
bar() {
    if is "$1"; then
        verdict=yes
    else
        verdict=NO
        missed=1
    fi
}

machine() {
    echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), Linux $(uname -r)," \
        "$(. /etc/os-release && echo "$PRETTY_NAME"); load average before: $load_before"
}

print_machine() {
    echo
    echo "$(machine); servers and clients on the same machine, 127.0.0.1. Command: \`$1\`"
    if is "$load_before > 0.75 * $(nproc)"; then
        echo
        echo "The machine was busy with other things: what needs CPU is better than this says. Measure again."
    fi
}
