#!/bin/sh
# When a server is ready: the port on standard output, a newline on a descriptor, and both
# not before clients can connect.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# launch ARGUMENT...: with its standard output in $said, its standard error in $log
launch() {
	said=$tap_dir/said.$tap_count log=$tap_dir/log.$tap_count
	: >"$said"
	: >"$log"
	"$HARK" serve "$@" >"$said" 2>"$log" &
	server=$!
	tap_pids="$tap_pids $server"
}

lines() {
	wc -l <"$1" | tr -d ' '
}

has_lines() {
	[ "$(lines "$1")" -ge "$2" ]
}

logged() {
	grep -q "$1" "$log"
}

ask() {
	echo ohai | timeout 20 nc.openbsd -N "$@"
}

# hear: what a program says that does not read; a word to it would make its end a reset.
hear() {
	timeout 20 nc.openbsd -N "$@" </dev/null
}

# ---------------------------------------------------------------------- --print-port

launch -1 127.0.0.1:0 -- cat
within 10 has_lines "$said" 1
port=$(cat "$said")
is "-1 prints the port" "$(tr -d 0-9 <"$said")$(lines "$said")" 1
is "which is where it listens" "$(ask 127.0.0.1 "$port")" ohai
finish TERM
is "and nothing more until the end" "$(cat "$said")" "$port"

# As a script would: the reader gets the end of the output, and so goes on.
mkfifo "$tap_dir/ports"
"$HARK" serve --print-port 127.0.0.1:0 127.0.0.1:0 "unix:$tap_dir/sock" 127.0.0.1:0 -- cat \
	>"$tap_dir/ports" 2>"$tap_dir/log" &
server=$!
tap_pids="$tap_pids $server"
ports=$(timeout 20 cat "$tap_dir/ports")
is "the reader gets the end" $? 0
printf '%s\n' "$ports" >"$tap_dir/lines"
is "a line an address" "$(lines "$tap_dir/lines")" 4
is "which is empty for a Unix socket" "$(sed -n 3p "$tap_dir/lines")" ""
for i in 1 2 4; do
	is "address $i is at the port of line $i" \
		"$(ask 127.0.0.1 "$(sed -n ${i}p "$tap_dir/lines")")" ohai
done
is "they are three" "$(sort -u "$tap_dir/lines" | grep -c .)" 3
finish TERM

if grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; then
	launch -1 localhost:0 '*:0' 0 -- cat
	within 10 has_lines "$said" 3
	is "IPv4 and IPv6 of an address share a line" "$(lines "$said")" 3
	for i in 1 2 3; do
		port=$(sed -n ${i}p "$said")
		is "address $i: both are at that port" "$(ask 127.0.0.1 "$port")$(ask ::1 "$port")" \
			ohaiohai
	done
	finish TERM
else
	skip "IPv4 and IPv6 of an address share a line" "this host has no IPv6"
fi

launch -1 --echo 127.0.0.1:0
within 10 has_lines "$said" 1
is "a built-in service prints it too" "$(ask 127.0.0.1 "$(cat "$said")")" ohai
finish TERM

# What was printed for a program that the server starts is none of the port's.
launch -1 127.0.0.1:0 -- sh -c 'echo answer'
within 10 has_lines "$said" 1
is "a program's output is the client's" "$(hear 127.0.0.1 "$(cat "$said")")" answer
finish TERM
is "and not with the port" "$(lines "$said")" 1

# ----------------------------------------------------------------------- --notify-fd

# The end of the fifo comes when nobody has its other end any more: hark closed it, and a
# program has not got it.
mkfifo "$tap_dir/ready"
"$HARK" serve -1 --notify-fd 7 127.0.0.1:0 -- sh -c 'echo in; exec cat' \
	>"$tap_dir/port" 2>"$tap_dir/log" 7>"$tap_dir/ready" &
server=$!
tap_pids="$tap_pids $server"
timeout 20 cat "$tap_dir/ready" >"$tap_dir/notice"
is "--notify-fd: closed while the server goes on" $? 0
kill -0 "$server"
is "which is there" $? 0
is "--notify-fd: exactly a newline" "$(od -An -c "$tap_dir/notice" | tr -d ' ')" '\n'
is "and clients are served" "$(ask 127.0.0.1 "$(cat "$tap_dir/port")" | tr '\n' ' ')" "in ohai "
finish TERM

