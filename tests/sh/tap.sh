#!/bin/sh
# TAP for shell tests, and servers for them to talk to.  To be sourced.
# What it sets for them: tap_dir, log, server, port, status.
# shellcheck disable=SC2034,SC2317

: "${HARK:?names the command under test}"
set -u
tap_count=0
tap_failed=0
tap_dir=$(mktemp -d "${TMPDIR:-/tmp}/hark-test.XXXXXX") || exit 1
tap_pids=

# Servers that a test left behind are ended with it.
tap_end() {
	for tap_pid in $tap_pids; do
		kill -KILL "$tap_pid" 2>/dev/null
	done
	rm -rf "$tap_dir"
}
trap tap_end EXIT
trap 'exit 1' INT TERM

pass() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

fail() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
}

# skip SENTENCE REASON
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# Shows text as diagnostics.
note() {
	printf '%s\n' "$1" | sed 's/^/# /'
}

# is SENTENCE ACTUAL EXPECTED
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1"
		note "     got: $2"
		note "expected: $3"
	fi
}

# has SENTENCE TEXT PART...: every part occurs in the text
has() {
	tap_name=$1 tap_text=$2
	shift 2
	for tap_part in "$@"; do
		case $tap_text in
		*"$tap_part"*) ;;
		*)
			fail "$tap_name"
			note " got: $tap_text"
			note "lacks: $tap_part"
			return
			;;
		esac
	done
	pass "$tap_name"
}

# present COMMAND
present() {
	command -v "$1" >/dev/null 2>&1
}

# within SECONDS COMMAND...: until it succeeds
within() {
	tap_tries=$(($1 * 20))
	shift
	while ! "$@"; do
		tap_tries=$((tap_tries - 1))
		[ "$tap_tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

# serve ARGUMENT...: a server in the background.  $server is its pid, $log its standard
# error, $port the port of its first address.
serve() {
	log=$tap_dir/log.$tap_count
	: >"$log"
	"$HARK" serve "$@" 2>"$log" &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 serve_is_up
	grep -q 'listening on' "$log" || {
		fail "server starts: $*"
		note "$(cat "$log")"
		done_testing
	}
	port=$(sed -n 's/^hark: listening on [^,]*:\([0-9]*\),.*/\1/p' "$log" | head -n 1)
}

serve_is_up() {
	grep -q 'listening on .*, backlog' "$log" || ! kill -0 "$server" 2>/dev/null
}

# gone PID: it has ended; it may be waiting to be reaped by somebody else.
gone() {
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	'' | Z*) ;;
	*) return 1 ;;
	esac
}

# No process of the server's runs any more, and none waits to be reaped.
childless() {
	[ -z "$(ps -o pid= --ppid "$server")" ]
}

# finish SIGNAL: ends the server; $status is its exit code.
finish() {
	kill "-$1" "$server"
	wait "$server"
	status=$?
}

# $port: one that was free a moment ago.
free_port() {
	serve --echo 127.0.0.1:0
	finish TERM
}

# start NAME ARGUMENT...: an example in the background, until $port is open; what it says
# is in $tap_dir/NAME, and $server is its pid.
start() {
	name=$1
	shift
	"$HARK_EXAMPLES/$name" "$@" >"$tap_dir/$name" 2>&1 &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 listening || {
		fail "example starts: $name $*"
		note "$(cat "$tap_dir/$name")"
		done_testing
	}
}

listening() {
	[ -n "$(ss -ltnH "sport = :$port")" ]
}

# stays NAME NC-ARGUMENT...: a client that stays; $stayed its pid, its output in out.NAME
stays() {
	stay_name=$1
	shift
	: >"$tap_dir/out.$stay_name"
	nc.openbsd -d "$@" >"$tap_dir/out.$stay_name" &
	stayed=$!
	tap_pids="$tap_pids $stayed"
}

# in_queue N: so many wait at $port to be accepted
in_queue() {
	[ "$(ss -ltnH "sport = :$port" | awk '{ print $2 }')" = "$1" ]
}

# said NAME PATTERN: that client was told so
said() {
	grep -q "$2" "$tap_dir/out.$1"
}

# leave PID...: these clients go
leave() {
	kill "$@"
	wait "$@" 2>/dev/null
}

# logged PATTERN N: so many lines of $log have it
logged() {
	[ "$(grep -c "$1" "$log")" -ge "$2" ]
}

done_testing() {
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
	exit
}