# bad_notify SENTENCE VALUE PART...
bad_notify() {
	sentence=$1 value=$2
	shift 2
	told=$("$HARK" serve --notify-fd "$value" "unix:$tap_dir/none" -- cat 2>&1 </dev/null 3<&-)
	is "--notify-fd $sentence: exit code" $? 100
	has "--notify-fd $sentence" "$told" "'$value'" "$@"
	is "--notify-fd $sentence: one line" "$(printf '%s\n' "$told" | wc -l | tr -d ' ')" 1
	is "--notify-fd $sentence: nothing is left" "$(ls "$tap_dir/none" 2>/dev/null)" ""
}
bad_notify "not open" 77 "no such descriptor was open"
bad_notify "0, standard input" 0 "number from 1"
bad_notify "2, standard error of programs" 2 "of the programs too"
bad_notify "text" ready "number from 1"
bad_notify "negative" -3 "number from 1"
bad_notify "empty" "" "number from 1"
bad_notify "3, which nobody opened" 3 "no such descriptor was open"

# Any descriptor that is open will do; and a program's own 0, 1, 2 are whole then.
descriptors='i=0
	while [ $i -lt 64 ]; do
		if [ -h /proc/$$/fd/$i ]; then
			printf "%s " $i
		fi
		i=$((i + 1))
	done'
launch --notify-fd 1 127.0.0.1:0 -- sh -c "$descriptors"
within 10 has_lines "$said" 1
port=$(sed -n 's/.* on .*:\([0-9]*\), .*/\1/p' "$log")
is "--notify-fd 1" "$(od -An -c "$said" | tr -d ' ')" '\n'
is "leaves programs their descriptors" "$(hear 127.0.0.1 "$port")" "0 1 2 "
finish TERM

launch --notify-fd 7 127.0.0.1:0 -- cat 7</dev/null
within 10 logged 'notify-fd'
has "a descriptor that cannot be written to is told" "$(cat "$log")" "--notify-fd 7"
port=$(sed -n 's/.* on .*:\([0-9]*\), .*/\1/p' "$log")
is "and clients are served all the same" "$(ask 127.0.0.1 "$port")" ohai
finish TERM

# A reader that went away must not end the server.
mkfifo "$tap_dir/gone"
exec 8<>"$tap_dir/gone"
launch --notify-fd 7 127.0.0.1:0 -- cat 7>"$tap_dir/gone" 8<&-
exec 8<&-
within 10 logged 'listening on'
port=$(sed -n 's/.* on .*:\([0-9]*\), .*/\1/p' "$log")
is "a reader that went away does not hurt" "$(ask 127.0.0.1 "$port")" ohai
finish TERM
is "exit 0" "$status" 0

# ------------------------------------------------------------------- not before it is

# Whoever has read the notice connects at once, without a second try.
once() {
	"$HARK" serve -1 --notify-fd 7 127.0.0.1:0 "unix:$tap_dir/sock" --echo \
		>"$tap_dir/port" 2>"$tap_dir/log" 7>"$tap_dir/ready" &
	server=$!
	tap_pids="$tap_pids $server"
	read -r _ <"$tap_dir/ready"
	port=$(head -n 1 "$tap_dir/port")
	[ "$(ask 127.0.0.1 "$port")$(ask -U "$tap_dir/sock")" = ohaiohai ]
}
good=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	if once; then
		good=$((good + 1))
	fi
	finish TERM
	[ "$status" = 0 ] || note "exit $status"
done
is "after the notice every first try is served" $good 10

"$HARK" serve -1 --notify-fd 7 1.2.3.4:80 --echo >"$tap_dir/port" 7>"$tap_dir/notice" \
	2>"$tap_dir/log"
is "nothing of both when it fails" "$?:$(cat "$tap_dir/port" "$tap_dir/notice")" 111:

# ------------------------------------------------------------ no, or full, output

log=$tap_dir/log.closed
: >"$log"
"$HARK" serve -1 127.0.0.1:0 -- cat >&- 2>"$log" &
server=$!
tap_pids="$tap_pids $server"
within 10 logged 'listening on'
port=$(sed -n 's/.* on .*:\([0-9]*\), .*/\1/p' "$log")
is "a closed standard output does not hurt" "$(ask 127.0.0.1 "$port")" ohai
finish TERM
is "closed: exit 0" "$status" 0

log=$tap_dir/log.full
: >"$log"
"$HARK" serve -1 127.0.0.1:0 -- cat >/dev/full 2>"$log" &
server=$!
tap_pids="$tap_pids $server"
within 10 logged 'ENOSPC'
has "a full one is told" "$(cat "$log")" "hark: cannot write to standard output" ENOSPC
port=$(sed -n 's/.* on .*:\([0-9]*\), .*/\1/p' "$log")
is "and the server goes on" "$(ask 127.0.0.1 "$port")" ohai
finish TERM
is "full: exit 0" "$status" 0
is "full: told once" "$(grep -c ENOSPC "$log")" 1

done_testing
